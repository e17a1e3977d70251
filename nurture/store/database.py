"""The engine behind `DATABASE_URL`, and the unit of work: the only place that commits."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from nurture.errors import Conflict, Retryable
from nurture.store.types import read_document, write_document

# What a use case works in. Functions of the store take one and never commit it.
Transaction = Connection

BUSY_TIMEOUT_MS = 15_000

# PostgreSQL's words (SQLSTATE) for "somebody else was first": serialization_failure,
# deadlock_detected, and unique_violation, which means that another transaction wrote the row that
# this one did not find when it looked. Doing it all again settles each of them. In SQLite writing
# transactions never overlap, and a row that is there twice is a mistake of ours.
FIRST_COMMITTER_WON = frozenset({"40001", "40P01", "23505"})


# SQLite moves its write-ahead log into the file every so many pages (of 4 KiB), which flushes the
# disk; its own default of a thousand is reached several times a second while mail goes out.
CHECKPOINT_PAGES = 8_000
# A writer that has to wait for another one looks again after so many seconds. A transaction takes
# some ten milliseconds; looking five times as often took three percent of two processors.
LOOKS_AGAIN_AFTER = 0.001
CACHE_KIB = 64 * 1024


class Database:
    """One database, SQLite or PostgreSQL, behind the same two doors."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if parsed.database:
                Path(parsed.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.engine = sa.create_engine(
                parsed, json_serializer=write_document, json_deserializer=read_document
            )
            sa.event.listen(self.engine, "do_connect", _make_private)
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self.engine = sa.create_engine(
                parsed,
                pool_size=pool_size,
                pool_pre_ping=True,
                json_serializer=write_document,
                json_deserializer=read_document,
            )
            sa.event.listen(self.engine, "connect", _speak_utc)

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Open the unit of work: committed at the end of the block, rolled back on any error.

        Raises Retryable when the database is locked, full or away, and Conflict when another
        transaction was first (a deadlock, a row that both made); nothing is half written.
        """
        try:
            with self.engine.begin() as transaction:
                yield transaction
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, sqlite3.OperationalError) as error:
            if _lost_a_race(error):
                raise Conflict("somebody else was first", remedy="try again") from error
            if not _is_of_the_moment(error):
                raise
            raise Retryable(
                f"the database did not take the change: {_told(error)}",
                remedy="check that it runs, has room on its disk, and try again",
            ) from error

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """Open a transaction that only reads, and sees everything as of one moment.

        In SQLite every transaction does; in PostgreSQL each statement of `read` sees what was
        committed until then, and what is compared across statements would seem to differ.
        """
        with self.read() as transaction:
            if not self.is_sqlite:
                transaction.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield transaction

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
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, sqlite3.OperationalError) as error:
            if not _is_of_the_moment(error):
                raise
            raise Retryable(
                f"the database does not answer: {_told(error)}",
                remedy="check that it runs, and try again",
            ) from error

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def _lost_a_race(error: Exception) -> bool:
    return getattr(getattr(error, "orig", None), "sqlstate", None) in FIRST_COMMITTER_WON


def _is_of_the_moment(error: Exception) -> bool:
    """Return whether trying later may help, whatever was wanted: locked, full, away, no room."""
    # An exhausted pool and SQLite's pragmas at connecting come without SQLAlchemy's own error.
    return not isinstance(error, sa.exc.DBAPIError) or isinstance(
        error, sa.exc.OperationalError | sa.exc.InterfaceError
    )


def _told(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip()


def _make_private(_dialect: object, _record: object, given: list[Any], _named: object) -> None:
    """Make the file before SQLite does, readable by nobody else: it holds personal data.

    SQLite gives the files beside it (-wal, -shm) the same mode. A file that is there keeps its own.
    """
    name = str(given[0]) if given else ":memory:"
    if name and name != ":memory:" and not name.startswith("file:"):
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _speak_utc(connection: Any, _record: object) -> None:
    # Instants then arrive in UTC; turning each from the server's zone costs more than reading it.
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own implicit BEGIN is deferred, and a deferred transaction that wants to
    # write later fails at once when somebody else wrote meanwhile. So we begin by hand.
    connection.isolation_level = None
    cursor = connection.cursor()
    # First of all: with several processes at once the other pragmas have to wait, too.
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    cursor.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("nurture_read", False):
        connection.exec_driver_sql("BEGIN")
        return
    driver: Any = connection.connection.driver_connection
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    # SQLite would wait in steps of 1 to 100 ms, and two workers then mostly sleep in turn.
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > deadline:
                    raise
                time.sleep(LOOKS_AGAIN_AFTER)
            else:
                return
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
