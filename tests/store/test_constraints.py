"""What must never be twice is refused by both databases, whoever writes it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.errors import Conflict
from nurture.store import tables
from nurture.store.database import Database, Transaction
from tests.store.rows import NOW, contact, run, send, sequence


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def add(tx: Transaction, model: type[tables.Base], **values: Any) -> int:
    return int(tx.execute(sa.insert(model).values(**values).returning(model.id)).scalar_one())  # type: ignore[attr-defined]


def refuses(database: Database, model: type[tables.Base], **values: Any) -> bool:
    try:
        with database.begin() as tx:
            add(tx, model, **values)
    except (sa.exc.IntegrityError, Conflict):
        return True
    return False


@pytest.fixture
def ana(database: Database) -> tuple[int, int, int]:
    """A contact, a sequence, and its version."""
    with database.begin() as tx:
        return (add(tx, tables.Contact, **contact("ana")), *sequence(tx))


def test_one_contact_for_an_address(database: Database, ana: tuple[int, int, int]) -> None:
    assert refuses(database, tables.Contact, **contact("ana", email="Ana@example.com"))
    assert not refuses(database, tables.Contact, **contact("bo"))


def test_one_live_run_in_a_track_whatever_the_sequence(
    database: Database, ana: tuple[int, int, int]
) -> None:
    contact_id, *first = ana
    with database.begin() as tx:
        other = sequence(tx, "other")
        run_id = add(tx, tables.Enrollment, **run(contact_id, *first))
    assert refuses(database, tables.Enrollment, **run(contact_id, *other))
    assert not refuses(database, tables.Enrollment, **run(contact_id, *other, track=""))
    with database.begin() as tx:
        third = sequence(tx, "third")
    beside: dict[str, Any] = {"track": "side", "entry_key": "y"}
    assert not refuses(database, tables.Enrollment, **run(contact_id, *third, **beside))
    assert refuses(database, tables.Enrollment, **run(contact_id, *other, **beside))
    with database.begin() as tx:
        over = sa.update(tables.Enrollment).where(tables.Enrollment.id == run_id)
        tx.execute(over.values(state="moved", ended_at=NOW))
    assert not refuses(database, tables.Enrollment, **run(contact_id, *other, entry_key="x"))


def test_one_live_run_for_an_entry_key(database: Database, ana: tuple[int, int, int]) -> None:
    values = run(*ana, track="", entry_key="cart-7")
    assert not refuses(database, tables.Enrollment, **values)
    assert refuses(database, tables.Enrollment, **values)
    assert not refuses(database, tables.Enrollment, **{**values, "entry_key": "cart-8"})
    ended = {**values, "state": "completed", "ended_at": NOW}
    assert not refuses(database, tables.Enrollment, **ended)
    assert not refuses(database, tables.Enrollment, **ended)


def test_one_send_for_a_run_a_step_and_a_pass(
    database: Database, ana: tuple[int, int, int]
) -> None:
    contact_id, *keys = ana
    with database.begin() as tx:
        run_id = add(tx, tables.Enrollment, **run(*ana))
    values = send(run_id, contact_id, *keys)
    assert not refuses(database, tables.Send, **values)
    assert refuses(database, tables.Send, **{**values, "status": "accepted"})
    assert not refuses(database, tables.Send, **{**values, "pass_no": 2})
    assert not refuses(database, tables.Send, **{**values, "step": "again"})


def test_one_event_one_score_entry_and_one_standing_suppression(
    database: Database, ana: tuple[int, int, int]
) -> None:
    event = {
        "contact_id": ana[0], "name": "click", "occurred_at": NOW, "recorded_at": NOW,
        "dedupe_key": "k", "verdict": "human", "properties": {},
    }  # fmt: skip
    entry = {
        "contact_id": ana[0], "rule": "r", "rule_version": 1, "score_group": "g", "points": 1.0,
        "occurred_at": NOW, "recorded_at": NOW, "dedupe_key": "k",
    }  # fmt: skip
    stop = {
        "address_key": "key-ana", "scope": "global", "reason": "r", "source": "s", "at": NOW,
    }  # fmt: skip
    entry["group"] = entry.pop("score_group")
    for model, values in (
        (tables.Event, event), (tables.ScoreEntry, entry), (tables.Suppression, stop),
    ):  # fmt: skip
        assert not refuses(database, model, **values)
        assert refuses(database, model, **values)
    with database.begin() as tx:
        tx.execute(sa.update(tables.Suppression).values(lifted_at=NOW))
    assert not refuses(database, tables.Suppression, **stop)


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "dreaming"},
        {"state": "waiting", "wake_at": None},
        {"state": "sending", "wake_at": NOW},
        {"state": "completed", "ended_at": None},
        {"state": "sending", "ended_at": NOW},
        {"contact_id": 404},
    ],
)
def test_a_run_that_contradicts_itself_is_refused(
    database: Database, ana: tuple[int, int, int], wrong: dict[str, Any]
) -> None:
    assert refuses(database, tables.Enrollment, **{**run(*ana), **wrong})


def test_a_send_in_no_known_state_is_refused(database: Database, ana: tuple[int, int, int]) -> None:
    with database.begin() as tx:
        run_id = add(tx, tables.Enrollment, **run(*ana))
    assert refuses(database, tables.Send, **send(run_id, *ana, status="perhaps"))


def test_an_instant_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 3, 2)  # noqa: DTZ001
    with pytest.raises(sa.exc.StatementError, match="time zone"), database.begin() as tx:
        add(tx, tables.Contact, **contact("ana", created_at=naive))
