"""Forgetting whom nobody is: an address that somebody typed in, and whose mailbox never said yes.

Data that nobody agreed to must not be kept longer than the purpose needs (GDPR, article 5 (1) e):
the letter that asked was the purpose, and its button is worthless after a week.
"""

from datetime import datetime, timedelta
from functools import partial

from nurture.domain.contact import Engaged
from nurture.engine import erasing
from nurture.engine.dependencies import Dependencies
from nurture.engine.subscribing import SOURCE
from nurture.store.database import Transaction
from nurture.store.unconfirmed import Sought, unconfirmed

# Contacts that one round of a ticker forgets, each in a transaction of its own.
CHUNK = 200
BY = "nurture"
ASKED = Engaged.SUBSCRIPTION_ASKED.value
WHY = "never confirmed a sign-up"


def forget_unconfirmed(deps: Dependencies, now: datetime, limit: int = CHUNK) -> int:
    """Forget contacts who signed up, never confirmed, and of whom there is nothing else.

    They are erased, with no hash left, so that they may sign up again as somebody new. The time
    is `Settings.forget_unconfirmed`, in days; with 0 nobody is forgotten. Returns how many were.
    """
    days = deps.settings.forget_unconfirmed
    if not days:
        return 0
    sought = Sought(SOURCE, ASKED, now - timedelta(days=days))
    with deps.database.read() as tx:
        found = unconfirmed(tx, sought, limit=limit)
    return sum(
        erasing.forget(
            deps, one, by=BY, why=WHY, now=now, still=partial(_is_still, one=one, sought=sought)
        )
        for one in found
    )


def _is_still(tx: Transaction, one: int, sought: Sought) -> bool:
    """Return whether nothing happened meanwhile, such as a yes in this moment."""
    return unconfirmed(tx, sought, among=[one]) == [one]
