"""Comparisons as SQLite makes them: it runs in our own process, so it asks the rules themselves.

Each function takes what a row holds and the comparison as JSON, which is read once. Functions
are made known to a connection when it first needs them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from nurture.domain.comparing import Op, as_instant, compares
from nurture.domain.conditions import Asker, Compare, Subject, matches_properties, meets
from nurture.domain.contact import Value
from nurture.store.condition_bounds import Bounds, exactly
from nurture.store.database import Transaction
from nurture.store.people import values
from nurture.store.types import EPOCH, MICROSECOND

_KNOWN = "nurture_conditions"


@dataclass(frozen=True, slots=True)
class _Asked:
    compare: Compare
    now: datetime
    path: tuple[str, ...]
    default: Value


def prepare(tx: Transaction) -> None:
    """Make the functions known to the connection, once."""
    if tx.info.get(_KNOWN):
        return
    driver: Any = tx.connection.driver_connection
    for name, function in _FUNCTIONS.items():
        driver.create_function(name, 2, function, deterministic=True)
    tx.info[_KNOWN] = True


def field(
    document: sa.ColumnElement[Any],
    path: tuple[str, ...],
    compare: Compare,
    now: datetime,
    default: Value = None,
) -> Bounds:
    """Return whether the value at `path` of a document answers `compare`."""
    return _ask("nurture_field", document, _written(compare, now, path, default))


def value(column: sa.ColumnElement[Any], compare: Compare, now: datetime) -> Bounds:
    """Return whether a column of texts or numbers answers `compare`."""
    return _ask("nurture_value", column, _written(compare, now))


def hours(since: sa.ColumnElement[Any], compare: Compare, now: datetime) -> Bounds:
    """Return whether the hours since an instant answer `compare`."""
    return _ask("nurture_hours", sa.type_coerce(since, sa.BigInteger), _written(compare, now))


def tags(document: sa.ColumnElement[Any], compare: Compare, now: datetime) -> Bounds:
    """Return whether a list of tags answers `compare`."""
    return _ask("nurture_tags", document, _written(compare, now))


def item(column: sa.ColumnElement[str], compare: Compare, now: datetime) -> Bounds:
    """Return whether a text, as one item of a list, answers `compare`."""
    return _ask("nurture_item", column, _written(compare, now))


def properties(document: sa.ColumnElement[Any], where: Mapping[str, Value]) -> Bounds:
    """Return whether the properties of an event are as wanted."""
    return _ask("nurture_properties", document, json.dumps(_plain(dict(where))))


def disowned(document: sa.ColumnElement[Any], asker: Asker) -> sa.ColumnElement[bool]:
    """Return whether an event answers an email of another run than the one that asks."""
    return _ask("nurture_disowned", document, json.dumps([asker.sequence, asker.entry_key])).sure


def dated(document: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """Return whether a field holds a date."""
    return _ask("nurture_dated", document, name).sure


def _ask(function: str, column: sa.ColumnElement[Any], asked: str) -> Bounds:
    answer = sa.Function(function, column, sa.literal(asked), type_=sa.Integer)
    return exactly(answer == 1)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _written(
    compare: Compare, now: datetime, path: tuple[str, ...] = (), default: Value = None
) -> str:
    wanted = _plain(compare.value)
    at = (now - EPOCH) // MICROSECOND
    kind = compare.subject.kind
    return json.dumps([kind, compare.op.value, wanted, at, list(path), default])


@lru_cache(maxsize=1024)
def _asked(written: str) -> _Asked:
    kind, op, wanted, at, path, default = json.loads(written)
    want = tuple(wanted) if isinstance(wanted, list) else wanted
    compare = Compare(Subject(kind), Op(op), want)
    return _Asked(compare, EPOCH + at * MICROSECOND, tuple(path), default)


@lru_cache(maxsize=256)
def _where(written: str) -> dict[str, Value]:
    return values(json.loads(written))


def _field(document: str, written: str) -> bool:
    asked = _asked(written)
    found: Any = json.loads(document)
    for name in asked.path[:-1]:
        found = found.get(name) or {}
    have = values(found).get(asked.path[-1], asked.default)
    return meets(asked.compare, have, asked.now)


def _value(have: Any, written: str) -> bool:
    asked = _asked(written)
    return meets(asked.compare, have, asked.now)


def _hours(since: int | None, written: str) -> bool:
    asked = _asked(written)
    spent = None if since is None else asked.now - (EPOCH + since * MICROSECOND)
    have = None if spent is None else spent / timedelta(hours=1)
    return meets(asked.compare, have, asked.now)


def _tags(document: str, written: str) -> bool:
    asked = _asked(written)
    return meets(asked.compare, tuple(json.loads(document)), asked.now)


def _item(have: str, written: str) -> bool:
    asked = _asked(written)
    if asked.compare.value is None:
        return False
    return compares(asked.compare.op, (have,), asked.compare.value, asked.now)


def _properties(document: str, written: str) -> bool:
    return matches_properties(_where(written), values(json.loads(document)))


def _disowned(document: str, written: str) -> bool:
    return Asker(*json.loads(written)).disowns(json.loads(document))


def _dated(document: str, name: str) -> bool:
    return as_instant(values(json.loads(document)).get(name)) is not None


_FUNCTIONS: Mapping[str, Callable[[Any, str], bool]] = {
    "nurture_field": _field,
    "nurture_value": _value,
    "nurture_hours": _hours,
    "nurture_tags": _tags,
    "nurture_item": _item,
    "nurture_properties": _properties,
    "nurture_dated": _dated,
    "nurture_disowned": _disowned,
}
