"""Comparisons as PostgreSQL makes them: of columns, of values in documents, and of lists."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from nurture.domain.comparing import Op, as_number
from nurture.domain.conditions import Asker, Compare, matches_properties, meets
from nurture.domain.contact import Value
from nurture.store.condition_bounds import (
    NEVER,
    UNKNOWN,
    Bounds,
    Truth,
    choose,
    constant,
    either,
    exactly,
)
from nurture.store.condition_postgres_texts import (
    ORDERED,
    WHOLE,
    Json,
    Number,
    Text,
    alike,
    dated,
    holding,
    numeric,
    order,
    same,
    wild,
)


def part(document: Json, name: str) -> Json:
    """Return the value called `name` in a document."""
    return document.op("->", return_type=postgresql.JSONB())(sa.literal(name, sa.Text))


def written(document: Json, name: str) -> Text:
    """Return the value called `name` in a document as text; null when there is none."""
    return document.op("->>", return_type=sa.Text())(sa.literal(name, sa.Text))


def _wants(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


def item(text: Text, compare: Compare) -> Bounds:
    """Return whether one item of a list answers `compare`, which is not about existence."""
    if compare.value is None:
        return NEVER
    if compare.op is Op.MATCHES:
        return either(wild(text, one) for one in _wants(compare.value))
    if compare.op in (Op.IS, Op.IN, Op.CONTAINS):
        return either(same(text, one) for one in _wants(compare.value))
    return NEVER


def tag(text: Text, compare: Compare) -> Bounds:
    """Return whether one tag answers `compare`, which is not about existence; as texts."""
    if compare.op in (Op.IS, Op.IN, Op.CONTAINS) and compare.value is not None:
        return either(alike(text, one) for one in _wants(compare.value))
    return item(text, compare)


def _said(text: Text, compare: Compare, now: datetime) -> Bounds:
    """Return whether a text that is not empty answers `compare`."""
    match compare.op:
        case Op.CONTAINS:
            return either(holding(text, one) for one in _wants(compare.value))
        case Op.IS | Op.IN | Op.MATCHES:
            return item(text, compare)
        case op if op in ORDERED:
            want = as_number(compare.value)
            return NEVER if want is None else numeric(text, lambda one: order(op, one, want))
        case _:
            return dated(text, compare, now)


def text(column: Text, compare: Compare, now: datetime) -> Bounds:
    """Return whether a text column answers `compare`; null and empty texts are missing."""
    missing = sa.func.coalesce(column, "") == ""
    if compare.op is Op.EXISTS:
        return exactly(sa.not_(missing) if compare.value else missing)
    if compare.value is None:
        return NEVER
    return choose((missing, NEVER), otherwise=_said(column, compare, now))


def number(column: Number, compare: Compare) -> Bounds:
    """Return whether a column of numbers answers `compare`; null is missing."""
    if compare.op is Op.EXISTS:
        return exactly(column.is_(None) if not compare.value else column.is_not(None))
    if compare.value is None:
        return NEVER
    return choose((column.is_(None), NEVER), otherwise=_counted(column, compare, None))


def _counted(found: Number, compare: Compare, spelt: Text | None) -> Bounds:
    """Return whether a number answers `compare`; `spelt` is how it is written, where known."""
    match compare.op:
        case Op.IS | Op.IN:
            return either(_equal(found, one) for one in _wants(compare.value))
        case op if op in ORDERED:
            want = as_number(compare.value)
            return NEVER if want is None else exactly(order(op, found, want))
        case Op.CONTAINS | Op.MATCHES if spelt is None:
            return UNKNOWN
        case Op.CONTAINS | Op.MATCHES if spelt is not None:
            said = either(
                wild(spelt, one) if compare.op is Op.MATCHES else holding(spelt, one)
                for one in _wants(compare.value)
            )
            return choose((spelt.op("~")(WHOLE), said), otherwise=UNKNOWN)
        case _:
            return NEVER


def _equal(found: Number, want: Value) -> Bounds:
    if isinstance(want, bool):
        return NEVER
    wanted = as_number(want)
    if wanted is not None:
        return exactly(found == wanted)
    # A text of digits too long for a number may still be spelt as this one is.
    return UNKNOWN if isinstance(want, str) and want.strip()[:1] in "+-.0123456789" else NEVER


def value(json: Json, spelt: Text, compare: Compare, now: datetime) -> Bounds:
    """Return whether a value in a document answers `compare`; `spelt` is its text."""
    kind = sa.func.jsonb_typeof(json)
    wanted = bool(compare.value)
    if compare.op is Op.EXISTS:
        there, gone = constant(truth=wanted), constant(truth=not wanted)
        is_there = sa.or_(
            kind.in_(["number", "boolean"]),
            sa.and_(kind == "string", spelt != ""),
            sa.case((kind == "array", sa.func.jsonb_array_length(json) > 0), else_=sa.false()),
        )
        return choose((is_there, there), otherwise=gone)
    if compare.value is None:
        return NEVER
    said = choose((spelt == "", NEVER), otherwise=_said(spelt, compare, now))
    return choose(
        (kind == "string", said),
        (kind == "number", _in_reach(json, lambda one: _counted(one, compare, spelt))),
        (kind == "boolean", _boolean(json, compare, now)),
        (kind == "array", items(json, lambda one: item(one, compare))),
        otherwise=NEVER,
    )


def _in_reach(json: Json, test: Callable[[Number], Bounds]) -> Bounds:
    """Return the bounds of `test` on a number; those that no float holds are left open."""
    exact = sa.cast(json, sa.Numeric)
    size = sa.func.abs(exact)
    # As floats these bounds would have the number made a float before it is compared.
    most, least = (sa.literal_column(one, sa.Numeric) for one in ("1e300", "1e-300"))
    fits = sa.and_(size < most, sa.or_(size == 0, size > least))
    return choose((fits, test(sa.cast(exact, sa.Double))), otherwise=UNKNOWN)


def _boolean(json: Json, compare: Compare, now: datetime) -> Bounds:
    yes, no = (constant(truth=meets(compare, one, now)) for one in (True, False))
    return choose((sa.cast(json, sa.Boolean), yes), otherwise=no)


def items(json: Json, test: Callable[[Text], Bounds]) -> Bounds:
    """Return whether one item of a list answers `test`; those that are no texts may or may not."""
    each = sa.func.jsonb_array_elements(json, type_=postgresql.JSONB).table_valued(
        sa.column("value", postgresql.JSONB), name="item"
    )
    one = each.c.value
    spelt = one.op("#>>", return_type=sa.Text())(sa.text("'{}'"))
    found = choose((sa.func.jsonb_typeof(one) == "string", test(spelt)), otherwise=UNKNOWN)

    def there(truth: Truth) -> Truth:
        return sa.exists(sa.select(sa.literal_column("1")).select_from(each).where(truth))

    sure = there(found.sure)
    return exactly(sure) if found.are_exact else Bounds(sure, there(found.maybe))


def disowned(document: Json, asker: Asker) -> Truth:
    """Return whether an event answers an email of another run than the one that asks."""
    own, key = part(document, "sequence"), part(document, "entry_key")
    sequence, entry_key = (
        sa.literal(one, postgresql.JSONB()) for one in (asker.sequence, asker.entry_key)
    )
    is_another = sa.and_(own == sequence, sa.func.jsonb_typeof(key) == "string", key != entry_key)
    return sa.func.coalesce(is_another, sa.false())


def wanted(json: Json, spelt: Text, want: Value) -> Bounds:
    """Return whether a property of an event is as wanted; texts may hold * and ?."""
    if isinstance(want, tuple):
        return either(wanted(json, spelt, one) for one in want)
    if want is None:
        return NEVER
    kind = sa.func.jsonb_typeof(json)
    yes, no = (constant(truth=matches_properties({"": want}, {"": one})) for one in (True, False))
    boolean = choose((sa.cast(json, sa.Boolean), yes), otherwise=no)
    if isinstance(want, str):
        whole = choose((spelt.op("~")(WHOLE), wild(spelt, want)), otherwise=UNKNOWN)
        return choose(
            (kind == "string", wild(spelt, want)),
            (kind == "number", whole),
            (kind == "boolean", boolean),
            (kind == "array", items(json, lambda one: wild(one, want))),
            otherwise=NEVER,
        )
    wanted_number = as_number(int(want) if isinstance(want, bool) else want)
    alike = UNKNOWN if wanted_number is None else _alike(json, wanted_number)
    # Items of lists are texts to the rules, whatever they were.
    return choose((kind == "number", alike), (kind == "boolean", boolean), otherwise=NEVER)


def _alike(json: Json, want: float) -> Bounds:
    # Python compares whole numbers with floats exactly; up to here both do so.
    exact = sa.cast(json, sa.Numeric)
    is_near = sa.func.abs(exact) < 2**53
    return choose((is_near, _in_reach(json, lambda one: exactly(one == want))), otherwise=UNKNOWN)
