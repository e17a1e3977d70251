"""Events that were not taken in because their time cannot be true, until a person decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.reports import PERSON, Page, Person, paged, person_of

Q = tables.Quarantined


@dataclass(frozen=True, slots=True)
class Held:
    """One event in quarantine: `event` holds its name, source, properties and claimed instant."""

    id: int
    contact_id: int | None
    dedupe_key: str
    event: Mapping[str, Any]
    reason: str
    received_at: datetime
    settled_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Listed:
    """An event in quarantine as lists show it."""

    held: Held
    person: Person


_HELD = (
    Q.id, Q.contact_id, Q.dedupe_key, Q.event, Q.reason, Q.received_at, Q.settled_at, Q.outcome,
)  # fmt: skip


def add(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
    """Put events into quarantine; return how many are new by their dedupe keys."""
    whole = [{"settled_at": None, "settled_by": "", "outcome": "", **row} for row in rows]
    return len(bulk.insert(tx, Q, whole, ignore_conflicts=True, returning=("id",)))


def held(tx: Transaction, held_id: int) -> Held | None:
    """Return one event, held until the transaction ends, or None."""
    statement = sa.select(*_HELD).where(Q.id == held_id).with_for_update()
    row = tx.execute(statement).first()
    return None if row is None else Held(*row)


def settle(tx: Transaction, held_id: int, outcome: str, by: str, now: datetime) -> None:
    """Write what a person decided about an event."""
    values = {"settled_at": now, "settled_by": by, "outcome": outcome}
    tx.execute(sa.update(Q).where(Q.id == held_id).values(**values))


def waiting(tx: Transaction) -> int:
    """Return how many events wait for a person."""
    statement = sa.select(sa.func.count()).select_from(Q).where(Q.settled_at.is_(None))
    return tx.execute(statement).scalar_one()


def page(tx: Transaction, *, before: int | None = None, limit: int = 50) -> Page[Listed]:
    """Return the events that wait, the newest first: those before an id."""
    statement = (
        sa.select(*PERSON, *_HELD)
        .join(tables.Contact, tables.Contact.id == Q.contact_id)
        .where(Q.settled_at.is_(None))
    )
    if before is not None:
        statement = statement.where(Q.id < before)
    rows = tx.execute(statement.order_by(Q.id.desc()).limit(limit + 1)).all()
    found = [Listed(Held(*tuple(row)[len(PERSON) :]), person_of(row)) for row in rows]
    keys = [one.held.id for one in found]
    return paged(found, keys, limit, backwards=False, middle=before is not None)
