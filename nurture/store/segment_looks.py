"""What a look at some contacts for all segments reads, and what it writes: a few statements.

Each is built once, and its parameters are arrays, so that it stays prepared however many contacts
there are: of a hundred contacts, building a statement would cost more than its answer.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from types import MappingProxyType

import sqlalchemy as sa

from nurture.domain.contact import NOTHING, Occurrence, Value, Verdict
from nurture.domain.segments import Recall
from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.each import Rows, each_named
from nurture.store.people import values
from nurture.store.types import Instant

M, R, E = tables.SegmentMember, tables.SegmentRecheck, tables.Event

# The ids of a segment and of a contact.
Place = tuple[int, int]
# What is said in so few characters, such as the page that was visited, comes again and again.
KNOWN = 200
_EVER = datetime.min.replace(tzinfo=UTC)
_VERDICTS = {one.value: one for one in Verdict}


@cache
def _select_places(dialect: str) -> Rows:
    nothing = sa.type_coerce(sa.null(), Instant()).label("at")
    return each_named(
        dialect,
        "ids",
        lambda wanted: sa.union_all(
            sa.select(M.contact_id, M.segment_id, nothing).where(wanted(M.contact_id)),
            sa.select(R.contact_id, R.segment_id, R.at).where(wanted(R.contact_id)),
        ),
    )


def places(
    tx: Transaction, contact_ids: Iterable[int]
) -> tuple[dict[int, set[int]], dict[Place, datetime]]:
    """Return which segments each contact is in, and when each place is to be looked at again."""
    members: dict[int, set[int]] = defaultdict(set)
    rechecks: dict[Place, datetime] = {}
    statement = _select_places(tx.dialect.name)
    rows = tx.execute(statement, {"ids": bulk.listed(tx, contact_ids)}).all()
    for contact_id, segment_id, at in rows:
        if at is None:
            members[contact_id].add(segment_id)
        else:
            rechecks[segment_id, contact_id] = at
    return members, rechecks


@cache
def _select_events(dialect: str) -> Rows:
    is_detailed = bulk.among_named(dialect, E.name, "detailed")
    detailed = sa.case((is_detailed, sa.cast(E.properties, sa.Text)))
    return each_named(
        dialect,
        "ids",
        lambda wanted: sa.select(
            E.contact_id, E.name, E.occurred_at, E.verdict, detailed.label("properties")
        ).where(
            wanted(E.contact_id),
            bulk.among_named(dialect, E.name, "names"),
            E.occurred_at > sa.bindparam("since", type_=Instant()),
            E.verdict != Verdict.MACHINE.value,
        ),
    )


def _said(properties: str | None) -> Mapping[str, Value]:
    if properties is None:
        return NOTHING
    return _known(properties) if len(properties) < KNOWN else _parsed(properties)


def _parsed(properties: str) -> Mapping[str, Value]:
    return MappingProxyType(values(json.loads(properties)))


_known = lru_cache(maxsize=4096)(_parsed)


def recalled(
    tx: Transaction, contact_ids: Iterable[int], recall: Recall, now: datetime
) -> Mapping[int, tuple[Occurrence, ...]]:
    """Return what each contact did, oldest first, as far as `recall` asks for it."""
    if not recall.names:
        return {}
    wanted = {
        "ids": bulk.listed(tx, contact_ids),
        "names": bulk.listed(tx, sorted(recall.names)),
        "detailed": bulk.listed(tx, sorted(recall.detailed)),
        "since": _EVER if recall.span is None else now - recall.span,
    }
    found: dict[int, list[Occurrence]] = defaultdict(list)
    rows = tx.execute(_select_events(tx.dialect.name), wanted).all()
    for contact_id, name, at, verdict, properties in rows:
        found[contact_id].append(Occurrence(name, at, _said(properties), _VERDICTS[verdict]))
    return {
        key: tuple(sorted(some, key=lambda one: one.occurred_at)) for key, some in found.items()
    }


def enter(tx: Transaction, pairs: Iterable[Place], now: datetime) -> None:
    """Add (segment, contact) pairs; one that is there already keeps its `since`."""
    rows = [
        {"segment_id": segment_id, "contact_id": contact_id, "since": now}
        for segment_id, contact_id in sorted(pairs)
    ]
    bulk.insert(tx, M, rows, ignore_conflicts=True)


def leave(tx: Transaction, pairs: Iterable[Place]) -> None:
    """Remove (segment, contact) pairs."""
    bulk.delete(tx, M, _rows(pairs))


def plan(
    tx: Transaction,
    wanted: Mapping[Place, datetime | None],
    known: Mapping[Place, datetime],
    now: datetime,
) -> None:
    """See that each (segment, contact) is looked at again at the wanted instant; None is never.

    A look that is `known` to come earlier stays as it is, and plans anew when it comes: somebody
    who does the same thing day after day would have their next look moved every time.
    """
    changed = {
        place: at
        for place, at in wanted.items()
        if known.get(place) != at and not _comes_before(known.get(place), at, now)
    }
    rows = [
        {"segment_id": place[0], "contact_id": place[1], "at": at}
        for place, at in sorted(changed.items())
        if at is not None
    ]
    bulk.put(tx, R, rows)
    bulk.delete(tx, R, _rows(place for place, at in changed.items() if at is None))


def _comes_before(known: datetime | None, wanted: datetime | None, now: datetime) -> bool:
    return known is not None and now < known and (wanted is None or known < wanted)


def _rows(pairs: Iterable[Place]) -> list[dict[str, int]]:
    return [
        {"segment_id": segment_id, "contact_id": contact_id}
        for segment_id, contact_id in sorted(pairs)
    ]
