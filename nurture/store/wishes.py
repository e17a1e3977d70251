"""Wishes that the public page took, until the engine has answered them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

W = tables.SubscriptionWish


@dataclass(frozen=True, slots=True)
class Left:
    """A wish as it was left: `said` is what the engine kept of it."""

    id: int
    said: Mapping[str, Any]
    at: datetime


def leave(tx: Transaction, address: str, said: Mapping[str, Any], now: datetime) -> None:
    """Keep a wish; `address` is the compared form of the address that it is about."""
    bulk.insert(
        tx, W, [{"address": address, "said": dict(said), "at": now, "not_before": now}]
    )  # fmt: skip


def waiting(tx: Transaction, now: datetime, limit: int) -> list[Left]:
    """Return the wishes that wait for an answer, in the order in which they came."""
    rows = tx.execute(
        sa.select(W.id, W.said, W.at).where(W.not_before <= now).order_by(W.id).limit(limit)
    )
    return [Left(*row) for row in rows]


def take(tx: Transaction, wish_id: int) -> bool:
    """Take a wish out; False when somebody else has taken it, or its address was erased."""
    return bool(tx.execute(sa.delete(W).where(W.id == wish_id).returning(W.id)).all())


def put_off(tx: Transaction, wish_id: int, until: datetime) -> None:
    """Leave a wish that cannot be answered now until later."""
    tx.execute(sa.update(W).where(W.id == wish_id).values(not_before=until))


def count_of(tx: Transaction, address: str) -> int:
    """Return how many wishes wait that are about an address."""
    counted = sa.select(sa.func.count()).select_from(W).where(W.address == address)
    return tx.execute(counted).scalar_one()


def forget(tx: Transaction, address: str) -> None:
    """Forget the wishes about an address that is erased."""
    tx.execute(sa.delete(W).where(W.address == address))
