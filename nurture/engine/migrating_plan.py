"""What a migration does with a part of the runs: read, decided, and not yet written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from nurture.domain import enrollment as e
from nurture.domain.migrating import Choices, Trace, Waits, migrate
from nurture.domain.sequence import Email
from nurture.engine.definitions import Definition, asks_history
from nurture.engine.migration_tally import Overview, Planned
from nurture.engine.work import Work
from nurture.store import migrating, people, runs
from nurture.store.database import Transaction
from nurture.store.migrating import SendTrace


def plan(
    work: Work,
    found: Overview,
    choices: Choices,
    part: Sequence[migrating.Elsewhere],
    *,
    lock: bool,
) -> Iterator[Planned]:
    """Decide for a part of the runs. They are left in the work as they were."""
    if lock:
        # Contacts first, as claims and events do: no send of theirs is claimed from here on.
        people.lock(work.tx, {one.contact_id for one in part})
    ids = [one.run_id for one in part]
    frozen = {one.run_id: one.frozen_at for one in part}
    known = runs.by_ids(work.tx, ids, lock=lock).values()
    live = [
        run
        for run in work.take_up(known)
        if run.enrollment.is_live and run.version_id != found.definition.version_id
    ]
    new = found.definition
    work.catalog = work.definitions.including(work.tx, {new.version_id})
    history = asks_history(new.sequence)
    work.see({run.enrollment.contact_id for run in live}, history=history)
    sends = migrating.sends_of(work.tx, ids)
    begun: Mapping[int, datetime] = {}
    if choices.waits is Waits.RECOMPUTE:
        begun = _begun(work.tx, [run.enrollment for run in live])
    for run in live:
        one = run.enrollment
        # A run that stands still is decided for the moment at which it stopped: resuming then
        # moves what was decided by as long as it stood.
        at = frozen.get(one.id) or work.now
        trace = _trace(one, sends.get(one.id, ()), begun.get(one.id))
        old = work.definition(run).sequence
        work.runs[one.id] = replace(run, version_id=new.version_id)
        situation = work.situation(one.id)
        work.runs[one.id] = run
        yield Planned(run, migrate(situation, old, choices, at, trace))


def _trace(run: e.Enrollment, sends: Sequence[SendTrace], began: datetime | None) -> Trace:
    touch = (run.step, run.passes.get(run.step, 1))
    mine = {one.status for one in sends if (one.step, one.pass_no) == touch}
    open_ones = {"queued", "held"}
    return Trace(began, bool(mine & {"claimed", "uncertain"}), bool(mine - open_ones))


def readdressed(
    new: Definition, run: e.Enrollment, sends: Sequence[SendTrace]
) -> Iterator[dict[str, Any]]:
    """Yield the unsent send that a run still waits for, as the new version would send it."""
    step = new.sequence.by_key.get(run.step)
    if not isinstance(step, Email) or not isinstance(run.state, e.Sending | e.Holding):
        return
    for one in sends:
        if (one.step, one.pass_no) == (run.step, run.passes.get(run.step, 1)):
            yield {
                "id": one.id, "status": one.status, "version_id": new.version_id,
                "content": step.template, "topic": step.topic,
            }  # fmt: skip


def _begun(tx: Transaction, live: Sequence[e.Enrollment]) -> dict[int, datetime]:
    """Return when the waits at the cursors began, as the log says, moved as pauses moved them."""
    waiting = {run.id: run.step for run in live if isinstance(run.state, e.Waiting) and run.step}
    found = {}
    for run_id, lines in migrating.decisions_of(tx, waiting).items():
        began = _wait_of(waiting[run_id], lines)
        if began is not None:
            found[run_id] = began
    return found


def _wait_of(step: str, lines: Sequence[tuple[datetime, str, list[Any]]]) -> datetime | None:
    began, last, moved = None, None, timedelta()
    for at, cause, decided in lines:
        for one in decided:
            if one.get("step") != step:
                continue
            if one["do"] == "Meet":
                began, last, moved = at, None, timedelta()
            elif one["do"] == "WaitUntil":
                due = datetime.fromisoformat(one["at"])
                if last is not None and cause.startswith("Resumed"):
                    moved += due - last
                last = due
    return None if began is None or last is None else began + moved
