"""How far everybody has been told of a new funnel, so that the rules look at them under it."""

from dataclasses import dataclass

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.segments import last_contact

F, S = tables.FunnelVersion, tables.Standing

_OPEN = sa.select(F.number, F.told_to).where(F.told_to.is_not(None))


@dataclass(frozen=True, slots=True)
class Telling:
    """A funnel version of which not everybody has been told: contacts up to `told_to` have."""

    number: int
    told_to: int


def first(tx: Transaction, size: int) -> list[int]:
    """Return the first `size` contacts that stand anywhere, ascending."""
    statement = sa.select(S.contact_id).distinct().order_by(S.contact_id).limit(size)
    return list(tx.execute(statement).scalars())


def note(tx: Transaction, number: int, told_to: int | None) -> None:
    """Note how far the telling of a funnel version is; None is to its end.

    Of an older version nobody needs to hear any more.
    """
    older = sa.and_(F.number < number, F.told_to.is_not(None))
    tx.execute(sa.update(F).where(older).values(told_to=None))
    tx.execute(sa.update(F).where(F.number == number).values(told_to=told_to))


def is_open(tx: Transaction) -> bool:
    """Return whether somebody has yet to be told; cheap, since it is asked in every round."""
    return tx.execute(_OPEN.limit(1)).first() is not None


def hold(tx: Transaction) -> Telling | None:
    """Keep everybody else from telling; None when nothing is left, or somebody else is at it."""
    newest = _OPEN.order_by(F.number.desc()).limit(1)
    row = tx.execute(newest.with_for_update(skip_locked=True)).first()
    return None if row is None else Telling(row.number, row.told_to or 0)


def told_to(tx: Transaction) -> int | None:
    """Return the contact up to whom everybody has been told; None when all are."""
    return tx.execute(sa.select(sa.func.max(F.told_to))).scalar()


def is_untold(contact_id: int, told: int | None) -> bool:
    """Return whether a contact has yet to be told, where those up to `told` have been."""
    return told is not None and contact_id > told


def share(tx: Transaction) -> float | None:
    """Return how much of the telling is done, from 0 to 1; None when none is under way."""
    told = told_to(tx)
    if told is None:
        return None
    last = last_contact(tx)
    return min(1.0, told / last) if last else 1.0
