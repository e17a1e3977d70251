"""The files that hold personal data belong to whoever runs Nurture, and to nobody else."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.engine.journal import Journal
from nurture.providers.inbox_mail import Arrival, Inbox
from nurture.store.database import Database


@pytest.fixture(autouse=True)
def open_handed() -> Iterator[None]:
    """The usual umask, under which files are made readable by everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir()}


def test_nobody_else_reads_the_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'home' / 'nurture.db'}")
    with database.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE person (email TEXT)")
    found = modes(tmp_path / "home")
    database.close()
    assert {"nurture.db", "nurture.db-wal"} <= found.keys()
    assert set(found.values()) == {0}
    assert modes(tmp_path) == {"home": 0}


def test_a_database_that_was_opened_to_a_group_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "nurture.db"
    path.touch()
    path.chmod(0o660)
    database = Database(f"sqlite:///{path}")
    with database.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE person (email TEXT)")
    database.close()
    assert path.stat().st_mode & 0o777 == 0o660


def test_nobody_else_reads_the_inbox_or_the_journal(tmp_path: Path) -> None:
    with Inbox(tmp_path / "home" / "inbox.sqlite3") as inbox:
        inbox.keep([Arrival(datetime(2026, 3, 2, tzinfo=UTC), "a@b.c", ("d@e.f",), b"\r\n\r\n")])
        found = modes(tmp_path / "home")
    assert set(found.values()) == {0}
    Journal(tmp_path / "other", "w1").close()
    assert modes(tmp_path / "other") == {"journal": 0}
