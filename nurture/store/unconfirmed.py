"""Contacts who signed up, never confirmed it, and of whom there is nothing else."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.examination import OPEN

C, L, E, S, V, T = (
    tables.Contact, tables.Consent, tables.Enrollment, tables.Send, tables.Event,
    tables.Suppression,
)  # fmt: skip
B, Q, H, G, W = (
    tables.BantEntry, tables.QueuedEntry, tables.Quarantined, tables.StageChange,
    tables.SubscriptionWish,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom to look for: who came from `source`, and was last asked by the event `asked` `before`
    an instant.
    """

    source: str
    asked: str
    before: datetime


def unconfirmed(
    tx: Transaction, sought: Sought, *, limit: int = 1, among: Collection[int] | None = None
) -> list[int]:
    """Return contacts, by id, of whom there is nothing but letters that asked.

    Nobody is among them who ever said yes or no, whom a suppression stands against, who did
    anything but look at those letters, who signs up again at this moment, or of whom a person said
    something. A run in the sequence of their stage that mailed nothing, as nobody consented to it,
    counts for nothing. With `among` only these contacts are looked at.
    """
    of, before = C.id, sought.before
    letter = E.properties["ask"].as_string().is_not(None)
    triggered = sa.and_(E.contact_id == of, E.track == "")
    asking = sa.select(E.id).where(E.contact_id == of, E.track == "", letter)
    bare = sa.func.length(sa.cast(C.consents, sa.Text)) == len("{}")
    held = sa.exists().where(T.address_key == C.address_key, T.lifted_at.is_(None))
    statement = sa.select(C.id).where(
        C.source == sought.source,
        C.erased_at.is_(None),
        C.created_at < before,
        bare,
        sa.exists().where(L.contact_id == of, L.asked),
        ~sa.exists().where(L.contact_id == of, sa.or_(~L.asked, L.at >= before)),
        ~held,
        ~sa.exists().where(triggered, sa.or_(~letter, E.ended_at.is_(None))),
        ~sa.exists().where(
            S.contact_id == of,
            sa.or_(
                S.enrollment_id.not_in(asking), S.status.in_(OPEN), S.created_at >= before,
                S.settled_at >= before,
            ),
        ),
        ~sa.exists().where(
            V.contact_id == of, V.name != sought.asked, V.send_id.is_(None), V.source != "segment"
        ),
        ~sa.exists().where(W.address == C.address),
        ~sa.exists().where(B.contact_id == of),
        ~sa.exists().where(Q.contact_id == of),
        ~sa.exists().where(H.contact_id == of),
        ~sa.exists().where(G.contact_id == of, G.by != ""),
    )  # fmt: skip
    if among is not None:
        statement = statement.where(bulk.among(tx, C.id, among))
    return list(tx.execute(statement.order_by(C.id).limit(limit)).scalars())
