"""Batches: which sends travel together, and which of them a worker has to be told of."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.sends import SELECT_FREE
from nurture.store.trials import is_counted

T = tables.Send


def new_batch(tx: Transaction, now: datetime, enqueued_at: datetime) -> int:
    """Return the id of a new batch that the caller will enqueue at `enqueued_at` (wall clock)."""
    statement = (
        sa.insert(tables.Batch)
        .values(created_at=now, enqueued_at=enqueued_at, woken_at=now)
        .returning(tables.Batch.id)
    )
    return int(tx.execute(statement).scalar_one())


def waiting_batches(
    tx: Transaction, now: datetime, enqueued_before: datetime, limit: int
) -> list[int]:
    """Return batches with sends that could go now and that no worker was told of.

    Either Redis was told before `enqueued_before` (wall clock) and has had its time, or it was
    told when the send was still put off.
    """
    paused = sa.select(tables.Sequence.id).where(tables.Sequence.paused_at.is_not(None))
    statement = (
        sa.select(T.batch_id)
        .join(tables.Batch, tables.Batch.id == T.batch_id)
        .where(
            T.status == "queued",
            sa.or_(T.not_before.is_(None), T.not_before <= now),
            sa.or_(T.sequence_id.not_in(paused), ~is_counted(T.version_id)),
            sa.or_(
                tables.Batch.enqueued_at <= enqueued_before,
                T.not_before > tables.Batch.woken_at,
            ),
        )
        .group_by(T.batch_id)
        .order_by(T.batch_id)
        .limit(limit)
    )
    return [int(batch) for batch in tx.execute(statement).scalars() if batch is not None]


def mark_enqueued(tx: Transaction, batch_ids: Sequence[int], now: datetime, wall: datetime) -> None:
    """Remember that Redis is told about these batches."""
    tx.execute(
        sa.update(tables.Batch)
        .where(tables.Batch.id.in_(batch_ids))
        .values(enqueued_at=wall, woken_at=now)
    )


def next_run(tx: Transaction, batch_id: int, now: datetime) -> int | None:
    """Return the run of the send that `claim` would take first; None when there is none."""
    statement = SELECT_FREE.with_only_columns(T.enrollment_id)
    given = {"batch": batch_id, "now": now, "limit": 1}
    return tx.execute(statement, given).scalar_one_or_none()
