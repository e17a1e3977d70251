"""Segments as pages show them: counts, and members a page at a time."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.domain.segments import ENTERED, LEFT
from nurture.domain.text import fold
from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.reports import name_of

S, M, C, E = tables.Segment, tables.SegmentMember, tables.Contact, tables.Event

_MEMBERS = sa.select(sa.func.count()).where(M.segment_id == S.id).correlate(S).scalar_subquery()
# The share of all ids: counting everybody would take longer than the rest of the page.
_LAST = sa.select(sa.func.max(C.id)).scalar_subquery()
_BUILT = sa.case(
    (S.built_at.is_not(None), 1.0),
    else_=sa.func.coalesce(sa.cast(S.built_to, sa.Double) / sa.func.nullif(_LAST, 0), 0.0),
)
_LISTED = (
    sa.select(S.key, S.document, _MEMBERS, S.published_at, _BUILT)
    .where(S.retired_at.is_(None))
    .order_by(S.key)
)


@dataclass(frozen=True, slots=True)
class Member:
    """A contact in a segment, and since when."""

    id: int
    email: str
    name: str
    since: datetime


def listed(tx: Transaction) -> list[tuple[Any, ...]]:
    """Return (key, document, members, published at, share looked at) of every segment."""
    return [tuple(row) for row in tx.execute(_LISTED)]


def one(tx: Transaction, key: str) -> tuple[Any, ...] | None:
    """Return what `listed` says of one segment, or None."""
    row = tx.execute(_LISTED.where(S.key == key)).first()
    return None if row is None else tuple(row)


def members(
    tx: Transaction, key: str, *, search: str, before: int | None, limit: int
) -> list[Member]:
    """Return members, the highest id first: contacts with ids below `before`, where it is given."""
    statement = (
        sa.select(C.id, C.email, C.fields, C.language, M.since)
        .select_from(M)
        .join(S, S.id == M.segment_id)
        .join(C, C.id == M.contact_id)
        .where(S.key == key, S.retired_at.is_(None))
        .order_by(M.contact_id.desc())
        .limit(limit)
    )
    words = fold(search).split()
    statement = statement.where(*(C.search.contains(word, autoescape=True) for word in words))
    if before is not None:
        statement = statement.where(M.contact_id < before)
    return [
        Member(row.id, row.email, name_of(row.fields, row.language), row.since)
        for row in tx.execute(statement)
    ]


def of_contact(tx: Transaction, contact_id: int) -> list[tuple[str, dict[str, Any], datetime]]:
    """Return (key, document, since) of the segments that a contact is in."""
    statement = (
        sa.select(S.key, S.document, M.since)
        .join(S, S.id == M.segment_id)
        .where(M.contact_id == contact_id)
        .order_by(S.key)
    )
    return [(row.key, row.document, row.since) for row in tx.execute(statement)]


@dataclass(frozen=True, slots=True)
class Turn:
    """A contact who came into a segment, or went out of it."""

    contact_id: int
    email: str
    name: str
    entered: bool
    at: datetime


# In the words of the partial index, so that it is used.
_AT_BORDER = sa.text("event.source = 'segment'")
_SEGMENT = E.properties["segment"].as_string()


def crossings(tx: Transaction, since: datetime) -> dict[str, tuple[int, int]]:
    """Return how often contacts entered and left each segment since then, by its key."""
    statement = (
        sa.select(_SEGMENT, E.name, sa.func.count())
        .where(_AT_BORDER, E.occurred_at >= since)
        .group_by(_SEGMENT, E.name)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for key, name, count in tx.execute(statement):
        found[key][name] = count
    return {key: (one.get(ENTERED, 0), one.get(LEFT, 0)) for key, one in found.items()}


def turns(tx: Transaction, key: str, since: datetime, limit: int) -> list[Turn]:
    """Return who entered or left a segment since then, the latest first."""
    statement = (
        sa.select(C.id, C.email, C.fields, C.language, E.name, E.occurred_at)
        .join(C, C.id == E.contact_id)
        .where(_AT_BORDER, E.occurred_at >= since, key == _SEGMENT)
        .order_by(E.occurred_at.desc(), E.id.desc())
        .limit(limit)
    )
    return [
        Turn(row.id, row.email, name_of(row.fields, row.language), row.name == ENTERED,
             row.occurred_at)
        for row in tx.execute(statement)
    ]  # fmt: skip


def live_versions(tx: Transaction) -> dict[int, int]:
    """Return the versions in which contacts are under way, and how many in each."""
    e = tables.Enrollment
    statement = (
        sa.select(e.version_id, sa.func.count()).where(e.ended_at.is_(None)).group_by(e.version_id)
    )
    return {row[0]: row[1] for row in tx.execute(statement)}


def contact_range(tx: Transaction, after: int, size: int) -> tuple[int, int, int] | None:
    """Return (first id, last id, how many) of the next `size` contacts; None at the end."""
    some = sa.select(C.id).where(C.id > after).order_by(C.id).limit(size).subquery()
    first, last, many = tx.execute(
        sa.select(sa.func.min(some.c.id), sa.func.max(some.c.id), sa.func.count())
    ).one()
    return None if first is None else (int(first), int(last), int(many))
