"""Writing many rows in one statement, each database in the way that is fast for it.

On PostgreSQL the columns travel as arrays and are joined by `unnest`: one statement, parsed and
planned once whatever the number of rows. The arrays are written out as text here, which costs a
tenth of having the driver look at every value. SQLite runs in our own process, where executing a
prepared statement row by row is the fast way.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import NoneType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute

from nurture.store.bulk_statements import (
    Conflicting,
    columns,
    pg_delete,
    pg_insert,
    pg_update,
    sqlite_delete,
    sqlite_insert,
    sqlite_update,
)
from nurture.store.database import Transaction
from nurture.store.tables import Base
from nurture.store.types import microseconds, write_document

# What `listed` returns travels without a type, so that PostgreSQL reads it as the array that it is
# cast to, once. Said to be text, it would be read anew for every row that it is compared with.
UNSAID: sa.types.TypeEngine[Any] = sa.types.NullType()

# From so many rows on, what all of them share is sent once.
MANY = 20


def insert(
    tx: Transaction,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    ignore_conflicts: bool = False,
    returning: Sequence[str] = (),
) -> list[sa.Row[Any]]:
    """Insert `rows` (column name → value, the same names in each); return what `returning` names.

    With `ignore_conflicts` a row that a unique constraint refuses is passed over; with
    `returning` the rows that went in come back, in no particular order.
    """
    if not rows:
        return []
    names = tuple(rows[0])
    then = Conflicting.IGNORED if ignore_conflicts else Conflicting.ERROR
    if tx.dialect.name == "postgresql":
        shared, values = _written(model, names, rows)
        statement = pg_insert(model, names, shared, then, tuple(returning))
        result = tx.execute(statement, values)
        return list(result) if returning else []
    if not returning:
        tx.exec_driver_sql(sqlite_insert(model, names, then), _bound(model, names, rows))
        return []
    insertion = sqlite.insert(model)
    if ignore_conflicts:
        insertion = insertion.on_conflict_do_nothing()
    wanted = [model.__table__.c[name] for name in returning]
    return list(tx.execute(insertion.returning(*wanted), [dict(row) for row in rows]))


def put(tx: Transaction, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert `rows`; one whose primary key is there already overwrites it."""
    if not rows:
        return
    names = tuple(rows[0])
    if tx.dialect.name == "postgresql":
        shared, values = _written(model, names, rows)
        tx.execute(pg_insert(model, names, shared, Conflicting.OVERWRITES, ()), values)
        return
    text = sqlite_insert(model, names, Conflicting.OVERWRITES)
    tx.exec_driver_sql(text, _bound(model, names, rows))


def delete(tx: Transaction, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Delete the rows whose columns hold what one of `rows` says."""
    if not rows:
        return
    names = tuple(rows[0])
    if tx.dialect.name == "postgresql":
        shared, values = _written(model, names, rows)
        tx.execute(pg_delete(model, names, shared), values)
        return
    tx.exec_driver_sql(sqlite_delete(model, names), _bound(model, names, rows))


def update(
    tx: Transaction,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    match: Sequence[str] = ("id",),
    bump: str = "",
) -> int:
    """Set the other columns of each row where those in `match` are equal; return how many.

    `bump` names a counter that goes up by one in each row that is written.
    """
    if not rows:
        return 0
    names = tuple(rows[0])
    if tx.dialect.name == "postgresql":
        shared, values = _written(model, names, rows)
        statement = pg_update(model, names, shared, tuple(match), bump)
        return tx.execute(statement, values).rowcount
    # What is matched stands behind what is set, as its places in the statement do.
    ordered = tuple(sorted(names, key=lambda name: name in match))
    text = sqlite_update(model, ordered, tuple(match), bump)
    return tx.exec_driver_sql(text, _bound(model, ordered, rows)).rowcount


def among(
    tx: Transaction, column: InstrumentedAttribute[Any], values: Iterable[int] | Iterable[str]
) -> sa.ColumnElement[bool]:
    """Return the condition that `column` is one of `values`.

    They travel as one parameter, so that the statement is the same, and stays prepared, however
    many they are; and a database's bound on the number of parameters is never met.
    """
    return _among(tx.dialect.name, column, sa.bindparam(None, listed(tx, values), UNSAID))


def among_named(
    dialect: str, column: InstrumentedAttribute[Any], name: str
) -> sa.ColumnElement[bool]:
    """Return the condition of `among` for a statement that is built once.

    What `listed` returns is given for `name` when the statement is executed.
    """
    return _among(dialect, column, sa.bindparam(name, type_=UNSAID))


def listed(tx: Transaction, values: Iterable[int] | Iterable[str]) -> str:
    """Return `values` as the one parameter that they travel as."""
    found = list(values)
    if tx.dialect.name == "postgresql":
        is_text = bool(found) and isinstance(found[0], str)
        return _array(found, str, quoted=is_text)
    return json.dumps(found)


def _among(
    dialect: str, column: InstrumentedAttribute[Any], values: sa.BindParameter[Any]
) -> sa.ColumnElement[bool]:
    if dialect == "postgresql":
        is_number = isinstance(column.type, sa.Integer)
        kind = postgresql.ARRAY(sa.BigInteger if is_number else sa.Text)
        return column == sa.any_(sa.cast(values, kind))
    each = sa.func.json_each(values)
    return column.in_(sa.select(sa.column("value")).select_from(each))


def _bound(
    model: type[Base], names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]
) -> list[tuple[Any, ...]]:
    """Return the rows as SQLite's driver takes them.

    Column by column, since SQLAlchemy would look up how to write it for every single value.
    """
    found = []
    for (_, kind, is_document), name in zip(columns(model, names), names, strict=True):
        values = [row[name] for row in rows]
        if is_document:
            values = [None if one is None else _document(one) for one in values]
        elif kind == "TIMESTAMP WITH TIME ZONE":
            values = [None if one is None else microseconds(one) for one in values]
        found.append(values)
    return list(zip(*found, strict=True))


def _written(
    model: type[Base], names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]
) -> tuple[frozenset[str], dict[str, str | None]]:
    """Return the columns in which all rows hold one value, and what to send for every column.

    Most columns of a batch hold one value, and the server reads it much faster once than as an
    array. Small batches send arrays alone, so that theirs is always the same statement.
    """
    shared: set[str] = set()
    found: dict[str, str | None] = {}
    for (_, kind, is_document), name in zip(columns(model, names), names, strict=True):
        values = [row[name] for row in rows]
        write, quoted = _WRITERS[kind], kind in _QUOTED
        if is_document:
            # Compared as they are written, since True and 1 are equal and not the same.
            values, write = [None if one is None else write(one) for one in values], str
        first = values[0]
        if not isinstance(first, _PLAIN) or values.count(first) != len(values):
            found[name] = _array(values, write, quoted=quoted)
        elif len(rows) < MANY or not found:
            # The first column is always an array, which says how many rows there are.
            found[name] = _array([first], write, quoted=quoted, times=len(values))
        else:
            shared.add(name)
            found[name] = None if first is None else write(first)
    return frozenset(shared), found


def _array(
    values: Iterable[Any], write: Callable[[Any], str], *, quoted: bool, times: int = 1
) -> str:
    """Return an array as PostgreSQL reads it from text (its manual, section 8.15.2)."""
    if quoted:
        written = ["NULL" if one is None else _quoted(write(one)) for one in values]
    else:
        written = ["NULL" if one is None else write(one) for one in values]
    return "{" + ",".join(written * times) + "}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.isoformat()


def _document(value: Any) -> str:
    return "{}" if value == {} else write_document(value)


# Types whose equal values are written the same.
_PLAIN = (str, int, datetime, NoneType)
# How a value of each type of our columns is written; inside an array texts are quoted as well.
_WRITERS: Mapping[str, Callable[[Any], str]] = {
    "BIGINT": str,
    "INTEGER": str,
    "DOUBLE PRECISION": repr,
    "BOOLEAN": lambda value: "t" if value else "f",
    "text": str,
    "TIMESTAMP WITH TIME ZONE": _instant,
    "JSONB": _document,
}
_QUOTED = frozenset({"text", "JSONB"})
