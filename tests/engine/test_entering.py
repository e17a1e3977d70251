"""Triggers, keys and re-entry: who enters, what a run under way makes of it, what cancels it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.record import record
from nurture.engine.waking import open_queued
from nurture.store import runs, tables
from nurture.store.ledger import NewEvent
from tests.engine.world import CART, DAY, HOUR, MINUTE, NOW, E, World, opened, sequence

Q = tables.QueuedEntry


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def cart(active: str, **parts: Any) -> dict[str, Any]:
    """The sequence of the tiny campaigns that a cart begins, with what it does while active."""
    trigger: Mapping[str, Any] = CART["trigger"]
    return {**CART, "trigger": {**trigger, "while_active": active}, **parts}


def of_visits(active: str, reentry: Any = "one_at_a_time", **parts: Any) -> dict[str, Any]:
    steps = [{"key": "patience", "wait": "4h"}, {"key": "remind", "email": "basket"}]
    trigger = {"event": "visit", "cancel": ["purchase"], "while_active": active}
    return sequence("visits", steps, trigger=trigger, reentry=reentry, **parts)


def entries(world: World) -> list[tuple[str, str, str]]:
    """(key, state, why it ended) of every triggered run, oldest first."""
    statement = sa.select(E.entry_key, E.state, E.end_reason).where(E.track == "")
    return world.rows(statement.order_by(E.id))


def told(world: World, contact_id: int) -> list[tuple[str, str]]:
    """(sequence, why) of every line that says why somebody did not enter."""
    d = tables.Decision
    where = (d.contact_id == contact_id, d.cause == "NotEntered")
    found = world.column(sa.select(d.decided).where(*where).order_by(d.id))
    return [(one["sequence"], one["why"]) for lines in found for one in lines]


def due(world: World) -> datetime | None:
    """When the one live triggered run wakes."""
    where = (E.track == "", E.ended_at.is_(None))
    (moment,) = world.column(sa.select(E.wake_at).where(*where))
    assert moment is None or isinstance(moment, datetime)
    return moment


# ---- while a run is under way ------------------------------------------------------------


def test_while_active_a_trigger_is_ignored_unless_it_says_otherwise(world: World) -> None:
    world.publish(of_visits("ignore"))
    ana = world.add("ana", "sql")
    world.happen(ana, "visit", page="a")
    world.clock.moment += HOUR
    world.happen(ana, "visit", page="b")
    assert due(world) == NOW + 4 * HOUR
    assert world.column(sa.select(E.properties)) == [{"page": "a"}]


def test_a_restart_ends_the_run_and_begins_anew_with_the_new_event(world: World) -> None:
    world.publish(cart("restart"))
    ana = world.add("ana", "sql")
    world.happen(ana, "cart_updated", cart_id="7", total=10)
    world.clock.moment += 3 * HOUR
    world.happen(ana, "cart_updated", cart_id="7", total=20)
    assert entries(world) == [("7", "exited", "restarted"), ("7", "waiting", "")]
    assert due(world) == NOW + 7 * HOUR
    assert world.column(sa.select(E.properties).order_by(E.id))[1]["total"] == 20
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["basket"]
    world.happen(ana, "cart_updated", cart_id="7")
    assert len(entries(world)) == 2, "a run that is over is not begun anew under its key"
    world.assert_sound()


def test_a_restart_cancels_what_was_not_sent_yet(world: World) -> None:
    world.publish(cart("restart"))
    ana = world.add("ana", "sql")
    world.happen(ana, "cart_updated", cart_id="7")
    world.clock.moment += 4 * HOUR
    world.advance()
    assert world.sends(ana) == [("remind", "queued", "")]
    world.happen(ana, "cart_updated", cart_id="7")
    assert world.sends(ana) == [("remind", "cancelled", "Withdrawn restarted")]
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["basket"]
    world.assert_sound()


def test_an_older_event_that_comes_late_restarts_nothing(world: World) -> None:
    world.publish(cart("restart"))
    ana = world.add("ana", "sql")
    world.happen(ana, "cart_updated", cart_id="7", total=2)
    world.happen(ana, "cart_updated", cart_id="7", total=1, at=NOW - HOUR)
    assert entries(world) == [("7", "waiting", "")]
    assert world.column(sa.select(E.properties))[0]["total"] == 2


def test_several_triggers_in_one_call_restart_to_the_last_of_them(world: World) -> None:
    world.publish(cart("restart"))
    ana = world.add("ana", "sql")
    made = [
        world.event(ana, "cart_updated", NOW - n * MINUTE, cart_id="7", total=n) for n in (1, 3, 0)
    ]
    record(world.deps, made, world.now)
    assert entries(world) == [("7", "waiting", "")]
    assert world.column(sa.select(E.properties))[0]["total"] == 0


def test_what_is_queued_begins_when_the_run_ends_and_the_latest_event_counts(world: World) -> None:
    world.publish(of_visits("queue"))
    ana = world.add("ana", "sql")
    for page, late in (("a", 0), ("b", 2), ("c", 1)):
        world.happen(ana, "visit", page=page, at=NOW + late * MINUTE)
    assert len(entries(world)) == 1
    assert world.column(sa.select(Q.properties)) == [{"page": "b"}]
    assert told(world, ana) == [("visits", "queued")] * 2
    world.drive(NOW + 4 * HOUR)
    assert [state for _, state, _ in entries(world)] == ["completed", "waiting"]
    assert world.column(sa.select(E.properties).order_by(E.id))[1] == {"page": "b"}
    assert world.column(sa.select(Q.id)) == []
    world.drive(NOW + DAY)
    assert len(entries(world)) == 2
    world.assert_sound()


def test_a_keyed_run_queues_behind_its_own_key_only(world: World) -> None:
    world.publish(cart("queue"))
    ana = world.add("ana", "sql")
    for key in ("7", "8", "7"):
        world.happen(ana, "cart_updated", cart_id=key)
    assert entries(world) == [("7", "waiting", ""), ("8", "waiting", "")]
    world.drive(NOW + 4 * HOUR)
    assert [key for key, state, _ in entries(world) if state == "waiting"] == ["7"]
    assert not world.examine().violations


@pytest.mark.parametrize("late", [False, True])
def test_a_counter_event_meanwhile_takes_the_queued_one_away(world: World, late: bool) -> None:
    world.publish(cart("queue"))
    ana = world.add("ana", "sql")
    world.happen(ana, "cart_updated", cart_id="7")
    world.happen(ana, "cart_updated", cart_id="7", at=NOW + 2 * MINUTE)
    world.happen(ana, "purchase", cart_id="8", at=NOW + 3 * MINUTE)
    assert len(world.column(sa.select(Q.id))) == 1
    # Told late, a purchase before the cart was filled again takes away only what was before it.
    world.happen(ana, "purchase", cart_id="7", at=NOW + (1 if late else 3) * MINUTE)
    assert [(state, why) for _, state, why in entries(world)] == [
        ("exited", "cancelled by purchase"), *([("waiting", "")] if late else [])
    ]  # fmt: skip
    assert world.column(sa.select(Q.id)) == []


def test_who_was_suppressed_meanwhile_does_not_enter_from_the_queue(world: World) -> None:
    world.publish(of_visits("queue", entry={"not": {"tag": "gone"}}))
    ana = world.add("ana", "sql")
    for _ in range(2):
        world.happen(ana, "visit")
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Contact).values(tags=["gone"]))
    world.drive(NOW + DAY)
    assert [state for _, state, _ in entries(world)] == ["completed"]
    assert told(world, ana) == [("visits", "queued"), ("visits", "entry rule")]


def test_what_is_queued_behind_a_run_that_was_broken_off_begins_all_the_same(world: World) -> None:
    world.publish(of_visits("queue"))
    ana = world.add("ana", "sql")
    for _ in range(2):
        world.happen(ana, "visit")
    (run_id,) = world.column(sa.select(E.id))
    assert open_queued(world.deps, world.now) == 0
    with world.deps.database.begin() as tx:
        runs.fail(tx, run_id, "broken", world.now)
    assert open_queued(world.deps, world.now) == 1
    assert open_queued(world.deps, world.now) == 0
    assert [state for _, state, _ in entries(world)] == ["failed", "waiting"]


# ---- cancelled by its counter-event ------------------------------------------------------


def cart_events(world: World, ana: int) -> dict[str, NewEvent]:
    return {
        "filled": world.event(ana, "cart_updated", NOW - 3 * HOUR, cart_id="7"),
        "other": world.event(ana, "cart_updated", NOW - 2 * HOUR, cart_id="8"),
        "bought": world.event(ana, "purchase", NOW - HOUR, cart_id="7"),
    }


@pytest.mark.parametrize("order", list(permutations(("filled", "other", "bought"))))
@pytest.mark.parametrize("at_once", [True, False])
def test_only_the_order_of_that_cart_cancels_in_any_order_and_in_one_call(
    world: World, order: tuple[str, ...], at_once: bool
) -> None:
    ana = world.add("ana", "sql")
    made = cart_events(world, ana)
    parts = [[made[name] for name in order]] if at_once else [[made[name]] for name in order]
    for part in parts:
        record(world.deps, part, world.now)
    live = [key for key, state, _ in entries(world) if state == "waiting"]
    assert live == ["8"]
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["basket"]
    world.assert_sound()


@pytest.mark.parametrize("first", ["cart_updated", "purchase"])
def test_a_purchase_before_the_cart_cancels_nothing_however_late_it_comes(
    world: World, first: str
) -> None:
    ana = world.add("ana", "sql")
    moments = {"cart_updated": NOW - HOUR, "purchase": NOW - 2 * HOUR}
    for name in sorted(moments, key=lambda one: one != first):
        world.happen(ana, name, at=moments[name], cart_id="7")
    assert entries(world) == [("7", "waiting", "")]


# ---- coming again ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reentry", "days", "runs_then"),
    [
        ("never", (0, 10, 60), 1),
        ({"after": "30d"}, (0, 10, 60), 2),
        ("one_at_a_time", (0, 10, 60), 3),
    ],
)
def test_who_comes_again_enters_by_the_rule(
    world: World, reentry: Any, days: tuple[int, ...], runs_then: int
) -> None:
    world.publish(of_visits("ignore", reentry))
    ana = world.add("ana", "sql")
    for day in days:
        world.drive(NOW + day * DAY)
        world.happen(ana, "visit")
    assert len(entries(world)) == runs_then
    assert not world.examine().violations


def test_a_paused_sequence_keeps_who_restarts_and_who_waits(world: World) -> None:
    from nurture.engine.pausing import pause, resume

    world.publish(cart("restart"))
    ana = world.add("ana", "sql")
    world.happen(ana, "cart_updated", cart_id="7")
    pause(world.deps, "cart", "a test", "test", world.now)
    world.clock.moment += DAY
    world.happen(ana, "cart_updated", cart_id="7")
    assert entries(world) == [("7", "exited", "restarted"), ("7", "waiting", "")]
    world.drive(NOW + 2 * DAY)
    assert world.mailed("ana") == []
    resume(world.deps, "cart", "test", world.now)
    world.drive(NOW + 4 * DAY)
    assert world.mailed("ana") == ["basket"]
    world.assert_sound()
