"""Batches: which sends travel together, and which of them a worker has to be told of."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.send_states import QUEUED
from nurture.store.sends import IS_UNDER_WAY, SELECT_FREE
from nurture.store.types import Instant

T, B = tables.Send, tables.Batch


_NOW = sa.bindparam("now", type_=Instant)


def _queued_batches() -> sa.CTE:
    """Return the batches with queued sends, each by one step into the index behind the last.

    A tick asks while ten thousands may be queued, and must not read them all.
    """
    found = (
        sa.select(sa.func.min(T.batch_id).label("id")).where(QUEUED).cte("found", recursive=True)
    )
    following = sa.select(sa.func.min(T.batch_id)).where(QUEUED, T.batch_id > found.c.id)
    return found.union_all(sa.select(following.scalar_subquery()).where(found.c.id.is_not(None)))


def _waiting() -> sa.Select[int]:
    """Return the statement of `waiting_batches`."""
    found = _queued_batches()
    free = sa.select(T.id).where(
        QUEUED, T.batch_id == B.id, sa.or_(T.not_before.is_(None), T.not_before <= _NOW),
        IS_UNDER_WAY,
    )  # fmt: skip
    unheard = (
        sa.select(B.id)
        .join(found, found.c.id == B.id)
        .where(
            B.enqueued_at <= sa.bindparam("before", type_=Instant),
            # One is enough, and found by the index: as a join all of them would be read.
            free.limit(sa.literal_column("1")).scalar_subquery().is_not(None),
        )
    )
    # Found on their own, by their index: batch by batch, all that are queued would be read.
    due = (
        sa.select(T.batch_id, T.not_before)
        .where(QUEUED, T.not_before.is_not(None), T.not_before <= _NOW, IS_UNDER_WAY)
        .cte("due")
        .prefix_with("MATERIALIZED")
    )
    put_off = sa.select(B.id).join(
        due, sa.and_(due.c.batch_id == B.id, due.c.not_before > B.woken_at)
    )
    both = sa.union(unheard, put_off).subquery()
    return sa.select(both.c.id).order_by(both.c.id).limit(sa.bindparam("limit", type_=sa.Integer))


_WAITING = _waiting()


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
    given = {"now": now, "before": enqueued_before, "limit": limit}
    return list(tx.execute(_WAITING, given).scalars())


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
