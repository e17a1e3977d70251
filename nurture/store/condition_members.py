"""For whom a condition holds: found by SQL, and by the rules where SQL leaves it open."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from nurture.domain.conditions import Condition, holds
from nurture.store import condition_sql, people, tables
from nurture.store.condition_bounds import Bounds
from nurture.store.condition_sql import Asking, bounds
from nurture.store.condition_turning import may_turn
from nurture.store.database import Transaction
from nurture.store.people import Need

C = tables.Contact
EVERYTHING = Need(history=True, received=True, sequences=True, segments=True)
# Contacts read at once where SQL leaves it open.
CHUNK = 1_000


def members(
    tx: Transaction,
    condition: Condition,
    now: datetime,
    *,
    ids: Iterable[int] | None = None,
    between: tuple[int, int] | None = None,
    need: Need = EVERYTHING,
) -> set[int]:
    """Return the contacts of whom `condition` is true, exactly as `holds` says.

    Of those with these `ids`, or with an id from `between[0]` up to `between[1]`, or of all.
    """
    asking = Asking.of(tx, condition, now)
    said = bounds(asking, condition)
    statement = _asked(said, need)
    if ids is not None:
        statement = statement.where(condition_sql.among(asking, ids))
    if between is not None:
        statement = statement.where(C.id.between(*between))
    rows = tx.execute(statement).all()
    if said.are_exact:
        return {row.id for row in rows}
    found = {row.id for row in rows if row.sure}
    return found | _held(tx, condition, now, [row.id for row in rows if not row.sure], need)


def turning(
    tx: Transaction, condition: Condition, now: datetime, between: tuple[int, int], need: Need
) -> list[int]:
    """Return the contacts of whom time alone may change whether `condition` is true."""
    asking = Asking.of(tx, condition, now)
    statement = condition_sql.people(need.track).where(
        C.id.between(*between), may_turn(asking, condition)
    )
    return sorted(tx.execute(statement).scalars())


def _asked(said: Bounds, need: Need) -> sa.Select[tuple[int, bool]]:
    if said.are_exact:
        return condition_sql.people(need.track, C.id).where(said.sure)
    return condition_sql.people(need.track, C.id, said.sure.label("sure")).where(said.maybe)


def _held(
    tx: Transaction, condition: Condition, now: datetime, ids: Sequence[int], need: Need
) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(ids), CHUNK):
        read = people.contacts(tx, ids[start : start + CHUNK], need)
        found |= {key for key, contact in read.items() if holds(condition, contact, now)}
    return found
