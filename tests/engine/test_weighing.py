"""Whoever asks for the score is told that of this very moment, not that of the last look."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.advance import advance
from nurture.store import tables
from tests.engine.test_explain_week import week
from tests.engine.world import DAY, NOW, E, World, opened, sequence

M = tables.StageChange

# Neither a temperature nor an edge of the funnel lies at four points: nobody looks at them between.
WARM = {"score": "engagement", "at_least": 4}
FORK: list[dict[str, Any]] = [
    {"key": "rest", "wait": "9d"},
    {"key": "fork", "branch": {"cases": [{"when": WARM, "to": "offer"}], "else": "again"}},
    {"key": "again", "email": "again", "next": "end"},
    {"key": "offer", "email": "offer"},
]


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def begun(world: World, *documents: dict[str, Any]) -> int:
    world.publish(*documents)
    ana = world.add("ana")
    world.place()
    return ana


def sent(world: World) -> list[Any]:
    return world.column(sa.select(tables.Send.content).order_by(tables.Send.id))


def test_a_branch_is_told_a_score_that_has_faded_since(world: World) -> None:
    ana = begun(world, sequence("slow", FORK, stage="lead"))
    # Five points with a half-life of ten days are fewer than three after nine.
    world.happen(ana, "click", key="click")
    world.drive(NOW + 10 * DAY)
    assert sent(world) == ["again"]


def test_a_branch_is_told_a_score_that_still_suffices(world: World) -> None:
    ana = begun(world, sequence("slow", FORK, stage="lead"))
    for number in range(2):
        world.happen(ana, "click", key=f"click {number}")
    world.drive(NOW + 10 * DAY)
    assert sent(world) == ["offer"]


def test_an_event_is_heard_together_with_what_it_is_worth(world: World) -> None:
    cold = {"all": [{"did": "click"}, {"score": "engagement", "below": 4}]}
    slow = sequence("slow", FORK, stage="lead", exits=[{"reason": "cold", "when": cold}])
    ana = begun(world, slow)
    world.happen(ana, "click", key="click")
    world.work()
    assert world.column(sa.select(E.ended_at).where(E.contact_id == ana)) == [None]
    # It is cold when the five points have faded below four, and not before.
    world.drive(NOW + 4 * DAY)
    ((at, why),) = world.rows(sa.select(E.ended_at, E.end_reason).where(E.contact_id == ana))
    assert why == "cold"
    assert NOW + 3 * DAY < at < NOW + 4 * DAY


def test_a_door_is_told_the_score_of_the_moment_at_which_somebody_comes(world: World) -> None:
    steps: list[dict[str, Any]] = [{"key": "hello", "email": "hello"}]
    side = sequence("side", steps, entry=WARM, trigger={"event": "knock"})
    slow = [{"key": "rest", "wait": "9d"}, {"key": "in", "enter": "side"}]
    ana = begun(world, side, sequence("slow", slow, stage="lead"))
    world.happen(ana, "click", key="click")
    world.drive(NOW + 10 * DAY)
    assert sent(world) == []


def asking(stage: str, after: str) -> dict[str, Any]:
    """A sequence whose step asks for a stage, beside those of the stages."""
    steps = [{"key": "rest", "wait": after}, {"key": "go", "change_stage": stage}]
    return sequence("asking", steps, trigger={"event": "asked"}, reentry="never")


def taken(world: World) -> list[Any]:
    changes = sa.select(M.start, M.to).where(M.refused == "").order_by(M.id)
    return world.rows(changes)


def test_a_step_that_asks_for_a_stage_is_told_the_score_of_the_moment(world: World) -> None:
    ana = begun(world, asking("lead", "11d"))
    world.happen(ana, "form")
    world.happen(ana, "asked")
    # Twenty points are fewer than ten after eleven days, and nobody has looked since.
    world.clock.moment = NOW + 11 * DAY
    assert advance(world.deps, world.now) > 0
    assert taken(world) == [("lead", "mql"), ("mql", "lead")]


def test_a_step_that_asks_for_a_stage_is_told_what_the_contact_did(world: World) -> None:
    ana = begun(world, asking("sql", "2d"))
    for name in ("form", "demo", "asked"):
        world.happen(ana, name)
    world.clock.moment = NOW + 2 * DAY
    assert advance(world.deps, world.now) > 0
    assert taken(world) == [("lead", "mql"), ("mql", "sql")]


def test_what_is_foretold_is_told_the_same(world: World) -> None:
    ana = begun(world, sequence("slow", FORK, stage="lead"))
    world.happen(ana, "click", key="click")
    world.work()
    coming = week(world, ana, 12).coming
    assert [one.one.step for one in coming if one.one.what == "sends"] == ["again"]
