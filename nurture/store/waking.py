"""Exhausted runs of older versions: the ones that new content may wake, in their order."""

from collections.abc import Iterable

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

E, S, V = tables.Enrollment, tables.Sequence, tables.SequenceVersion


def pending(tx: Transaction) -> list[int]:
    """Return the sequences with exhausted runs in versions before the one that is published.

    A draft that is walked for trial is no such version; nobody is woken in a paused sequence.
    """
    asleep = sa.exists().where(E.sequence_id == S.id, *_is_asleep())
    statement = (
        sa.select(S.id)
        .where(S.current_id.is_not(None), S.paused_at.is_(None), S.retired_at.is_(None), asleep)
        .order_by(S.id)
    )
    return list(tx.execute(statement).scalars())


def asleep(tx: Transaction, sequence_id: int, limit: int) -> list[int]:
    """Return the ids of such runs of a sequence, the longest exhausted first."""
    statement = (
        sa.select(E.id)
        .join(S, S.id == E.sequence_id)
        .where(E.sequence_id == sequence_id, *_is_asleep())
        .order_by(E.exhausted_at, E.id)
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())


def still_asleep(tx: Transaction, sequence_id: int, run_ids: Iterable[int]) -> set[int]:
    """Return which of these runs still are such ones, locked for us; others hold the rest."""
    statement = (
        sa.select(E.id)
        .join(S, S.id == E.sequence_id)
        .where(E.sequence_id == sequence_id, *_is_asleep(), bulk.among(tx, E.id, run_ids))
        .order_by(E.id)
        .with_for_update(of=E, skip_locked=True)
    )
    return set(tx.execute(statement).scalars())


def pin(tx: Transaction, run_ids: Iterable[int], version_id: int) -> None:
    """Pin runs, which must be locked, to another version of their sequence."""
    statement = sa.update(E).where(bulk.among(tx, E.id, sorted(run_ids)))
    tx.execute(statement.values(version_id=version_id))


def _is_asleep() -> tuple[sa.ColumnElement[bool], ...]:
    older = sa.select(V.id).where(V.sequence_id == S.id, V.id < S.current_id, V.trial.is_(False))
    return (
        E.state == "exhausted",
        E.frozen_at.is_(None),
        E.version_id.in_(older.correlate(S).scalar_subquery()),
    )
