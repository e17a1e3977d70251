"""Exhausted contacts wake when content is added: in order, a few at a time, by every rule."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain import enrollment as e
from nurture.engine.pausing import pause, resume
from nurture.engine.waking import wake_exhausted
from nurture.engine.work import Work
from nurture.store import runs, tables
from tests.engine.world import DAY, HOUR, MINUTE, NOW, WELCOME, E, World, opened

HELLO = {"key": "hello", "email": "hello"}
CASE = {"key": "case", "email": "case"}


def welcome(*steps: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {**WELCOME, "steps": list(steps), **parts}


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        made.publish(welcome(HELLO))
        yield made


def asleep(world: World, names: list[str]) -> list[int]:
    """Contacts who became exhausted one minute after the other, in the order of `names`."""
    ids = []
    for name in names:
        ids.append(world.enroll(name))
        world.clock.moment += MINUTE
        world.work()
    assert set(world.column(sa.select(E.state))) == {"exhausted"}
    return ids


def versions(world: World) -> list[int]:
    v = tables.SequenceVersion
    return world.column(sa.select(v.number).join(E, E.version_id == v.id).order_by(E.id))


def test_new_content_wakes_the_exhausted_in_their_order_and_a_few_at_a_time(world: World) -> None:
    names = ["eve", "bo", "ana", "cy"]
    asleep(world, names)
    world.publish(welcome(HELLO, CASE))
    assert wake_exhausted(world.deps, world.now, 3) == 3
    world.work()
    assert {name: world.mailed(name) for name in names} == {
        "eve": ["hello", "case"], "bo": ["hello", "case"], "ana": ["hello", "case"],
        "cy": ["hello"],
    }  # fmt: skip
    assert wake_exhausted(world.deps, world.now, 3) == 1
    assert wake_exhausted(world.deps, world.now, 3) == 0
    world.work()
    assert world.mailed("cy") == ["hello", "case"]
    assert versions(world) == [3] * 4
    world.assert_sound()


def test_those_for_whom_nothing_is_new_are_taken_over_and_sleep_on(world: World) -> None:
    (ana,) = asleep(world, ["ana"])
    world.publish(welcome(HELLO, {"key": "rest", "wait": "3d"}))
    d = tables.Decision
    before = len(world.column(sa.select(d.id)))
    assert wake_exhausted(world.deps, world.now) == 0
    assert versions(world) == [3]
    assert world.states(ana) == [("welcome", "exhausted", "hello")]
    assert len(world.column(sa.select(d.id))) == before, "nothing happened that is worth a line"
    world.publish(welcome(HELLO, {"key": "rest", "wait": "3d"}, CASE))
    assert wake_exhausted(world.deps, world.now) == 1
    world.drive(world.now + 4 * DAY)
    assert world.mailed("ana") == ["hello", "case"]
    world.assert_sound()


def test_who_becomes_exhausted_in_an_old_version_wakes_then(world: World) -> None:
    world.publish(welcome(HELLO, {"key": "rest", "wait": "3d"}, CASE))
    world.enroll("ana")
    world.work()
    more = {"key": "offer", "email": "offer"}
    world.publish(welcome(HELLO, {"key": "rest", "wait": "3d"}, CASE, more))
    assert wake_exhausted(world.deps, world.now) == 0
    world.drive(NOW + 4 * DAY)
    assert world.mailed("ana") == ["hello", "case"]
    assert wake_exhausted(world.deps, world.now) == 1
    world.work()
    assert world.mailed("ana") == ["hello", "case", "offer"]
    world.assert_sound()


def test_nobody_wakes_outside_the_window_and_others_do_meanwhile(world: World) -> None:
    night = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}
    far = world.add("far", timezone="America/New_York")
    world.place()
    world.clock.moment += MINUTE
    world.work()
    asleep(world, ["ana"])
    world.publish(welcome(HELLO, CASE, window=night))
    assert wake_exhausted(world.deps, world.now) == 1
    world.work()
    assert (world.mailed("ana"), world.mailed("far")) == (["hello", "case"], ["hello"])
    world.clock.moment = NOW + 11 * HOUR
    assert wake_exhausted(world.deps, world.now) == 1
    world.work()
    assert world.states(far) == [("welcome", "exhausted", "case")]
    assert world.mailed("far") == ["hello", "case"]
    world.assert_sound()


def test_nobody_wakes_in_a_paused_sequence(world: World) -> None:
    asleep(world, ["ana"])
    pause(world.deps, "welcome", "a test", "test", world.now)
    world.publish(welcome(HELLO, CASE))
    assert wake_exhausted(world.deps, world.now) == 0
    resume(world.deps, "welcome", "test", world.now)
    assert wake_exhausted(world.deps, world.now) == 1


def test_content_that_came_by_another_door_wakes_nobody(world: World) -> None:
    (ana,) = asleep(world, ["ana"])
    offer = {
        "key": "offers", "name": {"vi": "o", "en": "o"}, "trigger": {"event": "visit"},
        "steps": [CASE],
    }  # fmt: skip
    world.publish(offer)
    world.happen(ana, "visit")
    world.work()
    world.publish(welcome(HELLO, CASE))
    assert wake_exhausted(world.deps, world.now) == 0
    assert world.mailed("ana") == ["hello", "case"]
    world.assert_sound()


def test_exit_rules_of_the_new_version_hold_for_whoever_wakes(world: World) -> None:
    (ana,) = asleep(world, ["ana"])
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Contact).values(tags=["gone"]))
    world.publish(welcome(HELLO, CASE, exits=[{"reason": "gone", "when": {"tag": "gone"}}]))
    wake_exhausted(world.deps, world.now)
    assert world.states(ana)[0][:2] == ("welcome", "exited")
    assert not world.examine().violations


def test_a_run_whose_last_step_is_gone_stands_where_it_was_before(world: World) -> None:
    world.publish(welcome(HELLO, CASE))
    world.enroll("ana")
    world.work()
    world.publish(welcome(HELLO, {"key": "offer", "email": "offer"}))
    assert wake_exhausted(world.deps, world.now) == 1
    world.work()
    assert world.mailed("ana") == ["hello", "case", "offer"]
    world.publish(welcome({"key": "new", "email": "case"}))
    assert wake_exhausted(world.deps, world.now) == 0
    assert world.column(sa.select(E.step)) == [""]
    world.clock.moment += DAY  # Nobody gets four emails in a day.
    world.publish(welcome({"key": "new", "email": "case"}, {"key": "x", "email": "thanks"}))
    assert wake_exhausted(world.deps, world.now) == 1
    world.work()
    assert world.mailed("ana") == ["hello", "case", "offer", "thanks"]
    world.assert_sound()


def test_a_run_that_ends_while_it_is_woken_stays_ended(world: World) -> None:
    (ana,) = asleep(world, ["ana"])
    world.publish(welcome(HELLO, CASE))

    def body(work: Work) -> None:
        for run in work.take_up(runs.live_of(work.tx, [ana])):
            work.tell(run.enrollment.id, e.Withdrawn("manual"))

    world.do(body)
    assert wake_exhausted(world.deps, world.now) == 0
    assert world.mailed("ana") == ["hello"]
    assert not world.examine().violations
