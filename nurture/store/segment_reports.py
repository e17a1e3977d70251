"""Segments as pages show them: counts, and members a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.domain.text import fold
from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.reports import name_of

S, M, C = tables.Segment, tables.SegmentMember, tables.Contact

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
