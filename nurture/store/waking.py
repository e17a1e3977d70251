"""Exhausted runs of older versions: the ones that new content may wake, in their order."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

E, S, V = tables.Enrollment, tables.Sequence, tables.SequenceVersion
SINCE = E.state_data["since"].as_string()


@dataclass(frozen=True, slots=True)
class Mark:
    """A run in the order in which runs became exhausted."""

    since: str = ""
    run_id: int = 0


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


def asleep(tx: Transaction, sequence_id: int, after: Mark, limit: int) -> list[Mark]:
    """Return such runs of a sequence behind `after`, the longest exhausted first, locked for us."""
    behind = sa.or_(after.since < SINCE, sa.and_(after.since == SINCE, E.id > after.run_id))
    statement = (
        sa.select(SINCE, E.id)
        .join(S, S.id == E.sequence_id)
        .where(E.sequence_id == sequence_id, *_is_asleep(), behind)
        .order_by(SINCE, E.id)
        .limit(limit)
        .with_for_update(of=E, skip_locked=True)
    )
    return [Mark(*row) for row in tx.execute(statement)]


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
