"""Segments as rows: what is published, how far it is built, and whose time has come."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.segment_looks import Place

S, M, R, C = tables.Segment, tables.SegmentMember, tables.SegmentRecheck, tables.Contact


@dataclass(frozen=True, slots=True)
class Stored:
    """A published segment, as its document."""

    id: int
    key: str
    document: Mapping[str, Any]
    digest: str
    published_at: datetime
    built_at: datetime | None
    built_to: int


_STORED = (S.id, S.key, S.document, S.digest, S.published_at, S.built_at, S.built_to)


def published(tx: Transaction) -> list[Stored]:
    """Return the published segments by their keys."""
    statement = sa.select(*_STORED).where(S.retired_at.is_(None)).order_by(S.key)
    return [Stored(*row) for row in tx.execute(statement)]


def save(
    tx: Transaction, key: str, document: Mapping[str, Any], digest: str, by: str, now: datetime
) -> int:
    """Publish a segment, to be built anew; return its id."""
    values = {
        "document": dict(document), "digest": digest, "published_at": now,
        "published_by": by, "built_at": None, "built_to": 0, "retired_at": None,
    }  # fmt: skip
    found = tx.execute(sa.update(S).where(S.key == key).values(**values).returning(S.id)).scalar()
    if found is not None:
        return int(found)
    return int(tx.execute(sa.insert(S).values(key=key, **values).returning(S.id)).scalar_one())


def retire(tx: Transaction, segment_id: int, now: datetime) -> None:
    """Take a segment out of use, with everybody in it."""
    # The row first, as who builds it does: neither then waits for the other in a circle.
    tx.execute(sa.update(S).where(S.id == segment_id).values(retired_at=now))
    for model in (M, R):
        tx.execute(sa.delete(model).where(model.segment_id == segment_id))


def build_anew(tx: Transaction, ids: Iterable[int]) -> None:
    """Have everybody looked at for these segments once more."""
    tx.execute(sa.update(S).where(S.id.in_(list(ids))).values(built_at=None, built_to=0))


def unbuilt(tx: Transaction) -> set[int]:
    """Return the segments for which everybody is still to be looked at."""
    statement = sa.select(S.id).where(S.built_at.is_(None), S.retired_at.is_(None))
    return set(tx.execute(statement).scalars())


def hold_unbuilt(tx: Transaction, segment_id: int) -> Stored | None:
    """Keep everybody else from building a segment or publishing it; None when it is built.

    Contacts may still come into it and leave it meanwhile.
    """
    statement = (
        sa.select(*_STORED)
        .where(S.id == segment_id, S.built_at.is_(None), S.retired_at.is_(None))
        .with_for_update(key_share=True)
    )
    row = tx.execute(statement).first()
    return None if row is None else Stored(*row)


def built_to(tx: Transaction, segment_id: int, contact_id: int) -> None:
    """Note that everybody up to this contact was looked at."""
    tx.execute(sa.update(S).where(S.id == segment_id).values(built_to=contact_id))


def mark_built(tx: Transaction, segment_id: int, now: datetime) -> None:
    """Note that everybody was looked at."""
    tx.execute(sa.update(S).where(S.id == segment_id).values(built_at=now))


def members_between(tx: Transaction, segment_id: int, first: int, last: int) -> set[int]:
    """Return the members with ids in this range."""
    statement = sa.select(M.contact_id).where(
        M.segment_id == segment_id, M.contact_id.between(first, last)
    )
    return set(tx.execute(statement).scalars())


def rechecks_between(
    tx: Transaction, segment_id: int, first: int, last: int
) -> dict[Place, datetime]:
    """Return when contacts with ids in this range are to be looked at for a segment."""
    statement = sa.select(R.contact_id, R.at).where(
        R.segment_id == segment_id, R.contact_id.between(first, last)
    )
    return {(segment_id, contact_id): at for contact_id, at in tx.execute(statement)}


def due(tx: Transaction, now: datetime, limit: int) -> list[int]:
    """Return contacts who may come into a segment or leave one by now, the longest due first."""
    statement = sa.select(R.contact_id).where(R.at <= now).order_by(R.at).limit(limit)
    return list(dict.fromkeys(tx.execute(statement).scalars()))


def put_off(tx: Transaction, contact_ids: Iterable[int], now: datetime, until: datetime) -> None:
    """Look at what is due of these contacts only at `until`."""
    tx.execute(
        sa.update(R).where(R.at <= now, bulk.among(tx, R.contact_id, contact_ids)).values(at=until)
    )


def count(tx: Transaction, segment_id: int) -> int:
    """Return how many are in a segment."""
    statement = sa.select(sa.func.count()).where(M.segment_id == segment_id)
    return int(tx.execute(statement).scalar_one())


def last_contact(tx: Transaction) -> int:
    """Return the highest id of a contact; 0 when there is none."""
    return int(tx.execute(sa.select(sa.func.max(C.id))).scalar() or 0)
