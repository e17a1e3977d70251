"""Segments as rows: what is published, who is in, and when time alone may change that."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

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


_STORED = (S.id, S.key, S.document, S.digest, S.published_at, S.built_at)


def published(tx: Transaction) -> list[Stored]:
    """Return the published segments by their keys."""
    statement = sa.select(*_STORED).where(S.retired_at.is_(None)).order_by(S.key)
    return [Stored(*row) for row in tx.execute(statement)]


def by_key(tx: Transaction, key: str) -> Stored | None:
    """Return a published segment, or None."""
    statement = sa.select(*_STORED).where(S.key == key, S.retired_at.is_(None))
    row = tx.execute(statement).first()
    return None if row is None else Stored(*row)


def save(
    tx: Transaction, key: str, document: Mapping[str, Any], digest: str, by: str, now: datetime
) -> int:
    """Publish a segment, to be built anew; return its id."""
    values = {
        "document": dict(document), "digest": digest, "published_at": now,
        "published_by": by, "built_at": None, "retired_at": None,
    }  # fmt: skip
    found = tx.execute(sa.update(S).where(S.key == key).values(**values).returning(S.id)).scalar()
    if found is not None:
        return int(found)
    return int(tx.execute(sa.insert(S).values(key=key, **values).returning(S.id)).scalar_one())


def retire(tx: Transaction, segment_id: int, now: datetime) -> None:
    """Take a segment out of use, with everybody in it."""
    for model in (M, R):
        tx.execute(sa.delete(model).where(model.segment_id == segment_id))
    tx.execute(sa.update(S).where(S.id == segment_id).values(retired_at=now))


def build_anew(tx: Transaction, ids: Iterable[int]) -> None:
    """Have everybody looked at for these segments once more."""
    tx.execute(sa.update(S).where(S.id.in_(list(ids))).values(built_at=None))


def mark_built(tx: Transaction, segment_id: int, digest: str, now: datetime) -> bool:
    """Say that everybody was looked at; False when it was published anew meanwhile."""
    statement = sa.update(S).where(S.id == segment_id, S.digest == digest).values(built_at=now)
    return tx.execute(statement).rowcount == 1


def unbuilt(tx: Transaction) -> list[int]:
    """Return the segments for which everybody is still to be looked at."""
    statement = sa.select(S.id).where(S.built_at.is_(None), S.retired_at.is_(None))
    return list(tx.execute(statement).scalars())


def contact_range(tx: Transaction, after: int, size: int) -> tuple[int, int, int] | None:
    """Return (first id, last id, how many) of the next `size` contacts; None at the end."""
    some = sa.select(C.id).where(C.id > after).order_by(C.id).limit(size).subquery()
    first, last, many = tx.execute(
        sa.select(sa.func.min(some.c.id), sa.func.max(some.c.id), sa.func.count())
    ).one()
    return None if first is None else (int(first), int(last), int(many))


def members_between(tx: Transaction, segment_id: int, first: int, last: int) -> set[int]:
    """Return the members with ids in this range."""
    statement = sa.select(M.contact_id).where(
        M.segment_id == segment_id, M.contact_id.between(first, last)
    )
    return set(tx.execute(statement).scalars())


def memberships(
    tx: Transaction, segment_ids: Iterable[int], contact_ids: Iterable[int]
) -> dict[int, set[int]]:
    """Return which of these segments each of these contacts is in."""
    statement = sa.select(M.contact_id, M.segment_id).where(
        bulk.among(tx, M.contact_id, contact_ids), M.segment_id.in_(list(segment_ids))
    )
    found: dict[int, set[int]] = defaultdict(set)
    for contact_id, segment_id in tx.execute(statement):
        found[contact_id].add(segment_id)
    return found


def rechecks(
    tx: Transaction, segment_ids: Sequence[int], contact_ids: Iterable[int]
) -> dict[tuple[int, int], datetime]:
    """Return when each (segment, contact) of these is to be looked at."""
    if not segment_ids:
        return {}
    statement = sa.select(R.segment_id, R.contact_id, R.at).where(
        R.segment_id.in_(segment_ids), bulk.among(tx, R.contact_id, contact_ids)
    )
    return {(row.segment_id, row.contact_id): row.at for row in tx.execute(statement)}


def enter(tx: Transaction, pairs: Iterable[tuple[int, int]], now: datetime) -> None:
    """Add (segment, contact) pairs; one that is there already keeps its `since`."""
    bulk.insert(
        tx,
        M,
        [
            {"segment_id": segment_id, "contact_id": contact_id, "since": now}
            for segment_id, contact_id in sorted(pairs)
        ],
        ignore_conflicts=True,
    )


def leave(tx: Transaction, pairs: Iterable[tuple[int, int]]) -> None:
    """Remove (segment, contact) pairs."""
    _delete(tx, M, pairs)


def save_rechecks(
    tx: Transaction,
    wanted: Mapping[tuple[int, int], datetime | None],
    known: Mapping[tuple[int, int], datetime],
) -> None:
    """Bring the instants of (segment, contact) from `known` to `wanted`; None is never."""
    changed = {place: at for place, at in wanted.items() if known.get(place) != at}
    _delete(tx, R, [place for place in changed if place in known])
    rows = [
        {"segment_id": place[0], "contact_id": place[1], "at": at}
        for place, at in sorted(changed.items())
        if at is not None
    ]
    bulk.insert(tx, R, rows, ignore_conflicts=True)


def _delete(
    tx: Transaction,
    model: type[tables.SegmentMember | tables.SegmentRecheck],
    pairs: Iterable[tuple[int, int]],
) -> None:
    of_segment: dict[int, list[int]] = defaultdict(list)
    for segment_id, contact_id in pairs:
        of_segment[segment_id].append(contact_id)
    for segment_id, contact_ids in sorted(of_segment.items()):
        tx.execute(
            sa.delete(model).where(
                model.segment_id == segment_id, bulk.among(tx, model.contact_id, contact_ids)
            )
        )


def due(tx: Transaction, now: datetime, limit: int) -> list[int]:
    """Return contacts who may come into a segment or leave one by now, the longest due first."""
    statement = sa.select(R.contact_id).where(R.at <= now).order_by(R.at).limit(limit)
    return list(dict.fromkeys(tx.execute(statement).scalars()))


def put_off(tx: Transaction, contact_ids: Iterable[int], now: datetime, until: datetime) -> None:
    """Look at what is due of these contacts only at `until`."""
    tx.execute(
        sa.update(R).where(R.at <= now, bulk.among(tx, R.contact_id, contact_ids)).values(at=until)
    )


def counts(tx: Transaction) -> dict[int, int]:
    """Return how many are in each segment."""
    statement = sa.select(M.segment_id, sa.func.count()).group_by(M.segment_id)
    return {row[0]: row[1] for row in tx.execute(statement)}
