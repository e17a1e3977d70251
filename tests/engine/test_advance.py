"""Time passes: timers fire once, lost wake-ups are made up for, circles end."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.advance import PATIENCE, advance, wake_waiting
from nurture.store import tables
from tests.engine.scripted_post import LATER
from tests.engine.world import DAY, HOUR, MINUTE, NOW, E, S, World, opened, sequence


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def test_what_is_due_is_moved_on_once_and_the_longest_due_first(world: World) -> None:
    first = world.enroll("ana")
    world.work()
    world.clock.moment = NOW + HOUR
    world.enroll("bo")
    world.work()
    assert advance(world.deps, NOW + 2 * DAY - MINUTE) == 0
    later = NOW + 3 * DAY
    assert advance(world.deps, later, 1) == 1
    assert world.states(first) == [("welcome", "awaiting", "answer")]
    assert advance(world.deps, later, 5) == 1
    assert advance(world.deps, later, 5) == 0


def test_a_frozen_run_stands_still(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(E).values(frozen_at=NOW))
    assert advance(world.deps, NOW + 9 * DAY) == 0
    world.click(ana, "hello")
    assert world.states(ana) == [("welcome", "waiting", "pause")]


def test_workers_are_told_of_what_was_committed_and_again_when_nobody_came(world: World) -> None:
    world.enroll("ana")
    (batch,) = world.column(sa.select(tables.Batch.id))
    assert world.woken == [batch]
    assert wake_waiting(world.deps, world.now) == 0, "it was told of a moment ago"
    world.clock.moment = NOW + PATIENCE
    assert wake_waiting(world.deps, world.now) == 1
    assert world.woken == [batch, batch]
    assert wake_waiting(world.deps, world.now) == 0
    world.work()
    world.clock.moment += DAY
    assert wake_waiting(world.deps, world.now) == 0


def test_what_was_put_off_is_told_of_when_its_time_has_come(world: World) -> None:
    world.enroll("ana")
    world.post.script["ana@example.com"] = [LATER]
    world.work()
    (until,) = world.column(sa.select(S.not_before))
    assert wake_waiting(world.deps, until - timedelta(seconds=1)) == 0
    world.clock.moment = until
    assert wake_waiting(world.deps, world.now) == 1


def test_a_queue_that_is_away_does_not_undo_what_was_committed(world: World) -> None:
    def away(_batches: object) -> None:
        raise ConnectionError("no Redis")

    ana = world.add("ana")
    world.deps = replace(world.deps, wake=away)
    world.place()
    assert world.sends(ana) == [("hello", "queued", "")]


def test_sequences_that_lead_into_each_other_end_and_are_told_of(
    settings: Settings, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    ping = sequence(
        "ping", [{"key": "to", "move_to": "pong"}], trigger={"event": "visit"},
        reentry="one_at_a_time",
    )  # fmt: skip
    pong = sequence(
        "pong", [{"key": "to", "move_to": "ping"}], trigger={"event": "form"},
        reentry="one_at_a_time",
    )  # fmt: skip
    with opened(settings, database_url) as world:
        world.publish(ping, pong)
        ana = world.add("ana", "sql")
        with caplog.at_level(logging.ERROR, "nurture.engine.work"):
            world.happen(ana, "visit")
        assert "without end: p" in caplog.text
        assert {state for _, state, _ in world.states(ana)} == {"moved"}
        assert not world.examine().violations


def test_a_step_that_changes_the_stage_obeys_the_edge_and_goes_on_when_refused(
    settings: Settings, database_url: str
) -> None:
    asking = sequence(
        "welcome",
        [{"key": "up", "change_stage": "mql"}, {"key": "hello", "email": "hello"}],
        stage="lead",
    )
    with opened(settings, database_url) as world:
        world.publish(asking)
        ana = world.enroll("ana")
        world.work()
        assert world.stage(ana) == "lead"
        assert world.mailed("ana") == ["hello"]
        refused = world.column(sa.select(tables.StageChange.refused))
        assert refused == ["the guard does not hold"]
