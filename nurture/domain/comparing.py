"""How one value is compared with another; every text without regard to case."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from math import isfinite
from typing import assert_never

from nurture.domain.contact import Value
from nurture.domain.tags import same

_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?\s*", re.IGNORECASE)


class Op(StrEnum):
    """How a subject is compared with a value."""

    IS = "is"
    IN = "in"
    CONTAINS = "contains"
    MATCHES = "matches"
    EXISTS = "exists"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ABOVE = "above"
    BELOW = "below"
    AFTER = "after"
    BEFORE = "before"
    WITHIN_LAST = "within_last"
    IN_NEXT = "in_next"


def tagged(op: Op, tags: Iterable[str], want: Value) -> bool:
    """Return whether one of `tags` stands in the relation `op` to `want`; as texts, all of them."""
    wants = want if isinstance(want, tuple) else (want,)
    if op is Op.MATCHES:
        return any(matches(tag, one) for tag in tags for one in wants)
    if op not in (Op.IS, Op.IN, Op.CONTAINS):
        return False
    wanted = {same(str(one)) for one in wants if not isinstance(one, bool)}
    return any(same(tag) in wanted for tag in tags)


def compares(op: Op, have: Value, want: Value, now: datetime) -> bool:
    """Return whether `have`, which is not missing, stands in the relation `op` to `want`."""
    match op:
        case Op.IS | Op.IN | Op.MATCHES:
            return _equal(have, want, wild=op is Op.MATCHES)
        case Op.CONTAINS:
            return _contains(have, want)
        case Op.AT_LEAST | Op.AT_MOST | Op.ABOVE | Op.BELOW:
            return _ordered(op, have, want)
        case Op.AFTER | Op.BEFORE:
            return _dated(op, have, want, now)
        case Op.WITHIN_LAST | Op.IN_NEXT:
            return _near(op, have, want, now)
        case Op.EXISTS:
            return True
        case _:
            assert_never(op)


def _folded(value: Value) -> str:
    return str(value).casefold()


@lru_cache(maxsize=8192, typed=True)
def matches(have: Value, pattern: Value) -> bool:
    """Return whether `pattern` fits: only * and ? are wildcards, a bracket is itself.

    Links and pages come again and again, and one look at a pattern costs as much as ten of these.
    """
    return fnmatchcase(_folded(have), _folded(pattern).replace("[", "[[]"))


def _equal(have: Value, want: Value, *, wild: bool) -> bool:
    if not isinstance(have, tuple) and not isinstance(want, tuple):
        return _same(have, want, wild=wild)
    haves = have if isinstance(have, tuple) else (have,)
    wants = want if isinstance(want, tuple) else (want,)
    return any(_same(one, other, wild=wild) for one in haves for other in wants)


def _same(have: Value, want: Value, *, wild: bool) -> bool:
    if wild:
        return matches(have, want)
    if isinstance(have, bool) or isinstance(want, bool):
        return have is want
    return have == want or _alike(have, want)


@lru_cache(maxsize=8192, typed=True)
def _alike(have: Value, want: Value) -> bool:
    """Return whether both are the same number, or the same text without regard to case.

    What fields say comes again and again, as links do.
    """
    left = as_number(have)
    right = None if left is None else as_number(want)
    if left is not None and right is not None:
        return left == right
    return _folded(have) == _folded(want)


def _contains(have: Value, want: Value) -> bool:
    if isinstance(have, tuple):
        return _equal(have, want, wild=False)
    wants = want if isinstance(want, tuple) else (want,)
    return any(_folded(one) in _folded(have) for one in wants)


def as_number(value: Value) -> float | None:
    """Return the number a field holds, written or typed; None when it holds none.

    Finite decimal numbers only: Nan is a name and Infinity a company.
    """
    if isinstance(value, bool) or value is None or isinstance(value, tuple):
        return None
    if isinstance(value, str) and _NUMBER.fullmatch(value) is None:
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        # A separator such as \x1f is a space to patterns, and none to numbers.
        return None
    return number if isfinite(number) else None


def _ordered(op: Op, have: Value, want: Value) -> bool:
    left, right = as_number(have), as_number(want)
    if left is None or right is None:
        return False
    match op:
        case Op.AT_LEAST:
            return left >= right
        case Op.AT_MOST:
            return left <= right
        case Op.ABOVE:
            return left > right
        case _:
            return left < right


def as_instant(value: Value) -> datetime | None:
    """Return the instant of an ISO 8601 date or date-time; without a zone it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _dated(op: Op, have: Value, want: Value, now: datetime) -> bool:
    left = as_instant(have)
    right = now if want == "now" else as_instant(want)
    if left is None or right is None:
        return False
    return left > right if op is Op.AFTER else left < right


def span(value: Value) -> timedelta | None:
    """Return the duration of `within_last` and `in_next`, given in seconds; None when it is none.

    Durations beyond the calendar count as none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError):
        return None


def _near(op: Op, have: Value, want: Value, now: datetime) -> bool:
    """Return whether `have` lies in the span before `now`, which is in it, or in that after it."""
    at, length = as_instant(have), span(want)
    if at is None or length is None:
        return False
    # A difference of instants never leaves the calendar; a sum of them might.
    ahead = at - now
    if op is Op.IN_NEXT:
        return timedelta() < ahead <= length
    return -length < ahead <= timedelta()
