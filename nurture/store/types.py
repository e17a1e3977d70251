"""Column types that mean the same on SQLite and PostgreSQL."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: Write a document as both databases keep it.
write_document = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


def read_document(text: str | bytes) -> Any:
    """Read a document; `json.loads` would spend most of its time on finding out the encoding."""
    if len(text) == 2:
        # Half of all documents are empty.
        return {} if text in ("{}", b"{}") else [] if text in ("[]", b"[]") else json.loads(text)
    return _decode(text if isinstance(text, str) else text.decode())


class _SQLiteDocument(sqlite.JSON):
    """JSON as SQLite keeps it, read at once: SQLAlchemy would call three functions for each."""

    def result_processor(self, *_: object) -> Callable[[Any], Any]:
        return lambda text: None if text is None else read_document(text)


Document = (
    sa.JSON()
    .with_variant(postgresql.JSONB(), "postgresql")
    .with_variant(_SQLiteDocument(), "sqlite")
)


def microseconds(value: datetime) -> int:
    """Return an instant as SQLite keeps it."""
    if value.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (value - EPOCH) // MICROSECOND


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC instant: timestamptz on PostgreSQL, microseconds since 1970 on SQLite.

    SQLite has no instant of its own, and integers compare and index faster than text. A naive
    datetime is refused, because it would silently mean the machine's zone.
    """

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        if dialect.name != "postgresql":
            return microseconds(value)
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value

    def result_processor(self, dialect: sa.Dialect, *_: object) -> Callable[[Any], Any]:
        # The function itself, since a method of values would be called through two others.
        return _in_utc if dialect.name == "postgresql" else _from_microseconds


def _in_utc(value: datetime | None) -> datetime | None:
    return value if value is None or value.tzinfo is UTC else value.astimezone(UTC)


def _from_microseconds(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + value * MICROSECOND
