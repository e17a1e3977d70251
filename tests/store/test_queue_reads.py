"""What claiming and waking read of a long queue: no more than they need, whatever was analysed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.store import batches, bulk, guarding, operations, sends, tables
from nurture.store.database import Database, Transaction
from tests.store.rows import NOW, queue

QUEUED = 2_000
EACH = 100
# From the sixth time on PostgreSQL may keep one plan for all.
OFTEN = 8
S, B = tables.Send, tables.Batch


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Twenty batches of a hundred, in a database that was analysed while the queue was empty."""
    opened = Database(database_url)
    with opened.begin() as tx:
        tx.execute(sa.text("ANALYZE"))
    with opened.begin() as tx:
        queue(tx, QUEUED)
        tx.execute(sa.update(S).values(batch_id=1 + (S.id - 1) // EACH))
        some = range(1, QUEUED // EACH + 1)
        moments = {"created_at": NOW, "enqueued_at": NOW, "woken_at": NOW}
        bulk.insert(tx, B, [{"id": key, **moments} for key in some])
    yield opened
    opened.close()


@contextmanager
def reading(tx: Transaction, most: int) -> Iterator[None]:
    """Hold that `most` sends are read: counted by PostgreSQL, and by SQLite's plans not all."""
    if tx.dialect.name == "postgresql":
        counted = sa.text(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relname = 'send'"
        )
        before = int(tx.execute(counted).scalar_one())
        yield
        assert int(tx.execute(counted).scalar_one()) - before <= most
        return
    plans: list[str] = []

    def explain(_: Any, cursor: Any, sql: str, values: Any, *__: Any) -> None:
        rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        plans.extend(row[-1] for row in rows)

    sa.event.listen(tx, "before_cursor_execute", explain)
    yield
    sa.event.remove(tx, "before_cursor_execute", explain)
    assert any("send" in line for line in plans)
    assert "SCAN send" not in plans, "\n".join(plans)


def test_a_claim_reads_no_more_than_it_takes(database: Database) -> None:
    for batch in range(1, OFTEN + 1):
        with database.begin() as tx, reading(tx, 4 * EACH):
            assert len(sends.claim(tx, batch, "w1", NOW, EACH)) == EACH


def test_a_tick_steps_from_batch_to_batch(database: Database) -> None:
    with database.begin() as tx:
        tx.execute(sa.update(B).where(B.id == 7).values(enqueued_at=NOW - timedelta(hours=1)))
        later = {"not_before": NOW - timedelta(minutes=5)}
        tx.execute(sa.update(S).where(S.id == 12 * EACH).values(later))
        tx.execute(sa.update(B).where(B.id == 12).values(woken_at=NOW - timedelta(minutes=9)))
    for _ in range(OFTEN):
        with database.begin() as tx, reading(tx, 3 * QUEUED // EACH):
            waiting = batches.waiting_batches(tx, NOW, NOW - timedelta(minutes=1), 50)
            assert waiting == [7, 12]


def test_who_holds_claims_and_what_a_day_has_seen_is_not_looked_for_in_the_queue(
    database: Database,
) -> None:
    with database.begin() as tx:
        sends.claim(tx, 3, "w1", NOW, EACH)
    for _ in range(OFTEN):
        with database.begin() as tx, reading(tx, 6 * EACH):
            assert len(sends.claimed_sends(tx, "w1")) == EACH
            operations.unaccounted(tx)
            assert guarding.sent_since(tx, NOW - timedelta(days=1), []) == EACH
