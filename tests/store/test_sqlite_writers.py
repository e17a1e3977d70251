"""Writers of one SQLite file wait for each other, and say so when it takes too long."""

import threading

import pytest
import sqlalchemy as sa

from nurture.errors import Retryable
from nurture.store import database as module
from nurture.store.database import Database


def test_a_second_writer_goes_on_when_the_first_has_committed(sqlite_url: str) -> None:
    first, second = Database(sqlite_url), Database(sqlite_url)
    seen: list[int] = []

    def write() -> None:
        with second.begin() as tx:
            seen.append(tx.execute(sa.text("SELECT count(*) FROM batch")).scalar_one())

    waiting = threading.Thread(target=write)
    with first.begin() as tx:
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
        assert not seen
        tx.execute(
            sa.text("INSERT INTO batch (created_at, enqueued_at, woken_at) VALUES (0, 0, 0)")
        )
    waiting.join(10)
    assert seen == [1]
    first.close()
    second.close()


def test_a_writer_that_waits_too_long_may_try_later_and_loses_no_patience_for_other_waits(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 50)
    first, second = Database(sqlite_url), Database(sqlite_url)
    with first.begin(), pytest.raises(Retryable, match="locked"), second.begin():
        pass
    with second.begin() as tx:
        assert tx.execute(sa.text("PRAGMA busy_timeout")).scalar_one() == 50
    first.close()
    second.close()
