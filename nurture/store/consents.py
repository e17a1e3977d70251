"""The log of consent as it is read, what was asked for, and how often the page was used."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from nurture.domain.consent import Act, Line
from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.suppressions import NewConsent

L, Y = tables.Consent, tables.SubscriptionTry


def log(tx: Transaction, contact_id: int) -> tuple[Line, ...]:
    """Return a contact's log of consent, the oldest line first."""
    rows = tx.execute(
        sa.select(L.id, L.topic, L.granted, L.asked, L.at)
        .where(L.contact_id == contact_id)
        .order_by(L.id)
    )
    return tuple(Line(row.id, row.topic, act(row.granted, row.asked), row.at) for row in rows)


def asked_by(tx: Transaction, enrollment_id: int) -> Line | None:
    """Return the line that the letter of a run asks about; None when its letters ask nothing."""
    e = tables.Enrollment
    run = tx.execute(sa.select(e.contact_id, e.properties).where(e.id == enrollment_id)).first()
    wanted = run.properties.get("ask") if run else None
    if run is None or not isinstance(wanted, int):
        return None
    asking = (line for line in log(tx, run.contact_id) if line.act is Act.ASKED)
    return next((line for line in asking if line.id == wanted), None)


def ask(tx: Transaction, asked: NewConsent, now: datetime) -> int:
    """Log that consent was asked for, and return the line's id. Nothing is granted by it."""
    (row,) = bulk.insert(
        tx,
        L,
        [
            {
                "contact_id": asked.contact_id, "topic": asked.topic, "granted": False,
                "asked": True, "at": now, "source": asked.source, "wording": asked.wording,
                "by": asked.by, "ip": asked.ip,
            }
        ],
        returning=("id",),
    )  # fmt: skip
    return int(row.id)


def count_try(
    tx: Transaction, network: str, now: datetime, *, since: datetime, forget_before: datetime
) -> int:
    """Keep a use of the page, forget old ones, and return how many a network made since then."""
    tx.execute(sa.delete(Y).where(Y.at < forget_before))
    bulk.insert(tx, Y, [{"network": network, "at": now}])
    counted = sa.select(sa.func.count()).where(Y.network == network, Y.at >= since)
    return int(tx.execute(counted).scalar_one())


def act(granted: bool, asked: bool) -> Act:  # noqa: FBT001 - two columns of one row
    """Return what a line of the log says by its two columns."""
    return Act.ASKED if asked else Act.GRANTED if granted else Act.WITHDRAWN


def waiting(lines: Sequence[Line]) -> dict[str, datetime]:
    """Return the topics whose last word is that they were asked for, each with when."""
    last = {line.topic: line for line in lines}
    return {topic: line.at for topic, line in last.items() if line.act is Act.ASKED}
