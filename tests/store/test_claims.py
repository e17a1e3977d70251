"""Claims and locks under several threads and processes at once."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa

from nurture.errors import Conflict, Retryable
from nurture.store import bulk, people, sends, tables
from nurture.store import database as store
from nurture.store.database import Database
from tests.processes import APART
from tests.store.rows import NOW, contact, queue

SENDS = 120
C = tables.Contact


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def claim_all(url: str, worker: str) -> list[int]:
    """Claim batch 1, seven sends at a time, until nothing is left. Runs in a process of its own."""
    database = Database(url)
    claimed: list[int] = []
    try:
        while True:
            with database.begin() as tx:
                part = [one.id for one in sends.claim(tx, 1, worker, NOW, 7)]
            if not part:
                return claimed
            claimed += part
    finally:
        database.close()


def add_contacts(url: str, worker: str, count: int) -> int:
    """Write one contact in each of `count` transactions. Runs in a process of its own."""
    database = Database(url)
    try:
        for number in range(count):
            with database.begin() as tx:
                tx.execute(sa.select(sa.func.count()).select_from(C)).scalar_one()
                bulk.insert(tx, C, [contact(f"{worker}-{number}")])
    finally:
        database.close()
    return count


def test_no_send_is_claimed_by_two_threads(database: Database, database_url: str) -> None:
    with database.begin() as tx:
        queue(tx, SENDS)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda n: claim_all(database_url, f"w{n}"), range(4)))
    counted = Counter(key for part in parts for key in part)
    assert len(counted) == SENDS
    assert set(counted.values()) == {1}


def test_no_send_is_claimed_by_two_processes(database: Database, database_url: str) -> None:
    with database.begin() as tx:
        queue(tx, SENDS)
    with ProcessPoolExecutor(2, mp_context=APART) as pool:
        parts = list(pool.map(claim_all, [database_url] * 2, ["w1", "w2"]))
    assert sorted(key for part in parts for key in part) == sorted({*parts[0], *parts[1]})
    assert len(parts[0]) + len(parts[1]) == SENDS
    with database.read() as tx:
        rows = tx.execute(sa.select(tables.Send.id, tables.Send.claimed_by))
        found = {row.id: row.claimed_by for row in rows}
    assert all(found[key] == f"w{n}" for n, part in enumerate(parts, start=1) for key in part)


def test_four_writing_processes_never_find_the_database_locked(
    database: Database, database_url: str
) -> None:
    with ProcessPoolExecutor(4, mp_context=APART) as pool:
        names = [f"w{n}" for n in range(4)]
        assert sum(pool.map(add_contacts, [database_url] * 4, names, [25] * 4)) == 100
    with database.read() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(C)).scalar_one() == 100


def test_who_reads_waits_for_nobody_and_nobody_waits_for_who_reads(database: Database) -> None:
    count = sa.select(sa.func.count()).select_from(C)
    with database.read() as reader:
        assert reader.execute(count).scalar_one() == 0
        with database.begin() as writer:
            bulk.insert(writer, C, [contact("ana")])
            with database.read() as other:
                assert other.execute(count).scalar_one() == 0
    with database.read() as reader:
        assert reader.execute(count).scalar_one() == 1


def test_a_transaction_that_raises_has_written_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.begin() as tx:  # noqa: PT012
        bulk.insert(tx, C, [contact("ana")])
        raise ZeroDivisionError
    with database.read() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(C)).scalar_one() == 0


def test_a_locked_database_is_said_to_be_worth_another_try(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_TIMEOUT_MS", 50)
    database = Database(sqlite_url)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retryable, match="locked"), database.begin() as tx:
            bulk.insert(tx, C, [contact("ana")])
        with database.read() as tx:
            assert tx.execute(sa.select(C.id)).all() == []
        other.rollback()
    with database.begin() as tx:
        bulk.insert(tx, C, [contact("ana")])
    database.close()


def test_a_full_disk_leaves_nothing_half_written(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.begin() as tx:
        bulk.insert(tx, C, [contact("ana")])
        pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.exec_driver_sql(f"PRAGMA max_page_count={pages + 20}")
    with pytest.raises(Retryable, match="its disk"), database.begin() as tx:  # noqa: PT012
        bulk.insert(tx, C, [contact("bo")])
        bulk.insert(tx, C, [contact(f"p{n}", source="x" * 2_000) for n in range(500)])
    with database.begin() as tx:
        assert tx.execute(sa.select(C.address)).scalars().all() == ["ana@example.com"]
        tx.exec_driver_sql(f"PRAGMA max_page_count={pages + 10_000}")
        bulk.insert(tx, C, [contact("bo")])
    database.close()


def test_a_server_that_is_away_is_said_to_be_worth_another_try() -> None:
    database = Database("postgresql://nobody@/nothing?host=/nonexistent")
    with pytest.raises(Retryable, match="check that it runs"), database.begin():
        raise AssertionError
    with pytest.raises(Retryable, match="check that it runs"), database.read():
        raise AssertionError
    database.close()


def test_a_deadlock_is_a_lost_race(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.begin() as tx:
        bulk.insert(tx, C, [contact("ana"), contact("bo")])
    with database.read() as tx:
        ids = list(tx.execute(sa.select(C.id).order_by(C.id)).scalars())
    both_hold = threading.Barrier(2)

    def in_order(order: list[int]) -> str:
        try:
            with database.begin() as tx:
                tx.exec_driver_sql("SET LOCAL deadlock_timeout = '50ms'")
                people.lock(tx, order[:1])
                both_hold.wait(10)
                people.lock(tx, order[1:])
        except Conflict:
            return "lost"
        return "won"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(in_order, [ids, ids[::-1]])) == ["lost", "won"]
    database.close()


def test_a_row_that_two_made_at_once_is_a_lost_race(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    with database.begin() as tx:
        tx.execute(sa.insert(C).values(**contact("ana")))
    with pytest.raises(Conflict), database.begin() as tx:
        tx.execute(sa.insert(C).values(**contact("ana")))
    with pytest.raises(sa.exc.IntegrityError), database.begin() as tx:
        tx.execute(sa.insert(C).values(**{**contact("bo"), "language": None}))
    database.close()


def test_contacts_that_somebody_holds_are_passed_over_without_waiting(
    postgresql_url: str,
) -> None:
    database = Database(postgresql_url)
    with database.begin() as tx:
        bulk.insert(tx, C, [contact("ana"), contact("bo")])
    with database.begin() as one, database.begin() as other:
        ana, bo = one.execute(sa.select(C.id).order_by(C.id)).scalars()
        people.lock(one, [ana])
        assert people.lock_free(other, [ana, bo]) == {bo}
    database.close()


def test_a_snapshot_sees_one_moment(database: Database) -> None:
    count = sa.select(sa.func.count()).select_from(C)
    with database.snapshot() as reader:
        assert reader.execute(count).scalar_one() == 0
        with database.begin() as writer:
            bulk.insert(writer, C, [contact("ana")])
        assert reader.execute(count).scalar_one() == 0
    with database.snapshot() as reader:
        assert reader.execute(count).scalar_one() == 1
