"""A new funnel reaches everybody: by other rules, every score and stage may be another."""

from datetime import datetime

from nurture.engine.dependencies import Dependencies
from nurture.store import ledger, people, telling
from nurture.store.database import Transaction

# Contacts told in one transaction: no more than a ticker can have looked at in a round, so that
# those whom time changes meanwhile do not wait behind all the others.
PART = 2_000


def begin(tx: Transaction, number: int, now: datetime, size: int = PART) -> None:
    """Tell the first contacts of funnel version `number`; a ticker tells the others by and by."""
    ids = telling.first(tx, size)
    ledger.look_again(tx, ids, now)
    telling.note(tx, number, ids[-1] if len(ids) == size else None)


def tell(deps: Dependencies, now: datetime, size: int = PART) -> int:
    """Tell the next contacts of the funnel that was published last; return how many.

    They are held while it is done: who is being looked at under the old funnel is told after that.
    """
    with deps.database.read() as tx:
        if not telling.is_open(tx):
            return 0
    with deps.database.begin() as tx:
        held = telling.hold(tx)
        if held is None:
            return 0
        ids = people.lock_next(tx, held.told_to, size)
        ledger.look_again(tx, ids, now)
        telling.note(tx, held.number, ids[-1] if len(ids) == size else None)
    return len(ids)
