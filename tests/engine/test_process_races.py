"""Processes against each other: schedulers, workers, the web and a marketer."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.campaigns.parse import parse_sequence
from nurture.config import Settings
from nurture.domain import enrollment as e
from nurture.engine import trail
from nurture.engine.pausing import resume
from nurture.engine.publish import publish_sequence
from nurture.engine.replay import replay
from nurture.errors import Refused
from nurture.store import tables
from nurture.store.ledger import NewEvent
from tests.engine import racing
from tests.engine.racing import Arena, Mailed, racers, tell, tick, work
from tests.engine.world import DAY, NOW, WELCOME, E, S, World, opened, sequence

PEOPLE = 40
Race = Callable[..., list[Mailed]]


@pytest.fixture(scope="module")
def race() -> Iterator[Race]:
    with racers(3) as made:
        yield made


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        made.add_many([f"p{n}" for n in range(PEOPLE)])
        made.place()
        yield made


@pytest.fixture
def arena(world: World) -> Arena:
    return Arena(world.deps.settings, world.deps.settings.database_url, world.now)


def ids(world: World) -> list[int]:
    return world.column(sa.select(tables.Contact.id).order_by(tables.Contact.id))


def events(world: World, name: str, **properties: Any) -> list[NewEvent]:
    told = (world.event(key, name, **properties) for key in ids(world))
    return list(told)


def assert_sound(world: World) -> None:
    assert world.examine().violations == ()
    assert replay(world.deps, world.now).differences == ()


def at(arena: Arena, world: World) -> Arena:
    return replace(arena, now=world.now)


def test_a_time_out_and_the_event_in_two_processes_take_one_path(
    world: World, arena: Arena, race: Race
) -> None:
    world.drive(NOW + 4 * DAY)
    clicks = events(world, "click", step="hello", sequence="welcome")
    world.clock.moment = NOW + 5 * DAY
    race(at(arena, world), (tick, ()), (tell, (clicks,)), (tick, ()))
    world.drive(NOW + 20 * DAY)
    d = tables.Decision
    for run in world.column(sa.select(E.id)):
        rows = world.column(sa.select(d.decided).where(d.enrollment_id == run))
        decided = [trail.load(one) for part in rows for one in part]
        paths = [one for one in decided if isinstance(one, e.Take) and one.step == "answer"]
        assert len(paths) == 1
    assert {tuple(world.mailed(f"p{n}")) for n in range(PEOPLE)} <= {
        ("hello", "thanks"),
        ("hello", "again"),
    }
    assert_sound(world)


def test_a_move_and_a_send_in_two_processes_leave_one_stage_and_no_double(
    world: World, arena: Arena, race: Race
) -> None:
    world.advance()
    forms = events(world, "form")
    mailed = race(arena, (work, ("w1",)), (tell, (forms,)), (work, ("w2",)))
    assert {world.stage(key) for key in ids(world)} == {"mql"}
    world.work("w3")
    live = world.rows(sa.select(E.contact_id).where(E.ended_at.is_(None), E.track != ""))
    assert len(live) == len(set(live)) == PEOPLE
    everything = [(who, what) for who, what, _ in mailed] + world.post.mailed
    assert len(everything) == len(set(everything))
    assert Counter(what for _, what in everything)["case"] == PEOPLE
    cancelled = sa.select(sa.func.count()).where(S.step == "hello", S.status == "cancelled")
    hello = Counter(what for _, what in everything)["hello"]
    assert hello + world.column(cancelled)[0] == PEOPLE
    assert_sound(world)


def test_two_schedulers_and_a_worker_in_processes_do_everything_once(
    world: World, arena: Arena, race: Race
) -> None:
    mailed = race(arena, (tick, ()), (work, ("w1",)), (tick, ()))
    world.work("w2")
    everything = [(who, what) for who, what, _ in mailed] + world.post.mailed
    assert sorted(everything) == sorted((f"p{n}@example.com", "hello") for n in range(PEOPLE))
    d = tables.Decision
    timers = sa.select(d.enrollment_id).where(d.cause == "TimerFired")
    fired = Counter(world.column(timers))
    assert set(fired.values()) <= {1}
    assert_sound(world)


def test_publishing_and_claiming_in_processes_keeps_everybody_on_their_version(
    world: World, arena: Arena, race: Race
) -> None:
    world.advance()
    changed = {**WELCOME, "steps": [{"key": "hello", "email": "thanks"}]}
    mailed = race(arena, (work, ("w1",)), (racing.publish, (changed,)), (work, ("w2",)))
    world.work("w3")
    everything = [(who, what) for who, what, _ in mailed] + world.post.mailed
    assert sorted(everything) == sorted((f"p{n}@example.com", "hello") for n in range(PEOPLE))
    number = tables.SequenceVersion.number
    pinned = sa.select(number).join(E, E.version_id == tables.SequenceVersion.id)
    assert set(world.column(pinned)) == {1}
    assert world.column(sa.select(sa.func.max(number)))[0] == 2
    assert_sound(world)


def test_entering_and_moving_in_processes_leaves_one_run_of_each_track(
    world: World, arena: Arena, race: Race
) -> None:
    side = (
        sequence("tips", [{"key": "offer", "email": "offer"}], stage="lead", track="side"),
        sequence("finds", [{"key": "basket", "email": "basket"}], stage="mql", track="side"),
    )
    with world.deps.database.begin() as tx:
        for one in side:
            publish_sequence(tx, parse_sequence(one), one, world.emails, "lan", world.now)
    forms = events(world, "form")[: PEOPLE // 2]
    race(arena, (racing.place, ()), (tell, (forms,)), (racing.place, ()))
    live = sa.select(E.contact_id, E.track, tables.Sequence.key)
    live = live.join(tables.Sequence, tables.Sequence.id == E.sequence_id)
    found = {(key, track): in_ for key, track, in_ in world.rows(live.where(E.ended_at.is_(None)))}
    assert Counter(found.values()) == dict.fromkeys(
        ("welcome", "tips", "deepen", "finds"), PEOPLE // 2
    )
    assert len(world.rows(live.where(E.ended_at.is_(None)))) == len(found) == 2 * PEOPLE
    assert_sound(world)


def test_days_of_everything_at_once_leave_the_books_in_order(
    world: World, arena: Arena, race: Race
) -> None:
    mailed: list[Mailed] = []
    for day in range(3):
        world.clock.moment = NOW + day * 2 * DAY
        meddling = (racing.meddle, (day, ids(world)))
        mailed += race(at(arena, world), (tick, ()), (work, ("w1",)), meddling)
    with suppress(Refused):  # It may go on already.
        resume(world.deps, "welcome", "lan", world.now)
    world.drive(NOW + 30 * DAY)
    everything = [(who, what) for who, what, _ in mailed] + world.post.mailed
    assert len(everything) == len(set(everything)) >= PEOPLE
    assert_sound(world)
