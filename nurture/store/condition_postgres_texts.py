"""What PostgreSQL says of texts, numbers and dates, with the answers of `domain.comparing`.

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
from nurture.domain.conditions import Compare
from nurture.domain.contact import Value
from nurture.store.condition_bounds import (
    NEVER,
    UNKNOWN,
    Bounds,
    Truth,
    choose,
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
WHOLE = r"^-?[0-9]{1,18}$"
# The same for dates; 29 February is left to memory, which knows the leap years.
_DAY = (
    r"^(?!0000)[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
    r"|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_CLOCK = r"[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{3}|[.][0-9]{6})?)?"
_ZONE = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_LOCAL = f"{_DAY}({_CLOCK})?$"
_ZONED = f"{_DAY}{_CLOCK}{_ZONE}$"
# Where the letters lie that fold into several: Latin with odd marks, ancient Greek, ligatures.
_RANGES = (("\u1e96", "\u1e9e"), ("\u1f50", "\u1ffc"), ("\ufb00", "\ufb17"))
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
    # As ranges the class is looked up far quicker; the few others in them are left open, too.
    odd = "".join(one for one in several if not any(low <= one <= high for low, high in _RANGES))
    ranges = "".join(f"{first}-{last}" for first, last in _RANGES)
    return "".join(ones), "".join(others), f"[{odd}{ranges}]"


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


def _folded(value: Value) -> str:
    return str(value).casefold()


def wild(text: Text, pattern: Value) -> Bounds:
    """Return whether the text fits a pattern in which * and ? are wildcards."""
    like = _folded(pattern).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    like = like.replace("*", "%").replace("?", "_")
    return _fold(text, lambda folded: folded.like(like, escape="\\"))


def holding(text: Text, part: Value) -> Bounds:
    """Return whether the text holds `part`."""
    return _fold(text, lambda folded: sa.func.strpos(folded, _folded(part)) > 0)


def same(text: Text, want: Value) -> Bounds:
    """Return whether the text equals `want`, as a number where both are."""
    number = as_number(want)
    if number is not None:
        return numeric(text, lambda found: found == number)
    return alike(text, want)


def alike(text: Text, want: Value) -> Bounds:
    """Return whether the text equals `want` as a text."""
    if isinstance(want, bool):
        return NEVER
    wanted = _folded(want)
    # Folding one letter into one keeps the length, which is far quicker to compare.
    is_long = sa.func.length(text) == len(wanted)
    return _fold(text, lambda folded: sa.and_(is_long, folded == wanted))


def numeric(text: Text, test: Callable[[Number], Truth]) -> Bounds:
    """Return the bounds of `test` on the number that the text is; none passes that is no number."""
    found = sa.cast(sa.func.btrim(text), sa.Double)
    return choose(
        (text.op("~")(_NUMBER), exactly(test(found))),
        (text.op("~")(_MAYBE_NUMBER), UNKNOWN),
        otherwise=NEVER,
    )


def order(op: Op, found: Number, want: float) -> Truth:
    """Return whether a number stands in the relation `op` to `want`."""
    match op:
        case Op.AT_LEAST:
            return found >= want
        case Op.AT_MOST:
            return found <= want
        case Op.ABOVE:
            return found > want
        case _:
            return found < want


def dated(text: Text, compare: Compare, now: datetime) -> Bounds:
    """Return whether the date that the text is answers `compare`."""
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
