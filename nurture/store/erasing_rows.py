"""What becomes of the rows of a contact who is erased, one function for each table that stays.

`docs/erasure.md` says the same in words; a test plants a mark in every column of every table
and holds that none is left.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, gone, tables
from nurture.store.database import Transaction
from nurture.store.erasing import DELETED, Known, sends_of, theirs, told_of

C = tables.Contact


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What is left of a stored decision, and of an event's (name, source, properties)."""

    decision: Callable[[Mapping[str, Any]], dict[str, Any]]
    properties: Callable[[str, str, Mapping[str, Any]], dict[str, Any]]


def empty(
    tx: Transaction, who: Known, forgetting: Forgetting, now: datetime, erased_at: datetime
) -> None:
    """Delete and empty the rows of a contact, the contact's own last."""
    for model in DELETED.values():
        tx.execute(sa.delete(model).where(model.contact_id == who.id))
    _consents(tx, who)
    _suppressions(tx, who)
    _runs(tx, who)
    _sends(tx, who)
    _decisions(tx, who, forgetting)
    _events(tx, who, forgetting)
    _stage_changes(tx, who)
    _contact(tx, who, now, erased_at)
    # These go by the contact's being erased.
    d, w = tables.Delivery, tables.WebhookEvent
    deliveries = tx.execute(sa.select(d.id).where(d.contact_id == who.id)).scalars()
    gone.quiet_deliveries(tx, list(deliveries), now)
    gone.quiet_webhooks(tx, list(tx.execute(sa.select(w.id).where(told_of(who))).scalars()))


def _contact(tx: Transaction, who: Known, now: datetime, erased_at: datetime) -> None:
    tx.execute(
        sa.update(C)
        .where(C.id == who.id)
        .values(
            # Unique, and no address: nothing that anybody writes or sends is equal to it.
            email="", address=f"erased:{who.id}", address_key="", language="", timezone="",
            source="", fields={}, tags=[], consents={}, search="", persona="", soft_bounces=0,
            updated_at=now, erased_at=erased_at,
        )
    )  # fmt: skip


def _consents(tx: Transaction, who: Known) -> None:
    """That somebody agreed to these words, and when, proves what it proved, for nobody."""
    t = tables.Consent
    tx.execute(sa.update(t).where(t.contact_id == who.id).values(source="", by="", ip=""))


def _suppressions(tx: Transaction, who: Known) -> None:
    """The hash and the reason stay on the list, and lead to no contact and no send."""
    t = tables.Suppression
    values = {"contact_id": None, "source": "", "detail": ""}
    tx.execute(sa.update(t).where(theirs(who)).values(**values))


def _runs(tx: Transaction, who: Known) -> None:
    t = tables.Enrollment
    tx.execute(sa.update(t).where(t.contact_id == who.id).values(entry_key="", properties={}))
    broken = sa.and_(t.contact_id == who.id, t.state == "failed")
    # An error may quote what it could not read. The last decision of the run is emptied alike.
    tx.execute(sa.update(t).where(broken).values(state_data={"error": ""}, end_reason=""))


def _sends(tx: Transaction, who: Known) -> None:
    t, h = tables.Send, tables.Hit
    tx.execute(
        sa.update(t)
        .where(t.contact_id == who.id)
        .values(detail="", reason=sa.case((t.status == "failed", ""), else_=t.reason))
    )
    # Without address and program nobody can judge a hit any more: what was thought of it stands.
    tx.execute(
        sa.update(h)
        .where(h.send_id.in_(sends_of(who)))
        .values(ip="", user_agent="", headers={}, settle_at=None)
    )


def _decisions(tx: Transaction, who: Known, forgetting: Forgetting) -> None:
    t = tables.Decision
    rows = tx.execute(sa.select(t.id, t.decided).where(t.contact_id == who.id)).all()
    bulk.update(
        tx,
        t,
        [
            {"id": row.id, "decided": [forgetting.decision(one) for one in row.decided]}
            for row in rows
        ],
    )


def _events(tx: Transaction, who: Known, forgetting: Forgetting) -> None:
    """The keys go, too: a site makes them of what it knows a person by."""
    t = tables.Event
    rows = tx.execute(
        sa.select(t.id, t.name, t.source, t.properties).where(t.contact_id == who.id)
    ).all()
    bulk.update(
        tx,
        t,
        [
            {
                "id": row.id,
                "dedupe_key": f"erased:{row.id}",
                "properties": forgetting.properties(row.name, row.source, row.properties),
            }
            for row in rows
        ],
    )


def _stage_changes(tx: Transaction, who: Known) -> None:
    t = tables.StageChange
    tx.execute(sa.update(t).where(t.contact_id == who.id).values(why="", by=""))
