"""Two at once on PostgreSQL where contacts enter: one run, one turn, and cancelled is cancelled."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.record import record
from nurture.engine.waking import open_queued, wake_exhausted
from nurture.store import tables
from tests.engine.test_races import at_once
from tests.engine.world import CART, DAY, HOUR, NOW, WELCOME, E, World, opened, sequence

PEOPLE = 16
Q = tables.QueuedEntry


@pytest.fixture
def world(settings: Settings, postgresql_url: str) -> Iterator[World]:
    with opened(settings, postgresql_url) as made:
        yield made


def cart(active: str) -> dict[str, Any]:
    return {**CART, "trigger": {**CART["trigger"], "while_active": active}}


def live(world: World) -> list[tuple[int, str]]:
    where = (E.ended_at.is_(None), E.track == "")
    return world.rows(sa.select(E.contact_id, E.entry_key).where(*where).order_by(E.contact_id))


@pytest.mark.parametrize("active", ["ignore", "restart", "queue"])
def test_two_triggers_at_once_leave_one_run_of_a_key(world: World, active: str) -> None:
    world.publish(cart(active))
    ids = world.add_many([f"p{n}" for n in range(PEOPLE)], "sql")
    calls = [[world.event(key, "cart_updated", cart_id="7", n=n) for key in ids] for n in range(3)]
    at_once(
        *(
            lambda call=call: record(world.deps, call, world.now)
            for call in (calls[0], list(reversed(calls[1])), calls[2])
        )
    )
    assert live(world) == [(key, "7") for key in sorted(ids)]
    assert not world.examine().violations
    world.drive(NOW + DAY)
    for number in range(PEOPLE):
        assert world.mailed(f"p{number}") == ["basket"]
    world.assert_sound()


@pytest.mark.parametrize("active", ["ignore", "restart", "queue"])
def test_a_trigger_and_what_cancels_it_at_once_leave_nothing(world: World, active: str) -> None:
    world.publish(cart(active))
    ids = world.add_many([f"p{n}" for n in range(PEOPLE)], "sql")
    filled = [world.event(key, "cart_updated", NOW - HOUR, cart_id="7") for key in ids]
    again = [world.event(key, "cart_updated", NOW - HOUR / 2, cart_id="7") for key in ids]
    bought = [world.event(key, "purchase", NOW, cart_id="7") for key in ids]
    at_once(
        lambda: record(world.deps, filled, world.now),
        lambda: record(world.deps, list(reversed(bought)), world.now),
        lambda: record(world.deps, again, world.now),
    )
    world.drive(NOW + DAY)
    assert live(world) == []
    assert world.column(sa.select(Q.id)) == []
    assert world.post.taken == []
    world.assert_sound()


def test_a_run_that_ends_while_its_next_one_is_queued_loses_nobody(world: World) -> None:
    steps = [{"key": "patience", "wait": "4h"}]
    trigger = {"event": "visit", "while_active": "queue"}
    world.publish(sequence("visits", steps, trigger=trigger, reentry="one_at_a_time"))
    ids = world.add_many([f"p{n}" for n in range(PEOPLE)], "sql")
    record(world.deps, [world.event(key, "visit") for key in ids], world.now)
    world.clock.moment = NOW + 4 * HOUR
    visits = [world.event(key, "visit") for key in ids]
    at_once(world.advance, lambda: record(world.deps, visits, world.now), world.advance)
    open_queued(world.deps, world.now)
    assert {key for key, _ in live(world)} == set(ids)
    assert world.column(sa.select(Q.id)) == []
    counts = world.rows(sa.select(E.contact_id, sa.func.count()).group_by(E.contact_id))
    assert {count for _, count in counts} == {2}
    assert not world.examine().violations


def test_a_restart_and_a_timer_at_once_send_one_reminder(world: World) -> None:
    world.publish(cart("restart"))
    ids = world.add_many([f"p{n}" for n in range(PEOPLE)], "sql")
    record(world.deps, [world.event(key, "cart_updated", cart_id="7") for key in ids], world.now)
    world.clock.moment = NOW + 4 * HOUR
    fresh = [world.event(key, "cart_updated", cart_id="7") for key in ids]
    at_once(world.advance, lambda: record(world.deps, fresh, world.now), world.advance)
    world.drive(NOW + 2 * DAY)
    for number in range(PEOPLE):
        assert world.mailed(f"p{number}") == ["basket"]
    world.assert_sound()


def test_two_tickers_wake_everybody_once(world: World) -> None:
    world.publish({**WELCOME, "steps": [{"key": "hello", "email": "hello"}]})
    world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    world.work()
    steps = [{"key": "hello", "email": "hello"}, {"key": "case", "email": "case"}]
    world.publish({**WELCOME, "steps": steps})
    forms = [world.event(key, "form") for key in world.column(sa.select(E.contact_id))[:4]]
    at_once(
        lambda: wake_exhausted(world.deps, world.now),
        lambda: record(world.deps, forms, world.now),
        lambda: wake_exhausted(world.deps, world.now),
    )
    while wake_exhausted(world.deps, world.now):
        pass
    world.work()
    for number in range(PEOPLE):
        assert world.mailed(f"p{number}") == ["hello", "case"]
    world.assert_sound()
