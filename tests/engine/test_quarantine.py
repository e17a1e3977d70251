"""Events from the future or the distant past: kept aside with the reason, never taken twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.intake import Taken, take_events
from nurture.engine.quarantine import (
    AHEAD,
    BEHIND,
    accept_quarantined,
    discard_quarantined,
    suspicion,
)
from nurture.errors import Conflict, NotFound
from nurture.store import quarantine, tables
from tests.engine.world import DAY, HOUR, NOW, World, opened

Q = tables.Quarantined
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def form(at: str, key: str = "1", email: str = "ana@example.com") -> dict[str, Any]:
    return {"email": email, "event": "form", "id": key, "at": at, "properties": {"form": "demo"}}


def events(world: World) -> list[Any]:
    t = tables.Event
    return world.rows(sa.select(t.name, t.occurred_at, t.properties).order_by(t.id))


def only(world: World) -> int:
    (key,) = world.column(sa.select(Q.id))
    return int(key)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW, ""),
        (NOW + AHEAD, ""),
        (NOW + AHEAD + MOMENT, "future"),
        (NOW + 7 * HOUR, "future"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "future"),
        (NOW - BEHIND, ""),
        (NOW - BEHIND - MOMENT, "past"),
        (datetime(1970, 1, 1, tzinfo=UTC), "past"),
        (datetime.min.replace(tzinfo=UTC), "past"),
    ],
)
def test_an_instant_is_suspect_beyond_both_limits(at: datetime, reason: str) -> None:
    assert suspicion(at, NOW) == reason


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2999-01-01T00:00:00Z", "future"),
        ("9999-12-31T23:59:59-14:00", "future"),
        ("1970-01-01T00:00:00Z", "past"),
        ("0001-01-01T00:00:00+14:00", "past"),
    ],
)
def test_a_strange_event_is_kept_aside_and_changes_nothing(
    world: World, at: str, reason: str
) -> None:
    ana = world.enroll("ana")
    told = [form(at), form(NOW.isoformat(), "2")]
    assert take_events(world.deps, told, world.now) == Taken(1, 0, 0, quarantined=1)
    assert take_events(world.deps, told, world.now) == Taken(0, 2, 0, quarantined=0)
    assert len(events(world)) == 1
    assert world.rows(sa.select(Q.contact_id, Q.reason, Q.outcome)) == [(ana, reason, "")]
    with world.deps.database.read() as tx:
        assert quarantine.waiting(tx) == 1
    assert world.score(ana) == 20


def test_a_stranger_is_not_kept(world: World) -> None:
    told = [form("2999-01-01T00:00:00Z", email="nobody@example.com")]
    assert take_events(world.deps, told, world.now) == Taken(0, 0, 1)
    assert world.column(sa.select(Q.id)) == []


def test_an_event_of_the_past_counts_from_its_own_instant_once_accepted(world: World) -> None:
    ana = world.enroll("ana")
    at = NOW - BEHIND - DAY
    take_events(world.deps, [form(at.isoformat())], world.now)
    assert accept_quarantined(world.deps, only(world), by="lan", now=world.now) == at
    assert events(world) == [("form", at, {"form": "demo"})]
    assert world.score(ana) < 0.001
    world.assert_sound()


def test_an_event_of_the_future_counts_from_when_it_came_once_accepted(world: World) -> None:
    ana = world.enroll("ana")
    take_events(world.deps, [form((NOW + 7 * HOUR).isoformat())], world.now)
    world.clock.moment += HOUR
    assert accept_quarantined(world.deps, only(world), by="lan", now=world.now) == NOW
    assert events(world) == [("form", NOW, {"form": "demo"})]
    assert world.score(ana) == pytest.approx(20, rel=0.01)
    assert world.column(sa.select(tables.Audit.what)) == ["accept event"]
    world.assert_sound()


def test_an_event_whose_time_has_come_meanwhile_counts_from_that(world: World) -> None:
    world.enroll("ana")
    take_events(world.deps, [form((NOW + 7 * HOUR).isoformat())], world.now)
    world.clock.moment += DAY
    assert accept_quarantined(world.deps, only(world), by="lan", now=world.now) == NOW + 7 * HOUR


def test_the_year_one_is_taken_in_by_every_database(world: World) -> None:
    world.enroll("ana")
    take_events(world.deps, [form("0001-01-01T00:00:00+14:00")], world.now)
    accept_quarantined(world.deps, only(world), by="lan", now=world.now)
    assert [at.year for _, at, _ in events(world)] == [1]


def test_what_is_discarded_stays_out_and_nothing_is_settled_twice(world: World) -> None:
    world.enroll("ana")
    told = [form("2999-01-01T00:00:00Z")]
    take_events(world.deps, told, world.now)
    key = only(world)
    discard_quarantined(world.deps, key, by="lan", now=world.now)
    assert take_events(world.deps, told, world.now) == Taken(0, 1, 0)
    assert events(world) == []
    with pytest.raises(Conflict, match="discarded already"):
        accept_quarantined(world.deps, key, by="lan", now=world.now)
    with pytest.raises(NotFound):
        discard_quarantined(world.deps, 99, by="lan", now=world.now)
    with world.deps.database.read() as tx:
        assert quarantine.waiting(tx) == 0


def test_a_late_event_gives_the_score_that_it_would_have_given_in_order(world: World) -> None:
    ana, binh = world.enroll("ana"), world.enroll("binh")
    late = (NOW - 9 * DAY).isoformat()
    take_events(world.deps, [form(NOW.isoformat(), "1"), form(late, "2")], world.now)
    in_order = [form(late, "3", "binh@example.com"), form(NOW.isoformat(), "4", "binh@example.com")]
    take_events(world.deps, in_order, world.now)
    assert world.score(ana) == pytest.approx(world.score(binh))
