"""Enrollments of one sequence, stopped where they stand and let go again, a chunk at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from nurture.domain.contact import Occurrence, Verdict
from nurture.store import bulk, tables
from nurture.store.database import Transaction

S, T = tables.Sequence, tables.Enrollment


@dataclass(frozen=True, slots=True)
class Pause:
    """A sequence's pause: since when (None while it runs) and why."""

    sequence_id: int
    since: datetime | None
    reason: str
    published: bool


@dataclass(frozen=True, slots=True)
class Frozen:
    """A run that stands still since `frozen_at`."""

    id: int
    contact_id: int
    wake_at: datetime | None
    frozen_at: datetime
    state_data: dict[str, Any]


def pause_of(tx: Transaction, key: str, *, lock: bool = False) -> Pause | None:
    """Return how the sequence called `key` stands, or None when there is none of that name."""
    statement = sa.select(S.id, S.paused_at, S.pause_reason, S.current_id.is_not(None)).where(
        S.key == key
    )
    row = tx.execute(statement.with_for_update() if lock else statement).first()
    return None if row is None else Pause(*row)


def freeze(tx: Transaction, sequence_id: int, at: datetime, limit: int) -> int:
    """Stop up to `limit` live runs that still move; return how many were stopped."""
    moving = (
        sa.select(T.id)
        .where(T.sequence_id == sequence_id, T.ended_at.is_(None), T.frozen_at.is_(None))
        .order_by(T.id)
        .limit(limit)
    )
    statement = sa.update(T).where(T.id.in_(moving.scalar_subquery()), T.frozen_at.is_(None))
    return tx.execute(statement.values(frozen_at=at)).rowcount


def frozen(tx: Transaction, sequence_id: int, limit: int) -> list[Frozen]:
    """Return up to `limit` live runs that stand still, locked for us."""
    statement = (
        sa.select(T.id, T.contact_id, T.wake_at, T.frozen_at, T.state_data)
        .where(T.sequence_id == sequence_id, T.ended_at.is_(None), T.frozen_at.is_not(None))
        .order_by(T.id)
        .limit(limit)
        .with_for_update()
    )
    return [Frozen(*row) for row in tx.execute(statement)]


def count_frozen(tx: Transaction, sequence_id: int) -> int:
    """Return how many live runs stand still."""
    statement = sa.select(sa.func.count()).where(
        T.sequence_id == sequence_id, T.ended_at.is_(None), T.frozen_at.is_not(None)
    )
    return int(tx.execute(statement).scalar_one())


def thaw(tx: Transaction, runs: Sequence[Frozen], now: datetime) -> None:
    """Let runs go on, each with its timer moved by as long as it stood still.

    The revision goes up: whoever read a run before and decided by its old timer must read again.
    """
    bulk.update(
        tx,
        T,
        [
            {
                "id": run.id,
                "frozen_at": None,
                "wake_at": run.wake_at and run.wake_at + (now - run.frozen_at),
            }
            for run in runs
        ],
        bump="revision",
    )


def happened_since(
    tx: Transaction, contact_ids: Iterable[int], since: datetime
) -> dict[int, list[tuple[Occurrence, datetime]]]:
    """Return what each contact did, with when it was recorded, recorded after `since`, in order."""
    t = tables.Event
    statement = (
        sa.select(
            t.contact_id, t.id, t.name, t.occurred_at, t.recorded_at, t.verdict, t.properties,
            t.dedupe_key,
        )
        .where(t.contact_id.in_(sorted(set(contact_ids))), t.recorded_at >= since)
        .order_by(t.occurred_at, t.id)
    )  # fmt: skip
    found: dict[int, list[tuple[Occurrence, datetime]]] = {}
    for row in tx.execute(statement):
        properties = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in row.properties.items()
        }
        occurrence = Occurrence(
            row.name, row.occurred_at, MappingProxyType(properties), Verdict(row.verdict), row.id,
            row.dedupe_key,
        )  # fmt: skip
        found.setdefault(row.contact_id, []).append((occurrence, row.recorded_at))
    return found
