"""What the public page takes in: a wish is only kept, and answered a moment later.

Whoever types in somebody else's address must not learn from the time that the page takes whether
it is known. So the request writes the same one row whoever the address belongs to, and all that
hangs on who they are is done by the ticker.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from nurture.domain.consent import Proof
from nurture.engine.dependencies import Dependencies
from nurture.engine.subscribing import Wish, readable, subscribe
from nurture.errors import Conflict, Invalid, Retryable
from nurture.store import wishes
from nurture.store.wishes import Left

log = logging.getLogger(__name__)

# Wishes that one round of a ticker answers.
CHUNK = 100
# One that cannot be answered is tried again after this long, and given up when it is so old.
PATIENCE = timedelta(minutes=10)
GIVEN_UP_AFTER = timedelta(days=1)


def leave(deps: Dependencies, wish: Wish, now: datetime) -> None:
    """Keep a wish for the ticker. Raises Invalid for an address or a name that cannot be."""
    address, wish = readable(wish)
    with deps.database.begin() as tx:
        wishes.leave(tx, address.compared, asdict(wish), now)


def answer_wishes(deps: Dependencies, now: datetime, limit: int = CHUNK) -> int:
    """Answer the wishes that wait, each in a transaction of its own; return how many waited.

    One that fails waits a while, so that it stands in nobody's way; a day later it is given up.
    """
    with deps.database.read() as tx:
        found = wishes.waiting(tx, now, limit)
    for one in found:
        try:
            subscribe(deps, _read(one.said), now, partial(wishes.take, wish_id=one.id))
        except Invalid:
            # What it asks for is offered no more since it was left.
            with deps.database.begin() as tx:
                wishes.take(tx, one.id)
        except Retryable:
            raise
        except Conflict:
            # Nobody else has to wait for it; one that loses for so long waits as those that fail.
            log.warning("wish %d is tried again: somebody else was first each time", one.id)
            if now - one.at >= PATIENCE:
                _put_off(deps, one, now)
        except Exception:
            log.exception("wish %d cannot be answered", one.id)
            _put_off(deps, one, now)
    return len(found)


def _put_off(deps: Dependencies, one: Left, now: datetime) -> None:
    with deps.database.begin() as tx:
        if now - one.at >= GIVEN_UP_AFTER:
            wishes.take(tx, one.id)
        else:
            wishes.put_off(tx, one.id, now + PATIENCE)


def _read(said: Mapping[str, Any]) -> Wish:
    known = {one.name for one in fields(Wish)}
    values = {name: value for name, value in said.items() if name in known}
    return Wish(**{**values, "proof": Proof(values["proof"])})
