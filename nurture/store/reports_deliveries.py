"""Notices and webhooks as people look at them: a list, one of them, and counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.deliveries import NOTICE, OPEN
from nurture.store.reports import PERSON, Page, Person, paged, person_of

D = tables.Delivery

STATUSES = ("waiting", "claimed", "delivered", "failed", "cancelled")
KINDS = ("notice", "webhook")


@dataclass(frozen=True, slots=True)
class Listed:
    """One delivery; `target` is an endpoint's key, an address, or owner."""

    id: int
    person: Person
    sequence: str
    step: str
    kind: str
    target: str
    status: str
    attempts: int
    created_at: datetime
    not_before: datetime | None
    settled_at: datetime | None
    reason: str
    code: int
    detail: str
    message_id: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for one target: how many, and since when the oldest of them."""

    number: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many deliveries wait, since when the oldest of those, and how many have failed."""

    waiting: int
    oldest: datetime | None
    failed: int


def page(
    tx: Transaction,
    *,
    status: str = "",
    kind: str = "",
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Page[Listed]:
    """Return deliveries, the newest first: those before an id, or those after one."""
    statement = _listed()
    if status:
        statement = statement.where(D.status == status)
    if kind:
        statement = statement.where(D.kind == kind)
    backwards = after is not None and before is None
    if backwards:
        statement = statement.where(D.id > after).order_by(D.id)
    else:
        if before is not None:
            statement = statement.where(D.id < before)
        statement = statement.order_by(D.id.desc())
    found = [_one(row) for row in tx.execute(statement.limit(limit + 1))]
    middle = before is not None or after is not None
    keys = [one.id for one in found]
    return paged(found, keys, limit, backwards=backwards, middle=middle)


def delivery(tx: Transaction, delivery_id: int) -> Listed | None:
    """Return one delivery, or None."""
    row = tx.execute(_listed().where(D.id == delivery_id)).first()
    return None if row is None else _one(row)


def counts(tx: Transaction) -> Counts:
    """Return how many deliveries wait or are under way, and how many have failed."""
    row = tx.execute(sa.select(sa.func.count(), sa.func.min(D.created_at)).where(OPEN)).one()
    failed = sa.select(sa.func.count()).select_from(D).where(D.status == "failed")
    return Counts(row[0], row[1], tx.execute(failed).scalar_one())


def waiting_by_target(tx: Transaction) -> dict[str, Waiting]:
    """Return what waits for each endpoint that anything waits for."""
    statement = (
        sa.select(D.target, sa.func.count(), sa.func.min(D.created_at))
        .where(OPEN, D.kind != NOTICE)
        .group_by(D.target)
    )
    return {key: Waiting(number, since) for key, number, since in tx.execute(statement)}


def _listed() -> sa.Select[Any]:
    return (
        sa.select(
            *PERSON, D.id, tables.Sequence.key.label("sequence"), D.step, D.kind, D.target,
            D.status, D.attempts, D.created_at, D.not_before, D.settled_at, D.reason, D.code,
            D.detail, D.message_id, D.payload,
        )
        .join(tables.Contact, tables.Contact.id == D.contact_id)
        .join(tables.SequenceVersion, tables.SequenceVersion.id == D.version_id)
        .join(tables.Sequence, tables.Sequence.id == tables.SequenceVersion.sequence_id)
    )  # fmt: skip


def _one(row: sa.Row[Any]) -> Listed:
    return Listed(
        row.id, person_of(row), row.sequence, row.step, row.kind, row.target, row.status,
        row.attempts, row.created_at, row.not_before, row.settled_at, row.reason, row.code,
        row.detail, row.message_id, row.payload,
    )  # fmt: skip
