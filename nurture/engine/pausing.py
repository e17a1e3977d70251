"""Pausing a sequence and letting it go on: nobody is mailed meanwhile, and nothing bursts after.

A pause freezes every live run where it stands. Sends that are queued stay in the queue, for a
claim leaves out paused sequences. Resuming shifts: each run's timer, and the deadline of what it
awaits, moves by as long as that very run stood still, so that contacts stay as far apart as they
were. What contacts did meanwhile is told to their runs then, so that a cart that was bought
during the pause is not reminded of after it.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from nurture.domain import enrollment as e
from nurture.engine.dependencies import Dependencies
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid, NotFound, Problem, Refused
from nurture.store import operations, pausing, published, runs

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


def resume(deps: Dependencies, key: str, by: str, now: datetime) -> int:
    """Let the sequence called `key` go on; return how many runs were let go.

    The pause is lifted last: a crash in between leaves the sequence paused, and resuming again
    takes up the rest. Raises NotFound for no such sequence and Refused when nothing is paused.
    """
    with deps.database.read() as tx:
        found = pausing.pause_of(tx, key)
        if found is None:
            raise _unknown(key)
        if found.since is None and not pausing.count_frozen(tx, found.sequence_id):
            raise Refused("this sequence is not paused")
    let_go = _thaw_all(deps, found.sequence_id, now)
    if found.since is not None:
        with deps.database.begin() as tx:
            published.set_paused(tx, found.sequence_id, None, "")
            seconds = int((now - found.since).total_seconds())
            told = {"runs": let_go, "paused_seconds": seconds, "reason": found.reason}
            operations.note(tx, by, "resume", key, told, now)
        # Who was enrolled while the last chunk was written began frozen, and must not stay so.
        let_go += _thaw_all(deps, found.sequence_id, now)
    return let_go


def _thaw_all(deps: Dependencies, sequence_id: int, now: datetime) -> int:
    total = 0
    while True:
        some = committed(deps, now, partial(_thaw, sequence_id=sequence_id))
        total += some
        if some < CHUNK:
            return total


def _thaw(work: Work, sequence_id: int) -> int:
    stopped = pausing.frozen(work.tx, sequence_id, CHUNK)
    if not stopped:
        return 0
    pausing.thaw(work.tx, stopped, work.now)
    work.take_up(runs.by_ids(work.tx, [one.id for one in stopped]).values())
    earliest = min(one.frozen_at for one in stopped)
    missed = pausing.happened_since(work.tx, {one.contact_id for one in stopped}, earliest)
    for one in stopped:
        for occurrence, recorded_at in missed.get(one.contact_id, ()):
            if recorded_at >= one.frozen_at and work.runs[one.id].enrollment.is_live:
                work.tell(one.id, e.Happened(occurrence), event_id=occurrence.id)
    return len(stopped)


def _unknown(key: str) -> NotFound:
    return NotFound(f"there is no sequence {key!r}", remedy="`nurture sequence list` names them.")
