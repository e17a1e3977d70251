"""The filters an email may use: each bounded before it allocates, none that marks text as safe.

Jinja's own filters are not used, since several take a size from the author (`center`, `indent`,
`wordwrap`, `format`, `batch`), walk generators without end, or switch escaping off.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from operator import itemgetter
from typing import Any, Final
from urllib.parse import quote

from jinja2 import pass_context
from jinja2.runtime import Context, Undefined

from nurture.mailer.budget import Budget, budget_of, weight
from nurture.mailer.formats import format_as_date, format_as_money, format_as_number

EACH: Final = "~each"
CONCAT: Final = "~concat"
"""Names of the hooks that the metering of templates inserts; no template can spell them."""


def default(value: object, other: object = "") -> object:
    """`other` when the field is missing, empty or blank: all three read the same in an email."""
    if isinstance(value, Undefined) or value is None:
        return other
    return other if isinstance(value, str) and not value.strip() else value


def _items(value: object) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value)
    if isinstance(value, list | tuple | range):
        return list(value)
    if isinstance(value, Undefined):
        len(value)  # Raises, with the name of the missing field.
    raise TypeError(f"{type(value).__name__} is not a list")


def _replace(budget: Budget, value: object, old: str, new: str = "") -> str:
    text = str(value)
    found = text.count(old)
    budget.room(len(text) + found * max(len(new) - len(old), 0))
    return text.replace(old, new)


def _join(budget: Budget, value: object, separator: str = "") -> str:
    parts = [str(item) for item in _items(value)]
    budget.room(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def _truncate(value: object, length: int = 255, end: str = "…") -> str:
    text = str(value)
    if len(text) <= length:
        return text
    room = max(length - len(end), 0)
    # A word is cut only when it is the first.
    cut = text[: room + 1].rsplit(" ", 1)[0]
    return cut[:room].rstrip() + end


def _round(value: float, precision: int = 0) -> float:
    if not 0 <= precision <= 10:
        raise ValueError("round takes 0 to 10 digits")
    return round(value, precision) if precision else round(value)


def _int(value: object, other: int = 0) -> int:
    try:
        return int(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return other


def _float(value: object, other: float = 0.0) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return other


def _batch(value: object, size: int) -> list[list[Any]]:
    items = _items(value)
    if not 1 <= size <= 100:
        raise ValueError("batch takes rows of 1 to 100")
    return [items[start : start + size] for start in range(0, len(items), size)]


def _map(value: object, attribute: str) -> list[Any]:
    return [item[attribute] for item in _items(value) if item.get(attribute) is not None]


def _sort(value: object, attribute: str = "", *, reverse: bool = False) -> list[Any]:
    return sorted(_items(value), key=itemgetter(attribute) if attribute else None, reverse=reverse)


def _sum(value: object, attribute: str = "") -> float:
    numbers = _map(value, attribute) if attribute else _items(value)
    return sum(float(n) if not isinstance(n, int) else n for n in numbers)


def _unique(value: object) -> list[Any]:
    return list(dict.fromkeys(_items(value)))


def _first(value: object) -> object:
    items = value if isinstance(value, str) else _items(value)
    return items[0] if items else None


def _last(value: object) -> object:
    items = value if isinstance(value, str) else _items(value)
    return items[-1] if items else None


def _pairs(value: Mapping[str, object]) -> list[tuple[str, object]]:
    return list(value.items())


_PLAIN: Final[dict[str, Callable[..., object]]] = {
    "default": default,
    "d": default,
    "upper": lambda value: str(value).upper(),
    "lower": lambda value: str(value).lower(),
    "title": lambda value: str(value).title(),
    "capitalize": lambda value: str(value).capitalize(),
    "trim": lambda value: str(value).strip(),
    "string": str,
    # Escaping is always on in the HTML part, so the habit of writing it does no harm.
    "e": str,
    "escape": str,
    "urlencode": lambda value: quote(str(value), safe=""),
    "truncate": _truncate,
    "length": lambda value: len(value if isinstance(value, str) else _items(value)),
    "count": lambda value: len(value if isinstance(value, str) else _items(value)),
    "first": _first,
    "last": _last,
    "list": _items,
    "items": _pairs,
    "map": _map,
    "sort": _sort,
    "reverse": lambda value: _items(value)[::-1],
    "unique": _unique,
    "batch": _batch,
    "sum": _sum,
    "min": lambda value: min(_items(value)),
    "max": lambda value: max(_items(value)),
    "round": _round,
    "abs": abs,
    "int": _int,
    "float": _float,
}


def _metered(work: Callable[..., object]) -> Callable[..., object]:
    @pass_context
    @wraps(work)
    def run(context: Context, value: object, *args: object, **kwargs: object) -> object:
        budget = budget_of(context)
        budget.spend(1 + weight(value))
        return budget.bounded(work(value, *args, **kwargs))

    return run


def _budgeted(work: Callable[..., object]) -> Callable[..., object]:
    @pass_context
    @wraps(work)
    def run(context: Context, value: object, *args: object, **kwargs: object) -> object:
        budget = budget_of(context)
        budget.spend(1 + weight(value))
        return budget.bounded(work(budget, value, *args, **kwargs))

    return run


@pass_context
def _each(context: Context, value: object, cost: int) -> list[Any]:
    """The items of a `{% for %}`, paid for at once: `cost` template nodes for each of them."""
    items = _items(value)
    budget = budget_of(context)
    budget.count(len(items))
    budget.spend(cost * len(items))
    return items


@pass_context
def _concat(context: Context, parts: list[object]) -> str:
    texts = [str(part) for part in parts]
    budget = budget_of(context)
    size = sum(map(len, texts))
    budget.room(size)
    budget.spend(size >> 4)
    return "".join(texts)


def _language(context: Context) -> str:
    return str(context.parent.get("language", "en"))


@pass_context
def _date(context: Context, value: object, pattern: str = "long") -> str:
    return format_as_date(_present(value), pattern, _language(context))


@pass_context
def _number(context: Context, value: object, decimals: int | None = None) -> str:
    return format_as_number(_present(value), decimals, _language(context))


@pass_context
def _money(context: Context, value: object, currency: str = "") -> str:
    return format_as_money(_present(value), currency, _language(context))


def _present(value: object) -> object:
    if isinstance(value, Undefined):
        str(value)  # Raises, with the name of the missing field.
    return value


LOCAL: Final[dict[str, Callable[..., object]]] = {
    "date": _date,
    "number": _number,
    "money": _money,
}
FILTERS: Final[dict[str, Callable[..., object]]] = {
    **{name: _metered(work) for name, work in _PLAIN.items()},
    "replace": _budgeted(_replace),
    "join": _budgeted(_join),
    **LOCAL,
}
"""Every filter an author may name."""

HOOKS: Final[dict[str, Callable[..., object]]] = {EACH: _each, CONCAT: _concat}
