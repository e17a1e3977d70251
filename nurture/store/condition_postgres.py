"""Comparisons as PostgreSQL makes them, with the answers of `domain.comparing`.

Its own idea of upper and lower case depends on the server's locale and version, so texts are
folded by a table that is made from Python's. What it would read otherwise than Python does (a
number of 400 digits, a date written as a week, a letter that folds into several) is left open.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from nurture.domain.comparing import Op, as_instant, as_number, span
from nurture.domain.conditions import Compare, matches_properties, meets
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
from nurture.store.types import Instant

Text = sa.ColumnElement[str]
Json = sa.ColumnElement[Any]
Number = sa.ColumnElement[Any]
ORDERED = (Op.AT_LEAST, Op.AT_MOST, Op.ABOVE, Op.BELOW)

# Numbers that both sides surely read alike, and whatever Python could take for one besides.
_NUMBER = r"^ *[+-]?([0-9]{1,30}([.][0-9]{0,30})?|[.][0-9]{1,30}) *$"
_MAYBE_NUMBER = (
    r"^[^\u0021-\u007e]*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?[^\u0021-\u007e]*$"
)
_WHOLE = r"^-?[0-9]{1,18}$"
# The same for dates; 29 February is left to memory, which knows the leap years.
_DAY = (
    r"^(?!0000)[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
    r"|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = r"[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{3}|[.][0-9]{6})?)?"
_ZONE = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_LOCAL = f"{_DAY}({_CLOCK})?$"
_ZONED = f"{_DAY}{_CLOCK}{_ZONE}$"
_MAYBE_DATE = r"^[0-9]{4}[-W0-9]"


@cache
def _folding() -> tuple[str, str, str]:
    """Return the letters that fold into one other, those, and a class of all that do otherwise."""
    ones, others, several = [], [], []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        letter = chr(code)
        folded = letter.casefold()
        if len(folded) != 1:
            several.append(letter)
        elif folded != letter:
            ones.append(letter)
            others.append(folded)
    return "".join(ones), "".join(others), f"[{''.join(several)}]"


def _fold(text: Text, test: Callable[[Text], Truth]) -> Bounds:
    """Return the bounds of `test` on the text without regard to case."""
    ones, others, several = _folding()
    is_plain = sa.func.octet_length(text) == sa.func.length(text)
    plain = sa.func.lower(sa.collate(text, "C"))
    folded = sa.collate(sa.func.translate(text, ones, others), "C")
    return choose(
        (is_plain, exactly(test(plain))),
        (text.op("~")(several), UNKNOWN),
        otherwise=exactly(test(folded)),
    )


def part(document: Json, name: str) -> Json:
    """Return the value called `name` in a document."""
    return document.op("->", return_type=postgresql.JSONB())(sa.literal(name, sa.Text))


def written(document: Json, name: str) -> Text:
    """Return the value called `name` in a document as text; null when there is none."""
    return document.op("->>", return_type=sa.Text())(sa.literal(name, sa.Text))


def _folded(value: Value) -> str:
    return str(value).casefold()


def _wild(text: Text, pattern: Value) -> Bounds:
    like = _folded(pattern).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    like = like.replace("*", "%").replace("?", "_")
    return _fold(text, lambda folded: folded.like(like, escape="\\"))


def _holding(text: Text, part: Value) -> Bounds:
    return _fold(text, lambda folded: sa.func.strpos(folded, _folded(part)) > 0)


def _same(text: Text, want: Value) -> Bounds:
    if isinstance(want, bool):
        return NEVER
    number = as_number(want)
    if number is not None:
        return _numeric(text, lambda found: found == number)
    return _fold(text, lambda folded: folded == _folded(want))


def _numeric(text: Text, test: Callable[[Number], Truth]) -> Bounds:
    found = sa.cast(sa.func.btrim(text), sa.Double)
    return choose(
        (text.op("~")(_NUMBER), exactly(test(found))),
        (text.op("~")(_MAYBE_NUMBER), UNKNOWN),
        otherwise=NEVER,
    )


def _order(op: Op, found: Number, want: float) -> Truth:
    match op:
        case Op.AT_LEAST:
            return found >= want
        case Op.AT_MOST:
            return found <= want
        case Op.ABOVE:
            return found > want
        case _:
            return found < want


def _dated(text: Text, compare: Compare, now: datetime) -> Bounds:
    if compare.op in (Op.AFTER, Op.BEFORE):
        edge = now if compare.value == "now" else as_instant(compare.value)
        if edge is None:
            return NEVER
        there = sa.literal(edge, Instant())
        if compare.op is Op.AFTER:
            return _instant(text, lambda at: at > there)
        return _instant(text, lambda at: at < there)
    length = span(compare.value)
    if length is None:
        return NEVER
    here = sa.literal(now, Instant())
    try:
        start, end = now - length, now + length
    except OverflowError:
        return UNKNOWN
    if compare.op is Op.IN_NEXT:
        last = sa.literal(end, Instant())
        return _instant(text, lambda at: sa.and_(at > here, at <= last))
    first = sa.literal(start, Instant())
    return _instant(text, lambda at: sa.and_(at > first, at <= here))


def _instant(text: Text, test: Callable[[sa.ColumnElement[datetime]], Truth]) -> Bounds:
    zoned = sa.cast(text, postgresql.TIMESTAMP(timezone=True))
    local = sa.func.timezone("UTC", sa.cast(text, postgresql.TIMESTAMP()))
    return choose(
        (text.op("~")(_LOCAL), exactly(test(local))),
        (text.op("~")(_ZONED), exactly(test(zoned))),
        (text.op("~")(_MAYBE_DATE), UNKNOWN),
        otherwise=NEVER,
    )


def _wants(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


def item(text: Text, compare: Compare) -> Bounds:
    """Return whether one item of a list answers `compare`, which is not about existence."""
    if compare.value is None:
        return NEVER
    if compare.op is Op.MATCHES:
        return either(_wild(text, one) for one in _wants(compare.value))
    if compare.op in (Op.IS, Op.IN, Op.CONTAINS):
        return either(_same(text, one) for one in _wants(compare.value))
    return NEVER


def _said(text: Text, compare: Compare, now: datetime) -> Bounds:
    """Return whether a text that is not empty answers `compare`."""
    match compare.op:
        case Op.CONTAINS:
            return either(_holding(text, one) for one in _wants(compare.value))
        case Op.IS | Op.IN | Op.MATCHES:
            return item(text, compare)
        case op if op in ORDERED:
            want = as_number(compare.value)
            return NEVER if want is None else _numeric(text, lambda one: _order(op, one, want))
        case _:
            return _dated(text, compare, now)


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
            return NEVER if want is None else exactly(_order(op, found, want))
        case Op.CONTAINS | Op.MATCHES if spelt is None:
            return UNKNOWN
        case Op.CONTAINS | Op.MATCHES if spelt is not None:
            said = either(
                _wild(spelt, one) if compare.op is Op.MATCHES else _holding(spelt, one)
                for one in _wants(compare.value)
            )
            return choose((spelt.op("~")(_WHOLE), said), otherwise=UNKNOWN)
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
        whole = choose((spelt.op("~")(_WHOLE), _wild(spelt, want)), otherwise=UNKNOWN)
        return choose(
            (kind == "string", _wild(spelt, want)),
            (kind == "number", whole),
            (kind == "boolean", boolean),
            (kind == "array", items(json, lambda one: _wild(one, want))),
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
