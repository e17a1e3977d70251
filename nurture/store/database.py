"""The engine behind `DATABASE_URL`, and the unit of work: the only place that commits."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from nurture.errors import Retryable

# What a use case works in. Functions of the store take one and never commit it.
Transaction = Connection

BUSY_TIMEOUT_MS = 15_000


class Database:
    """One database, SQLite or PostgreSQL, behind the same two doors."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = sa.create_engine(parsed, json_serializer=_json)
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self.engine = sa.create_engine(
                parsed, pool_size=pool_size, pool_pre_ping=True, json_serializer=_json
            )

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Open the unit of work: committed at the end of the block, rolled back on any error.

        Raises Retryable when the database is locked, full or away; nothing is half written.
        """
        try:
            with self.engine.begin() as transaction:
                yield transaction
        except sa.exc.OperationalError as error:
            raise Retryable(
                f"the database did not take the change: {error.orig}",
                remedy="check that it runs, has room on its disk, and try again",
            ) from error

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction that only reads; it takes no write lock.

        Raises Retryable when the database is locked or away.
        """
        try:
            with self.engine.connect().execution_options(nurture_read=True) as transaction:
                try:
                    yield transaction
                finally:
                    transaction.rollback()
        except sa.exc.OperationalError as error:
            raise Retryable(
                f"the database does not answer: {error.orig}",
                remedy="check that it runs, and try again",
            ) from error

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own implicit BEGIN is deferred, and a deferred transaction that wants to
    # write later fails at once when somebody else wrote meanwhile. So we begin by hand.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("nurture_read", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
