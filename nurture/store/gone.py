"""Who was erased: what comes about them afterwards is written without anything personal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

C, D, H, S, W = (
    tables.Contact, tables.Delivery, tables.Hit, tables.Send, tables.WebhookEvent,
)  # fmt: skip

# How hard a bounce was, in our own words: the figures of the send rest on it.
_TOLD = ("bounce",)
GONE = sa.select(C.id).where(C.erased_at.is_not(None))


def among(tx: Transaction, contact_ids: Iterable[int]) -> set[int]:
    """Return those of these contacts who were erased."""
    wanted = sorted(set(contact_ids))
    if not wanted:
        return set()
    return set(tx.execute(GONE.where(bulk.among(tx, C.id, wanted))).scalars())


def mailed(tx: Transaction, which: sa.ColumnElement[bool], limit: int) -> list[int]:
    """Return sends (of `which`) that were claimed after their contact was erased.

    The suppression of somebody who was erased leads to nobody; the row that is left says when.
    """
    statement = (
        sa.select(S.id)
        .join(C, C.id == S.contact_id)
        .where(which, S.status == "accepted", C.erased_at.is_not(None), S.claimed_at > C.erased_at)
        .order_by(S.id)
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())


# What is under way when a contact is erased goes on, and its answer comes afterwards. Each of
# these follows the writing of answers: a writer who waited for the erasure sees it only then.


def quiet_sends(tx: Transaction, send_ids: Sequence[int]) -> None:
    """Take what servers and templates said out of those of these sends whose contact is erased."""
    if send_ids:
        tx.execute(_quiet_sends(tx.dialect.name), {"ids": bulk.listed(tx, send_ids)})


@cache
def _quiet_sends(dialect: str) -> sa.Update:
    # Built once: every part of every batch comes by here.
    return (
        sa.update(S)
        .where(bulk.among_named(dialect, S.id, "ids"), S.contact_id.in_(GONE))
        .values(detail="", reason=sa.case((S.status == "failed", ""), else_=S.reason))
    )


def quiet_deliveries(tx: Transaction, delivery_ids: Sequence[int], now: datetime) -> None:
    """Empty those of these deliveries whose contact is erased; none of them is tried again."""
    if not delivery_ids:
        return
    theirs = sa.and_(bulk.among(tx, D.id, delivery_ids), D.contact_id.in_(GONE))
    tx.execute(sa.update(D).where(theirs).values(payload={}, detail=""))
    tx.execute(
        sa.update(D)
        .where(theirs, D.status == "waiting")
        .values(status="cancelled", not_before=None, settled_at=now)
    )


def quiet_webhooks(tx: Transaction, event_ids: Sequence[int]) -> None:
    """Empty what providers told in these events: about whom, and in what words.

    What is left says that something of a kind was told of a send, and when.
    """
    if not event_ids:
        return
    rows = tx.execute(sa.select(W.id, W.data).where(bulk.among(tx, W.id, event_ids))).all()
    bulk.update(
        tx,
        W,
        [
            {
                "id": row.id, "recipient": "", "dedupe_key": f"erased:{row.id}",
                "data": told(row.data),
            }
            for row in rows
        ],
    )  # fmt: skip


def told(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is left of what a provider told besides."""
    return {name: data[name] for name in _TOLD if name in data}


def drop_hits(tx: Transaction, send_ids: Sequence[int]) -> int:
    """Delete the hits of these sends that nobody has judged yet; return how many."""
    if not send_ids:
        return 0
    unjudged = sa.and_(bulk.among(tx, H.send_id, send_ids), H.settle_at.is_not(None))
    return tx.execute(sa.delete(H).where(unjudged)).rowcount


def sends_of(tx: Transaction, send_ids: Iterable[int]) -> set[int]:
    """Return those of these sends whose contact is erased."""
    statement = sa.select(S.id).where(bulk.among(tx, S.id, sorted(set(send_ids))))
    return set(tx.execute(statement.where(S.contact_id.in_(GONE))).scalars())
