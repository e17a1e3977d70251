"""Pausing a sequence and letting it go on: nobody is mailed meanwhile, and nothing bursts after.

A pause freezes every live run where it stands. Sends that are queued stay in the queue, for a
claim leaves out paused sequences. How the runs go on is decided in `nurture.domain.resuming`; what
contacts did meanwhile is told to their runs then, so that a cart that was bought during the pause
is not reminded of after it. Whatever is due at once is spread, sends in the queue among it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from nurture.domain import enrollment as e
from nurture.domain.resuming import Pause, Resumption, resumed, turn_of
from nurture.engine.dependencies import Dependencies
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid, NotFound, Problem, Refused
from nurture.store import operations, pausing, people, published, runs
from nurture.store.pausing import Frozen, Standstill

# Runs stopped or let go in one transaction, so that clicks and workers never wait long.
CHUNK = 500
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Paused:
    """A pause that stands: since when, and how many runs this call stopped."""

    since: datetime
    stopped: int


def pause(deps: Dependencies, key: str, reason: str, by: str, now: datetime) -> Paused:
    """Pause the sequence called `key`. Pausing what is paused stops whatever still moves.

    Raises NotFound for no such sequence, Refused while it is not published, and Invalid without
    a reason.
    """
    reason = reason.strip()
    if not reason:
        told = Problem("a pause needs a reason", "Say why, for whoever reads this later.")
        raise Invalid.because([told])
    with deps.database.begin() as tx:
        found = pausing.pause_of(tx, key, lock=True)
        if found is None:
            raise _unknown(key)
        if not found.published:
            raise Refused("a sequence that is not published cannot be paused")
        since = found.since or now
        if found.since is None:
            published.set_paused(tx, found.sequence_id, now, reason[:LONGEST_REASON])
            operations.note(tx, by, "pause", key, {"reason": reason[:LONGEST_REASON]}, now)
    stopped = 0
    while True:
        with deps.database.begin() as tx:
            some = pausing.freeze(tx, found.sequence_id, now, CHUNK)
        stopped += some
        if some < CHUNK:
            return Paused(since, stopped)


def resume(
    deps: Dependencies, key: str, by: str, now: datetime, plan: Resumption | None = None
) -> int:
    """Let the sequence called `key` go on as `plan` says; return how many runs were let go.

    The pause is lifted last: a crash in between leaves the sequence paused, and resuming again
    takes up the rest. Raises NotFound for no such sequence and Refused when nothing is paused.
    """
    how = plan or Resumption()
    with deps.database.read() as tx:
        found = pausing.pause_of(tx, key)
        if found is None:
            raise _unknown(key)
        if found.since is None and not pausing.count_frozen(tx, found.sequence_id):
            raise Refused(
                f"{key} is not paused", remedy="`nurture sequence list` names those that are."
            )
    thaw = _Thaw(found.sequence_id, how)
    let_go = _thaw_all(deps, thaw, now)
    if found.since is not None:
        with deps.database.begin() as tx:
            published.set_paused(tx, found.sequence_id, None, "")
            seconds = int((now - found.since).total_seconds())
            told = {
                "runs": let_go, "paused_seconds": seconds, "reason": found.reason,
                "how": how.how.value, "over_seconds": int(how.over.total_seconds()),
            }  # fmt: skip
            operations.note(tx, by, "resume", key, told, now)
        # Who was enrolled while the last chunk was written began frozen, and must not stay so.
        let_go += _thaw_all(deps, thaw, now)
    return let_go


def standstill(deps: Dependencies, key: str, now: datetime) -> Standstill:
    """Return who stands still in a paused sequence, and how many would be due now.

    Raises NotFound for no such sequence.
    """
    with deps.database.read() as tx:
        found = pausing.pause_of(tx, key)
        if found is None:
            raise _unknown(key)
        return pausing.standstill(tx, found.sequence_id, now)


@dataclass
class _Thaw:
    """Letting the runs of one sequence go. `turns` counts the runs of each contact so far."""

    sequence_id: int
    plan: Resumption
    turns: Counter[int] = field(default_factory=Counter)


def _thaw_all(deps: Dependencies, thaw: _Thaw, now: datetime) -> int:
    total = 0
    while True:
        some, turns = committed(deps, now, partial(_thaw, thaw=thaw))
        # Only now is it certain that they had their turns.
        thaw.turns.update(turns)
        total += some
        if some < CHUNK:
            return total


def _thaw(work: Work, thaw: _Thaw) -> tuple[int, Counter[int]]:
    # Contacts before runs, as whoever records their events does.
    people.lock(work.tx, pausing.frozen_contacts(work.tx, thaw.sequence_id, CHUNK))
    stopped = pausing.frozen(work.tx, thaw.sequence_id, CHUNK)
    return len(stopped), _go_on(work, stopped, thaw) if stopped else Counter()


def let_go_on(work: Work, run_id: int) -> None:
    """Let a run go on that stands still though its sequence is not paused, as after a pause."""
    found = pausing.astray(work.tx, run_id)
    people.lock(work.tx, [one.contact_id for one in found])
    if stopped := pausing.astray(work.tx, run_id, lock=True):
        _go_on(work, stopped, _Thaw(0, Resumption()))


def _go_on(work: Work, stopped: Sequence[Frozen], thaw: _Thaw) -> Counter[int]:
    """Let runs go on, which are locked; return how many each contact has of them."""
    turns: Counter[int] = Counter()
    pausing.thaw(work.tx, stopped)
    work.take_up(runs.by_ids(work.tx, [one.id for one in stopped]).values())
    earliest = min(one.frozen_at for one in stopped)
    missed = pausing.happened_since(work.tx, {one.contact_id for one in stopped}, earliest)
    under_way = pausing.under_way(work.tx, [one.id for one in stopped])
    later: dict[int, datetime] = {}
    for one in stopped:
        told = tuple(
            occurrence
            for occurrence, recorded_at in missed.get(one.contact_id, ())
            if recorded_at >= one.frozen_at
        )
        turn = thaw.turns[one.contact_id] + turns[one.contact_id]
        stood = Pause(one.frozen_at, work.now, told, turn, one.id in under_way)
        situation = work.situation(one.id)
        decided = resumed(situation, stood, thaw.plan)
        if decided:
            work.tell(one.id, e.Decided(f"Resumed {thaw.plan.how}", decided))
        if isinstance(work.runs[one.id].enrollment.state, e.Sending):
            later[one.id] = turn_of(situation, stood, thaw.plan)
        turns[one.contact_id] += 1
        # What the clock turned during the pause was looked at by nobody.
        work.looks.watching(situation.sequence, [one.contact_id])
    pausing.put_off(work.tx, later)
    return turns


def _unknown(key: str) -> NotFound:
    return NotFound(f"there is no sequence {key!r}", remedy="`nurture sequence list` names them.")
