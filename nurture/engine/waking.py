"""Exhausted runs go on when their sequence has got more content, in order and never in a burst.

A run that has received everything is in front of no step, so nothing that it was promised changes
when it is taken over to the version that is published now: that happens to every exhausted run,
whether or not something is new for it. The ones for whom there is something wake, those first who
became exhausted first, a few at a time and only while the window is open for them; from there on
every rule applies as to any other run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from nurture.domain import enrollment as e
from nurture.domain.contact import Contact
from nurture.domain.enrollment import Enrollment
from nurture.domain.evolve import evolve
from nurture.domain.migrating import cuts
from nurture.domain.sequence import Email
from nurture.domain.sequence import Sequence as Steps
from nurture.domain.waiting import opening
from nurture.domain.waking import wakes_into
from nurture.engine.definitions import Definition, asks_history
from nurture.engine.dependencies import Dependencies
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.store import queued, runs, waking
from nurture.store.runs import Run

# Runs of one sequence woken in one go. With a ticker that looks every ten seconds some 36,000 wake
# in an hour, which no window and no cap has to bear at once.
AT_ONCE = 100
# Runs looked at in one transaction, and how often in one go: there may be many for whom nothing is
# new, or whose window is closed, before the first that wakes.
PAGE = 500
MOST_PAGES = 10
TAKEN_OVER = "TakenOver"


def wake_exhausted(deps: Dependencies, now: datetime, limit: int = AT_ONCE) -> int:
    """Wake up to `limit` exhausted runs of each sequence with new content; return how many."""
    with deps.database.read() as tx:
        pending = waking.pending(tx)
    woken = 0
    for sequence_id in pending:
        # Putting many in their order takes a while, so it is done where nobody waits for a lock.
        with deps.database.read() as tx:
            ids = waking.asleep(tx, sequence_id, PAGE * MOST_PAGES)
        left = limit
        for start in range(0, len(ids), PAGE):
            page = partial(
                _wake, sequence_id=sequence_id, ids=ids[start : start + PAGE], limit=left
            )
            left -= committed(deps, now, page)
            if left <= 0:
                break
        woken += limit - left
    return woken


def open_queued(deps: Dependencies, now: datetime, limit: int = PAGE) -> int:
    """Open what waits in a queue though its place is free; return how much there was.

    A run that ends opens the next one itself. This is for what was queued in the very moment in
    which it ended, or behind a run that was broken off.
    """
    with deps.database.read() as tx:
        if not queued.left_behind(tx, 1):
            return 0

    def body(work: Work) -> int:
        found = queued.left_behind(work.tx, limit)
        taken = queued.take(work.tx, [one.place for one in found])
        work.doors.enqueue_again(work, taken)
        return len(taken)

    return committed(deps, now, body)


@dataclass(frozen=True, slots=True)
class _Sleeper:
    """An exhausted run, as it is and as it is once it has been taken over."""

    run: Run
    old: Steps
    rebase: e.Rebase
    then: Enrollment

    def target(self, new: Steps, contact: Contact | None) -> str:
        """Return the step into which the run wakes; empty when nothing is new for it."""
        received = contact.received if contact else frozenset[str]()
        return wakes_into(self.then, self.old, new, received)

    @property
    def changes(self) -> bool:
        """Whether taking the run over changes more than its version."""
        return bool(self.rebase.passes) or self.rebase.step is not None


def _wake(work: Work, sequence_id: int, ids: Sequence[int], limit: int) -> int:
    ours = waking.still_asleep(work.tx, sequence_id, ids)
    current = {one.sequence_id: one for one in work.catalog.current.values()}
    definition = current.get(sequence_id)
    if definition is None or not ours:
        return 0
    new = definition.sequence
    found = runs.by_ids(work.tx, ours)
    sleepers = {run.enrollment.id: _sleeper(work, run, new) for run in work.know(found.values())}
    # Contacts are read only where something may follow for them.
    hopeful = [one for one in sleepers.values() if one.target(new, None) or one.changes]
    work.see({one.then.contact_id for one in hopeful}, history=asks_history(new))
    moved: list[int] = []
    woken = 0
    for sleeper in (sleepers[key] for key in ids if key in sleepers):
        contact = work.contacts.get(sleeper.then.contact_id)
        target = sleeper.target(new, contact) if contact else ""
        if target and woken == limit:
            break
        if target and contact and _is_closed(new, contact, target, work.now):
            continue
        _take_over(work, sleeper, definition, wakes=bool(target))
        moved.append(sleeper.then.id)
        if target:
            work.tell(sleeper.then.id, e.ContentAdded(target))
            woken += 1
    waking.pin(work.tx, moved, definition.version_id)
    work.looks.watching(new, (sleepers[key].then.contact_id for key in moved))
    return woken


def _sleeper(work: Work, run: Run, new: Steps) -> _Sleeper:
    was = run.enrollment
    step = None
    if was.step and was.step not in new.by_key:
        met = [key for key in new.by_key if key in was.passes]
        step = met[-1] if met else ""
    rebase = e.Rebase(new.version, cuts(was, new), step)
    return _Sleeper(run, work.definition(run).sequence, rebase, evolve(was, [rebase]))


def _take_over(work: Work, sleeper: _Sleeper, definition: Definition, *, wakes: bool) -> None:
    """Pin a run to the version that is published; logged where anything but that changes."""
    if wakes or sleeper.changes:
        work.tell(sleeper.then.id, e.Decided(TAKEN_OVER, (sleeper.rebase,)))
    run = work.runs[sleeper.then.id].at(sleeper.then)
    work.runs[sleeper.then.id] = replace(run, version_id=definition.version_id)


def _is_closed(sequence: Steps, contact: Contact, target: str, now: datetime) -> bool:
    """Return whether the window is closed for an email; who then wakes is not yet decided."""
    step = sequence.by_key[target]
    return isinstance(step, Email) and opening(sequence, contact, step, now) > now
