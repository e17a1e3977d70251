"""The statements that `nurture.store.bulk` executes, each built once."""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from nurture.store.tables import Base


@lru_cache(maxsize=256)
def columns(model: type[Base], names: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...]:
    """Return (column, PostgreSQL type, whether it is a document) for each name."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    found = []
    for name in names:
        column = model.__table__.c[name]
        kind = column.type.compile(dialect=dialect)
        found.append((column.name, "text" if kind == "VARCHAR" else kind, kind == "JSONB"))
    return tuple(found)


class Conflicting(Enum):
    """What becomes of a row that a unique constraint refuses: an error, nothing, or the row."""

    ERROR = "error"
    IGNORED = "ignored"
    OVERWRITES = "overwrites"


def _conflicting(model: type[Base], names: tuple[str, ...], then: Conflicting) -> str:
    match then:
        case Conflicting.ERROR:
            return ""
        case Conflicting.IGNORED:
            return " ON CONFLICT DO NOTHING"
        case Conflicting.OVERWRITES:
            keys = {column.name for column in model.__table__.primary_key}
            listed = ", ".join(f'"{key}"' for key in sorted(keys))
            others = [column for column, _, _ in columns(model, names) if column not in keys]
            changed = ", ".join(f'"{one}" = excluded."{one}"' for one in others)
            return f" ON CONFLICT ({listed}) DO UPDATE SET {changed}"


@lru_cache(maxsize=256)
def sqlite_insert(model: type[Base], names: tuple[str, ...], then: Conflicting) -> str:
    """Return SQLite's statement to insert one row."""
    listed = ", ".join(f'"{column}"' for column, _, _ in columns(model, names))
    places = ", ".join("?" for _ in names)
    sql = f'INSERT INTO "{model.__tablename__}" ({listed}) VALUES ({places})'  # noqa: S608
    return sql + _conflicting(model, names, then)


@lru_cache(maxsize=256)
def sqlite_update(
    model: type[Base], names: tuple[str, ...], match: tuple[str, ...], bump: str
) -> str:
    """Return SQLite's statement to update one row; those in `match` are the last of `names`."""
    described = zip(columns(model, names), names, strict=True)
    places = [(name in match, f'"{column}" = ?') for (column, _, _), name in described]
    changed = ", ".join(place for asked, place in places if not asked)
    if bump:
        changed += f', "{bump}" = "{bump}" + 1'
    wanted = " AND ".join(place for asked, place in places if asked)
    return f'UPDATE "{model.__tablename__}" SET {changed} WHERE {wanted}'  # noqa: S608


def _source(
    described: Sequence[tuple[str, str, bool]], names: Sequence[str], shared: frozenset[str]
) -> tuple[list[str], str]:
    """Return the expression of each column's value, and the rows that they come from."""
    values, places, arrays = [], [], []
    for (column, kind, is_document), name in zip(described, names, strict=True):
        if name in shared:
            values.append(f"CAST(:{name} AS {kind})")
            continue
        values.append(f'CAST(v."{column}" AS {kind})' if is_document else f'v."{column}"')
        places.append(f'"{column}"')
        arrays.append(f"CAST(:{name} AS {'text' if is_document else kind}[])")
    return values, f"unnest({', '.join(arrays)}) AS v({', '.join(places)})"


@lru_cache(maxsize=512)
def pg_insert(
    model: type[Base],
    names: tuple[str, ...],
    shared: frozenset[str],
    then: Conflicting,
    returning: tuple[str, ...],
) -> sa.TextClause | sa.TextualSelect:
    """Return PostgreSQL's statement to insert all rows; columns in `shared` are no arrays."""
    described = columns(model, names)
    listed = ", ".join(f'"{column}"' for column, _, _ in described)
    values, source = _source(described, names, shared)
    # Names come from our own tables, never from outside.
    sql = (
        f'INSERT INTO "{model.__tablename__}" ({listed}) '  # noqa: S608
        f"SELECT {', '.join(values)} FROM {source}"
    )
    sql += _conflicting(model, names, then)
    if not returning:
        return sa.text(sql)
    sql += " RETURNING " + ", ".join(f'"{model.__table__.c[name].name}"' for name in returning)
    return sa.text(sql).columns(*(model.__table__.c[name] for name in returning))


@lru_cache(maxsize=512)
def pg_update(
    model: type[Base],
    names: tuple[str, ...],
    shared: frozenset[str],
    match: tuple[str, ...],
    bump: str,
) -> sa.TextClause:
    """Return PostgreSQL's statement to update all rows; columns in `shared` are no arrays."""
    described = columns(model, names)
    values, source = _source(described, names, shared)
    pairs = [
        (name in match, f'"{column}"', value)
        for (column, _, _), name, value in zip(described, names, values, strict=True)
    ]
    changed = ", ".join(f"{column} = {value}" for asked, column, value in pairs if not asked)
    if bump:
        changed += f', "{bump}" = t."{bump}" + 1'
    wanted = " AND ".join(f"t.{column} = {value}" for asked, column, value in pairs if asked)
    return sa.text(
        f'UPDATE "{model.__tablename__}" AS t SET {changed} '  # noqa: S608
        f"FROM {source} WHERE {wanted}"
    )


@lru_cache(maxsize=256)
def sqlite_delete(model: type[Base], names: tuple[str, ...]) -> str:
    """Return SQLite's statement to delete one row."""
    wanted = " AND ".join(f'"{column}" = ?' for column, _, _ in columns(model, names))
    return f'DELETE FROM "{model.__tablename__}" WHERE {wanted}'  # noqa: S608


@lru_cache(maxsize=256)
def pg_delete(model: type[Base], names: tuple[str, ...], shared: frozenset[str]) -> sa.TextClause:
    """Return PostgreSQL's statement to delete all rows; columns in `shared` are no arrays."""
    described = columns(model, names)
    values, source = _source(described, names, shared)
    wanted = " AND ".join(
        f't."{column}" = {value}' for (column, _, _), value in zip(described, values, strict=True)
    )
    return sa.text(f'DELETE FROM "{model.__tablename__}" AS t USING {source} WHERE {wanted}')  # noqa: S608
