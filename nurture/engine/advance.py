"""Time passes: runs whose timer has come are moved on, a batch in a transaction."""

from datetime import datetime, timedelta

from nurture.domain import enrollment as e
from nurture.engine.dependencies import Dependencies
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.store import runs, sends

# Due runs decided in one transaction: large enough to spread the cost of its queries, small
# enough that a click never waits long for the same rows.
CHUNK = 500

# A batch whose wake-up got lost is enqueued again after this long.
PATIENCE = timedelta(seconds=30)


def advance(deps: Dependencies, now: datetime, limit: int = CHUNK) -> int:
    """Move up to `limit` due runs on; return how many there were.

    Several schedulers may do this at once: each takes rows that no other one holds.
    """

    def body(work: Work) -> int:
        found = work.take_up(runs.due(work.tx, now, limit))
        for run in found:
            work.tell(run.enrollment.id, e.TimerFired())
        return len(found)

    return committed(deps, now, body)


def wake_waiting(deps: Dependencies, now: datetime, limit: int = 200) -> int:
    """Enqueue batches that could go now and that no worker was told of lately; return how many.

    This is what makes Redis forgettable: whatever it lost is in the database still.
    """
    with deps.database.begin() as tx:
        wall = deps.wall.now()
        batches = sends.waiting_batches(tx, now, wall - PATIENCE, limit)
        if batches:
            sends.mark_enqueued(tx, batches, wall)
    if batches:
        deps.wake(batches)
    return len(batches)
