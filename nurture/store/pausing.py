"""Enrollments of one sequence, stopped where they stand and let go again, a chunk at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast

import sqlalchemy as sa

from nurture.domain.contact import Occurrence, Verdict
from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.send_states import QUEUED

S, T, V, M = tables.Sequence, tables.Enrollment, tables.SequenceVersion, tables.Send


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
    frozen_at: datetime


@dataclass(frozen=True, slots=True)
class Standstill:
    """Who stands still: runs, those of them whose timer would have come, and queued sends."""

    runs: int
    due: int
    queued: int


def pause_of(tx: Transaction, key: str, *, lock: bool = False) -> Pause | None:
    """Return how the sequence called `key` stands, or None when there is none of that name."""
    statement = sa.select(S.id, S.paused_at, S.pause_reason, S.current_id.is_not(None)).where(
        S.key == key
    )
    row = tx.execute(statement.with_for_update() if lock else statement).first()
    return None if row is None else Pause(*row)


def _pinned(sequence_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Live runs of a sequence. Trials of a draft do not stand still: they show what is mended."""
    trials = sa.select(V.id).where(V.sequence_id == sequence_id, V.trial)
    return T.sequence_id == sequence_id, T.ended_at.is_(None), T.version_id.not_in(trials)


def freeze(tx: Transaction, sequence_id: int, at: datetime, limit: int) -> int:
    """Stop up to `limit` live runs that still move; return how many were stopped."""
    moving = (
        sa.select(T.id)
        .where(*_pinned(sequence_id), T.frozen_at.is_(None))
        .order_by(T.id)
        .limit(limit)
    )
    statement = sa.update(T).where(T.id.in_(moving.scalar_subquery()), T.frozen_at.is_(None))
    return tx.execute(statement.values(frozen_at=at)).rowcount


def frozen_contacts(tx: Transaction, sequence_id: int, limit: int) -> list[int]:
    """Return the contacts of the runs that `frozen` will return."""
    statement = sa.select(T.contact_id).where(*_pinned(sequence_id), T.frozen_at.is_not(None))
    return list(tx.execute(statement.order_by(T.id).limit(limit)).scalars())


def frozen(tx: Transaction, sequence_id: int, limit: int) -> list[Frozen]:
    """Return up to `limit` live runs that stand still, locked for us."""
    statement = (
        sa.select(T.id, T.contact_id, T.frozen_at)
        .where(*_pinned(sequence_id), T.frozen_at.is_not(None))
        .order_by(T.id)
        .limit(limit)
        .with_for_update()
    )
    return [Frozen(*cast(tuple[Any, ...], row)) for row in tx.execute(statement)]


def astray(tx: Transaction, run_id: int, *, lock: bool = False) -> list[Frozen]:
    """Return a live run that stands still though nobody paused its sequence; none when it moves."""
    statement = (
        sa.select(T.id, T.contact_id, T.frozen_at)
        .join(S, S.id == T.sequence_id)
        .where(
            T.id == run_id, T.ended_at.is_(None), T.frozen_at.is_not(None), S.paused_at.is_(None)
        )
    )
    rows = tx.execute(statement.with_for_update(of=T) if lock else statement)
    return [Frozen(*cast(tuple[Any, ...], row)) for row in rows]


def count_frozen(tx: Transaction, sequence_id: int) -> int:
    """Return how many live runs stand still."""
    statement = sa.select(sa.func.count()).where(*_pinned(sequence_id), T.frozen_at.is_not(None))
    return int(tx.execute(statement).scalar_one())


def standstill(tx: Transaction, sequence_id: int, now: datetime) -> Standstill:
    """Return who stands still in a sequence, and what would be due at once."""
    due = sa.func.coalesce(sa.func.sum(sa.case((T.wake_at <= now, 1), else_=0)), 0)
    live = sa.select(sa.func.count(), due).where(
        *_pinned(sequence_id), T.frozen_at.is_not(None)
    )  # fmt: skip
    trials = sa.select(V.id).where(V.sequence_id == sequence_id, V.trial)
    queued = sa.select(sa.func.count()).where(
        M.sequence_id == sequence_id, QUEUED, M.version_id.not_in(trials)
    )
    stopped, late = tx.execute(live).one()
    return Standstill(stopped, int(late), tx.execute(queued).scalar_one())


def thaw(tx: Transaction, runs: Sequence[Frozen]) -> None:
    """Let runs go on.

    The revision goes up: whoever read a run before and decided by its old timer must read again.
    """
    bulk.update(tx, T, [{"id": run.id, "frozen_at": None} for run in runs], bump="revision")


def under_way(tx: Transaction, run_ids: Iterable[int]) -> frozenset[int]:
    """Return those of the runs that have a send which a provider has, or may have."""
    statement = sa.select(M.enrollment_id).where(
        bulk.among(tx, M.enrollment_id, run_ids), M.status.in_(("claimed", "uncertain"))
    )
    return frozenset(tx.execute(statement).scalars())


def put_off(tx: Transaction, until: Mapping[int, datetime]) -> None:
    """Let the queued sends of runs (by id) wait until an instant each."""
    if not until:
        return
    rows = tx.execute(
        sa.select(M.id, M.enrollment_id, M.not_before)
        .where(bulk.among(tx, M.enrollment_id, until), M.status == "queued")
        .order_by(M.id)
        .with_for_update()
    ).all()
    bulk.update(
        tx,
        M,
        [
            {
                "id": row.id,
                "status": "queued",
                "not_before": max(
                    until[row.enrollment_id], row.not_before or until[row.enrollment_id]
                ),
            }
            for row in rows
        ],
        match=("id", "status"),
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
