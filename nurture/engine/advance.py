"""Time passes: runs whose timer has come are moved on, a batch in a transaction."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.domain import enrollment as e
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import OF_THE_MOMENT, break_off, isolate
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Conflict
from nurture.store import runs
from nurture.store.batches import mark_enqueued, waiting_batches

log = logging.getLogger(__name__)

# Due runs decided in one transaction: large enough to spread the cost of its queries, small
# enough that a click never waits long for the same rows.
CHUNK = 500

# A batch whose wake-up got lost is enqueued again after this long. Short, because a batch that
# still waits in Redis is not enqueued a second time, and a second worker only lends a hand.
PATIENCE = timedelta(seconds=10)


def advance(deps: Dependencies, now: datetime, limit: int = CHUNK) -> int:
    """Move up to `limit` due runs on; return how many there were.

    Several schedulers may do this at once: each takes rows that no other one holds.
    """

    def body(work: Work) -> int:
        found = work.take_up(runs.due(work.tx, now, limit))
        for run in found:
            work.tell(run.enrollment.id, e.TimerFired())
        return len(found)

    return committed(deps, now, body, holds=still_due)


def still_due(work: Work) -> None:
    """Raise Conflict when one of the runs that were read is not due any more: somebody stopped it.

    What else became of a run is seen by its revision when it is saved.
    """
    if runs.count_due(work.tx, work.now, work.runs) < len(work.runs):
        raise Conflict("a run that was due was stopped", remedy="look again what is due")


@dataclass(frozen=True, slots=True)
class Advanced:
    """How many runs were moved on, and how many failed because no rule could be applied to them."""

    moved: int
    failed: int = 0


def advance_around(deps: Dependencies, now: datetime, limit: int = CHUNK) -> Advanced:
    """Do what `advance` does, around runs that raise: those end as failed, all others go on.

    When not one of several runs goes through, the fault is not theirs: nothing is failed and
    the error is raised, to be tried again once the rule or the database is mended.
    """
    try:
        return Advanced(advance(deps, now, limit))
    except OF_THE_MOMENT:
        raise
    except Exception:
        log.exception("advancing a batch of runs failed; trying its parts")
    with deps.database.read() as tx:
        ids = runs.due_ids(tx, now, limit)

    def some(part: Sequence[int]) -> None:
        def body(work: Work) -> None:
            for run in work.take_up(runs.due(work.tx, now, len(part), among=part)):
                work.tell(run.enrollment.id, e.TimerFired())

        committed(deps, now, body)

    bad = isolate(ids, some)
    if len(bad) == len(ids) > 1:
        raise bad[0].error
    for one in bad:
        log.error("run %d cannot go on and is failed: %r", one.item, one.error)
        break_off(deps, one.item, one.error, now)
    return Advanced(len(ids) - len(bad), len(bad))


def wake_waiting(deps: Dependencies, now: datetime, limit: int = 200) -> int:
    """Enqueue batches that could go now and that no worker was told of lately; return how many.

    This is what makes Redis forgettable: whatever it lost is in the database still.
    """
    with deps.database.begin() as tx:
        wall = deps.wall.now()
        batches = waiting_batches(tx, now, wall - PATIENCE, limit)
        if batches:
            mark_enqueued(tx, batches, now, wall)
    if batches:
        deps.wake(batches)
    return len(batches)
