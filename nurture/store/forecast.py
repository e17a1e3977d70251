"""Live runs of a sequence, counted, and some of them to look ahead for."""

from dataclasses import dataclass

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.trials import is_counted

E = tables.Enrollment


@dataclass(frozen=True, slots=True)
class Standing:
    """How many runs of a sequence go on, and how many have no more content."""

    going: int = 0
    dry: int = 0


def standings(tx: Transaction) -> dict[int, Standing]:
    """Return how the live runs of each sequence stand, by its id."""
    dry = sa.func.sum(sa.case((E.state == "exhausted", 1), else_=0))
    statement = (
        sa.select(E.sequence_id, sa.func.count(), dry)
        .where(E.ended_at.is_(None), is_counted(E.version_id))
        .group_by(E.sequence_id)
    )
    return {row[0]: Standing(row[1] - row[2], row[2]) for row in tx.execute(statement)}


def some_going(tx: Transaction, sequence_id: int, stride: int) -> list[int]:
    """Return the ids of every `stride`-th live run that still has content before it."""
    statement = sa.select(E.id).where(
        E.sequence_id == sequence_id,
        E.ended_at.is_(None),
        E.state != "exhausted",
        is_counted(E.version_id),
    )
    if stride > 1:
        statement = statement.where(E.id % stride == 0)
    return list(tx.execute(statement.order_by(E.id)).scalars())
