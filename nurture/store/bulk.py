"""Writing many rows in one statement, each database in the way that is fast for it.

On PostgreSQL the columns travel as arrays and are joined by `unnest`: one statement, parsed and
planned once whatever the number of rows. The arrays are written out as text here, which costs a
tenth of having the driver look at every value. SQLite runs in our own process, where executing a
prepared statement row by row is the fast way.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import NoneType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute

from nurture.store.database import Transaction
from nurture.store.tables import Base


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
    if tx.dialect.name == "postgresql":
        statement = _pg_insert(model, names, ignore_conflicts, tuple(returning))
        result = tx.execute(statement, _arrays(model, names, rows))
        return list(result) if returning else []
    insertion = sqlite.insert(model)
    if ignore_conflicts:
        insertion = insertion.on_conflict_do_nothing()
    if not returning:
        tx.execute(insertion, [dict(row) for row in rows])
        return []
    columns = [model.__table__.c[name] for name in returning]
    return list(tx.execute(insertion.returning(*columns), [dict(row) for row in rows]))


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
        statement = _pg_update(model, names, tuple(match), bump)
        return tx.execute(statement, _arrays(model, names, rows)).rowcount
    return tx.execute(
        _sqlite_update(model, names, tuple(match), bump),
        [{f"v_{name}": value for name, value in row.items()} for row in rows],
    ).rowcount


def among(
    tx: Transaction, column: InstrumentedAttribute[Any], values: Iterable[int] | Iterable[str]
) -> sa.ColumnElement[bool]:
    """Return the condition that `column` is one of `values`.

    They travel as one parameter, so that the statement is the same, and stays prepared, however
    many they are; and a database's bound on the number of parameters is never met.
    """
    listed = list(values)
    if tx.dialect.name == "postgresql":
        is_number = isinstance(column.type, sa.Integer)
        array = _array(listed, str if is_number else _text)
        kind = postgresql.ARRAY(sa.BigInteger if is_number else sa.Text)
        return column == sa.any_(sa.cast(sa.bindparam(None, array, sa.Text), kind))
    each = sa.func.json_each(sa.bindparam(None, json.dumps(listed), sa.Text))
    return column.in_(sa.select(sa.column("value")).select_from(each))


@lru_cache(maxsize=256)
def _sqlite_update(
    model: type[Base], names: tuple[str, ...], match: tuple[str, ...], bump: str
) -> sa.Update:
    table = model.__table__
    assert isinstance(table, sa.Table)  # noqa: S101 - every mapped class here has a real table
    wanted = [table.c[name] == sa.bindparam(f"v_{name}") for name in match]
    changed: dict[str, Any] = {
        name: sa.bindparam(f"v_{name}") for name in names if name not in match
    }
    if bump:
        changed[bump] = table.c[bump] + 1
    return sa.update(table).where(*wanted).values(changed)


@lru_cache(maxsize=256)
def _columns(model: type[Base], names: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...]:
    """Return (column, PostgreSQL type, whether it is a document) for each name."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    found = []
    for name in names:
        column = model.__table__.c[name]
        kind = column.type.compile(dialect=dialect)
        found.append((column.name, "text" if kind == "VARCHAR" else kind, kind == "JSONB"))
    return tuple(found)


def _arrays(
    model: type[Base], names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    return {
        name: _array([row[name] for row in rows], _WRITERS[kind])
        for (_, kind, _), name in zip(_columns(model, names), names, strict=True)
    }


def _array(values: Sequence[Any], write: Callable[[Any], str]) -> str:
    """Return an array as PostgreSQL reads it from text (its manual, section 8.15.2)."""
    first = values[0] if values else None
    # Most columns of a batch hold the same value in every row, which then is written once.
    if isinstance(first, _PLAIN) and values.count(first) == len(values):
        written = ["NULL" if first is None else write(first)] * len(values)
    else:
        written = ["NULL" if one is None else write(one) for one in values]
    return "{" + ",".join(written) + "}"


def _text(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return value.isoformat()


def _document(value: Any) -> str:
    return '"{}"' if value == {} else _text(_encode(value))


# Types whose equal values are written the same; documents are not among them.
_PLAIN = (str, int, datetime, NoneType)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
# How each type of our columns is written as an element of an array.
_WRITERS: Mapping[str, Callable[[Any], str]] = {
    "BIGINT": str,
    "INTEGER": str,
    "DOUBLE PRECISION": repr,
    "BOOLEAN": lambda value: "t" if value else "f",
    "text": _text,
    "TIMESTAMP WITH TIME ZONE": _instant,
    "JSONB": _document,
}


def _unnest(described: Iterable[tuple[str, str, bool]], names: Iterable[str]) -> str:
    return ", ".join(
        f"CAST(:{name} AS {'text' if is_document else kind}[])"
        for (_, kind, is_document), name in zip(described, names, strict=True)
    )


def _cast(column: str, kind: str, is_document: bool) -> str:  # noqa: FBT001 - a column's trait
    return f'CAST(v."{column}" AS {kind})' if is_document else f'v."{column}"'


@lru_cache(maxsize=256)
def _pg_insert(
    model: type[Base],
    names: tuple[str, ...],
    ignore: bool,  # noqa: FBT001 - lru_cache tells keyword calls apart
    returning: tuple[str, ...],
) -> sa.TextClause | sa.TextualSelect:
    described = _columns(model, names)
    columns = ", ".join(f'"{column}"' for column, _, _ in described)
    values = ", ".join(_cast(*one) for one in described)
    # Names come from our own tables, never from outside.
    sql = (
        f'INSERT INTO "{model.__tablename__}" ({columns}) SELECT {values} '  # noqa: S608
        f"FROM unnest({_unnest(described, names)}) AS v({columns})"
    )
    if ignore:
        sql += " ON CONFLICT DO NOTHING"
    if not returning:
        return sa.text(sql)
    sql += " RETURNING " + ", ".join(f'"{model.__table__.c[name].name}"' for name in returning)
    return sa.text(sql).columns(*(model.__table__.c[name] for name in returning))


@lru_cache(maxsize=256)
def _pg_update(
    model: type[Base], names: tuple[str, ...], match: tuple[str, ...], bump: str
) -> sa.TextClause:
    described = _columns(model, names)
    columns = ", ".join(f'"{column}"' for column, _, _ in described)
    changed = ", ".join(
        f'"{one[0]}" = {_cast(*one)}'
        for one, name in zip(described, names, strict=True)
        if name not in match
    )
    if bump:
        changed += f', "{bump}" = t."{bump}" + 1'
    wanted = " AND ".join(
        f't."{one[0]}" = {_cast(*one)}'
        for one, name in zip(described, names, strict=True)
        if name in match
    )
    return sa.text(
        f'UPDATE "{model.__tablename__}" AS t SET {changed} '  # noqa: S608
        f"FROM unnest({_unnest(described, names)}) AS v({columns}) WHERE {wanted}"
    )
