"""Entries that wait for a run to end: one for each contact, sequence and entry key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store import bulk, tables
from nurture.store.database import Transaction

T, E = tables.QueuedEntry, tables.Enrollment


@dataclass(frozen=True, slots=True)
class Queued:
    """A trigger that came while the run under its key was under way."""

    contact_id: int
    sequence_id: int
    entry_key: str
    properties: dict[str, Any]
    event_id: int | None
    at: datetime

    @property
    def place(self) -> tuple[int, int, str]:
        """The contact, the sequence and the key whose run has to end first."""
        return self.contact_id, self.sequence_id, self.entry_key


_COLUMNS = (T.contact_id, T.sequence_id, T.entry_key, T.properties, T.event_id, T.at)


def put(tx: Transaction, entries: Iterable[Queued]) -> None:
    """Remember entries; of several for one place the one whose event occurred last."""
    make = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    for one in entries:
        statement = make(T).values(
            contact_id=one.contact_id, sequence_id=one.sequence_id, entry_key=one.entry_key,
            properties=one.properties, event_id=one.event_id, at=one.at,
        )  # fmt: skip
        newer = {name: statement.excluded[name] for name in ("properties", "event_id", "at")}
        tx.execute(
            statement.on_conflict_do_update(
                index_elements=["contact_id", "sequence_id", "entry_key"],
                set_=newer,
                where=statement.excluded["at"] >= T.at,
            )
        )


def take(tx: Transaction, places: Iterable[tuple[int, int, str]]) -> list[Queued]:
    """Take the entries of these places (contact, sequence, key) out of the queue."""
    wanted = set(places)
    if not wanted:
        return []
    statement = sa.select(*_COLUMNS).where(bulk.among(tx, T.contact_id, {one[0] for one in wanted}))
    found = [Queued(*row) for row in tx.execute(statement)]
    return _remove(tx, [one for one in found if one.place in wanted])


def waiting(tx: Transaction, contact_ids: Iterable[int]) -> dict[int, list[Queued]]:
    """Return what waits for these contacts' runs to end, by contact, the oldest first."""
    statement = (
        sa.select(*_COLUMNS)
        .where(bulk.among(tx, T.contact_id, contact_ids))
        .order_by(T.contact_id, T.at, T.id)
    )
    found: dict[int, list[Queued]] = {}
    for row in tx.execute(statement):
        found.setdefault(row.contact_id, []).append(Queued(*row))
    return found


def left_behind(tx: Transaction, limit: int) -> list[Queued]:
    """Return entries whose place is free though nobody has taken them, the oldest first."""
    under_way = sa.exists().where(
        E.contact_id == T.contact_id,
        E.sequence_id == T.sequence_id,
        E.entry_key == T.entry_key,
        E.ended_at.is_(None),
    )
    statement = sa.select(*_COLUMNS).where(~under_way).order_by(T.at, T.id).limit(limit)
    return [Queued(*row) for row in tx.execute(statement)]


def forget(tx: Transaction, pairs: Iterable[tuple[int, int]]) -> None:
    """Drop all that waits for these (contact, sequence)."""
    for contact_id, sequence_id in sorted(set(pairs)):
        tx.execute(sa.delete(T).where(T.contact_id == contact_id, T.sequence_id == sequence_id))


def cancel(tx: Transaction, rows: Iterable[tuple[int, int, str | None, datetime]]) -> None:
    """Drop what waits for (contact, sequence, key), by an event that occurred then or before.

    A key that is None means every key.
    """
    for contact_id, sequence_id, key, at in rows:
        statement = sa.delete(T).where(
            T.contact_id == contact_id, T.sequence_id == sequence_id, T.at <= at
        )
        tx.execute(statement if key is None else statement.where(T.entry_key == key))


def _remove(tx: Transaction, entries: Sequence[Queued]) -> list[Queued]:
    # Each is deleted for itself, and only who deleted it may open it.
    taken = []
    for one in entries:
        statement = sa.delete(T).where(
            T.contact_id == one.contact_id, T.sequence_id == one.sequence_id,
            T.entry_key == one.entry_key, T.at == one.at,
        )  # fmt: skip
        if tx.execute(statement).rowcount:
            taken.append(one)
    return taken
