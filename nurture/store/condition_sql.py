"""The condition language as SQL, for whole tables of contacts at once.

`domain.conditions.holds` is the truth. What is said here equals it, or bounds it from both sides
where a database cannot say it (see `condition_bounds`); `tests/store/test_condition_sql.py` holds
the two together over contacts and conditions that nobody would think of.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

import sqlalchemy as sa

from nurture.domain import conditions as c
from nurture.domain.comparing import Op, compares
from nurture.domain.conditions import Compare, Condition, Did, meets, walk
from nurture.domain.contact import Value, Verdict
from nurture.store import (
    bulk,
    condition_postgres,
    condition_postgres_texts,
    condition_sqlite,
    tables,
)
from nurture.store.condition_bounds import (
    NEVER,
    Bounds,
    Truth,
    choose,
    constant,
    either,
    every,
    exactly,
    opposite,
)
from nurture.store.database import Transaction
from nurture.store.trials import is_counted
from nurture.store.types import Instant

C, S, E = tables.Contact, tables.Standing, tables.Event
TEXTS = ("stage", "highest_stage", "grade", "temperature", "persona", "language", "timezone")


@dataclass(frozen=True, slots=True)
class Asking:
    """One question: the database it is asked, its moment, and the keys that are rows there."""

    tx: Transaction
    now: datetime
    sequences: Mapping[str, int]
    segments: Mapping[str, int]

    @classmethod
    def of(cls, tx: Transaction, condition: Condition, now: datetime) -> "Asking":
        """Return the asking of `condition`, with the keys that it needs."""
        if tx.dialect.name == "sqlite":
            condition_sqlite.prepare(tx)
        kinds = {one.subject.kind for one in walk(condition) if isinstance(one, Compare)}
        return cls(
            tx,
            now,
            _keys(tx, tables.Sequence) if "sequence" in kinds else {},
            _keys(tx, tables.Segment) if "segment" in kinds else {},
        )

    @property
    def in_postgres(self) -> bool:
        """Whether it is PostgreSQL that is asked."""
        return self.tx.dialect.name == "postgresql"


def _keys(tx: Transaction, model: type[tables.Sequence | tables.Segment]) -> dict[str, int]:
    return {row.key: row.id for row in tx.execute(sa.select(model.key, model.id))}


def bounds(asking: Asking, condition: Condition) -> Bounds:
    """Return what SQL says of `condition`, in terms of `contact` joined with `standing`."""
    match condition:
        case Compare():
            return _compare(asking, condition)
        case Did():
            return _did(asking, condition)
        case c.All(parts):
            return every(bounds(asking, part) for part in parts)
        case c.Any(parts):
            return either(bounds(asking, part) for part in parts)
        case c.Not(part):
            return opposite(bounds(asking, part))
        case _:
            assert_never(condition)


def people(track: str, *columns: Any) -> sa.Select[Any]:
    """Return the select of contacts with their standing that `bounds` speaks of."""
    return (
        sa.select(*(columns or (C.id,)))
        .select_from(C)
        .join(S, sa.and_(S.contact_id == C.id, S.track == track), isouter=True)
        .where(C.erased_at.is_(None))
    )


def _compare(asking: Asking, compare: Compare) -> Bounds:
    kind, name = compare.subject.kind, compare.subject.name
    match kind:
        case "field":
            return _field(asking, (name,), compare)
        case "bant":
            return _field(asking, ("bant", name), compare, default="unknown")
        case "tag":
            return _tags(asking, compare)
        case "consent":
            yes, no = (constant(truth=meets(compare, one, asking.now)) for one in (True, False))
            given = sa.func.coalesce(C.consents[name].as_boolean(), sa.false())
            return choose((given, yes), otherwise=no)
        case "engagement" | "fit":
            column = S.engagement if kind == "engagement" else S.fit
            return _number(asking, sa.func.coalesce(column, sa.literal(0.0)), compare)
        case "hours_in_stage":
            return _hours(asking, compare)
        case "sequence" | "segment":
            return _membership(asking, compare)
        case "received":
            return _received(asking, compare)
        case _:
            return _text(asking, _column(kind), compare)


def _column(kind: str) -> sa.ColumnElement[str]:
    has_stage = sa.func.coalesce(S.stage, "") != ""
    match kind:
        case "stage":
            return S.stage.expression
        case "highest_stage":
            return sa.case((has_stage, S.highest))
        case "grade":
            return sa.func.coalesce(sa.func.nullif(S.grade, ""), "D")
        case "temperature":
            return sa.func.coalesce(sa.func.nullif(S.temperature, ""), "cold")
        case _:
            column: sa.ColumnElement[str] = getattr(C, kind).expression
            return column


def _text(asking: Asking, column: sa.ColumnElement[str], compare: Compare) -> Bounds:
    if asking.in_postgres:
        return condition_postgres.text(column, compare, asking.now)
    return condition_sqlite.value(column, compare, asking.now)


def _number(asking: Asking, column: sa.ColumnElement[float], compare: Compare) -> Bounds:
    if asking.in_postgres:
        return condition_postgres.number(column, compare)
    return condition_sqlite.value(column, compare, asking.now)


def _hours(asking: Asking, compare: Compare) -> Bounds:
    since = sa.case((sa.func.coalesce(S.stage, "") != "", S.since))
    if not asking.in_postgres:
        return condition_sqlite.hours(since, compare, asking.now)
    spent = sa.extract("epoch", sa.literal(asking.now, Instant()) - since)
    # Whole microseconds, so that one division rounds, as in Python.
    micros = sa.cast(sa.cast(spent * 1_000_000, sa.BigInteger), sa.Double)
    return condition_postgres.number(micros / sa.literal(3.6e9, sa.Double), compare)


def _field(
    asking: Asking, path: tuple[str, ...], compare: Compare, default: Value = None
) -> Bounds:
    if not asking.in_postgres:
        return condition_sqlite.field(C.fields.expression, path, compare, asking.now, default)
    document: condition_postgres_texts.Json = C.fields.expression
    for name in path[:-1]:
        document = condition_postgres.part(document, name)
    found = condition_postgres.value(
        condition_postgres.part(document, path[-1]),
        condition_postgres.written(document, path[-1]),
        compare,
        asking.now,
    )
    if default is None:
        return found
    there = sa.func.coalesce(document.op("?")(sa.literal(path[-1], sa.Text)), sa.false())
    absent = constant(truth=meets(compare, default, asking.now))
    return choose((there, found), otherwise=absent)


def _tags(asking: Asking, compare: Compare) -> Bounds:
    if not asking.in_postgres:
        return condition_sqlite.tags(C.tags.expression, compare, asking.now)
    if compare.op is Op.EXISTS:
        is_there = sa.func.jsonb_array_length(C.tags) > 0
        return exactly(is_there if compare.value else sa.not_(is_there))
    return condition_postgres.items(
        C.tags.expression, lambda one: condition_postgres.tag(one, compare)
    )


def _membership(asking: Asking, compare: Compare) -> Bounds:
    """Keys are few, so they are compared here, and the rows are found by their ids."""
    within = compare.subject.kind == "sequence"
    known = asking.sequences if within else asking.segments
    if compare.op is Op.EXISTS:
        there = _among(sorted(known.values()), within=within)
        return exactly(there if compare.value else sa.not_(there))
    if compare.value is None:
        return NEVER
    wanted = [
        id_
        for key, id_ in sorted(known.items())
        if compares(compare.op, (key,), compare.value, asking.now)
    ]
    return exactly(_among(wanted, within=within)) if wanted else NEVER


def _among(ids: list[int], *, within: bool) -> Truth:
    if within:
        t = tables.Enrollment
        live = (t.ended_at.is_(None), is_counted(t.version_id))
        return sa.exists().where(t.contact_id == C.id, t.sequence_id.in_(ids), *live)
    m = tables.SegmentMember
    return sa.exists().where(m.contact_id == C.id, m.segment_id.in_(ids))


def _received(asking: Asking, compare: Compare) -> Bounds:
    t = tables.Received
    if compare.op is Op.EXISTS:
        there = sa.exists().where(t.contact_id == C.id)
        return exactly(there if compare.value else sa.not_(there))
    content = t.content.expression
    found = (
        condition_postgres.item(content, compare)
        if asking.in_postgres
        else condition_sqlite.item(content, compare, asking.now)
    )
    sure = sa.exists().where(t.contact_id == C.id, found.sure)
    if found.are_exact:
        return exactly(sure)
    return Bounds(sure, sa.exists().where(t.contact_id == C.id, found.maybe))


def _did(asking: Asking, did: Did) -> Bounds:
    """Count events by the index on contact and instant, at most those in the span."""
    wanted = _properties(asking, did.where)
    sure, maybe = (_happened(asking, did, truth) for truth in (wanted.sure, wanted.maybe))
    least = every([]) if did.at_least <= 0 else _at_least(did.at_least, sure, maybe, wanted)
    if did.at_most is None:
        return least
    most = opposite(_at_least(did.at_most + 1, sure, maybe, wanted))
    return every([least, most])


def _happened(asking: Asking, did: Did, wanted: Truth) -> tuple[Truth, ...]:
    asked = [
        E.contact_id == C.id,
        E.name == did.event,
        E.verdict == Verdict.HUMAN.value,
        E.occurred_at <= asking.now,
        wanted,
    ]
    if did.within is not None:
        asked.append(E.occurred_at > asking.now - did.within)
    if did.asker is not None:
        says = condition_postgres if asking.in_postgres else condition_sqlite
        asked.append(sa.not_(says.disowned(E.properties.expression, did.asker)))
    return tuple(asked)


def _at_least(
    times: int, sure: tuple[Truth, ...], maybe: tuple[Truth, ...], wanted: Bounds
) -> Bounds:
    def often(asked: tuple[Truth, ...]) -> Truth:
        if times <= 0:
            return sa.true()
        if times == 1:
            return sa.exists().where(*asked)
        counted = sa.select(sa.func.count()).select_from(E).where(*asked).correlate(C)
        return counted.scalar_subquery() >= times

    return exactly(often(sure)) if wanted.are_exact else Bounds(often(sure), often(maybe))


def _properties(asking: Asking, where: Mapping[str, Value]) -> Bounds:
    if not where:
        return every([])
    if not asking.in_postgres:
        return condition_sqlite.properties(E.properties.expression, where)
    parts = []
    for name, want in where.items():
        document: condition_postgres_texts.Json = E.properties.expression
        found = condition_postgres.part(document, name)
        written = condition_postgres.written(document, name)
        parts.append(condition_postgres.wanted(found, written, want))
    return every(parts)


def among(asking: Asking, ids: Iterable[int]) -> Truth:
    """Return the condition that a contact is one of these."""
    return bulk.among(asking.tx, C.id, ids)
