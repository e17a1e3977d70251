"""What time alone turns moves runs on at that very instant: in store and engine as in memory."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nurture.campaigns.parse import parse_funnel, parse_sequence
from nurture.config import Settings
from nurture.domain.contact import Contact, Occurrence, Standing
from nurture.domain.migrating import Choices
from nurture.engine.doctor import MEANINGS
from nurture.engine.explain import explain
from nurture.engine.life import Life
from nurture.engine.migrating import carry_out
from nurture.engine.pausing import pause, resume
from nurture.engine.repairs import repair_all
from nurture.engine.world import World as Rules
from nurture.store import tables
from tests.engine.world import DAY, FUNNEL, HOUR, MINUTE, NOW, E, World, opened, sequence

ENDS = {"key": "ends", "name": {"vi": "hết", "en": "ends"}, "type": "date"}
DATED = {**FUNNEL, "fields": [*FUNNEL["fields"], ENDS]}
SLOWLY = [{"key": "pause", "wait": "60d"}, {"key": "hello", "email": "hello"}]


def leaves_when(condition: Any, **more: Any) -> dict[str, Any]:
    """A lead's sequence that waits long and is left when a condition comes true."""
    exits = [{"reason": "out", "when": condition}]
    return sequence("slow", SLOWLY, stage="lead", exits=exits, **more)


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def begun(world: World, *documents: dict[str, Any]) -> int:
    """Publish, and enroll Ana, whose trial ends on 12 March."""
    world.publish(*documents, funnel=DATED)
    ana = world.add("ana")
    with world.deps.database.begin() as tx:
        c = tables.Contact
        fields = {"first_name": "ana", "ends": "2026-03-12T03:00:00+00:00"}
        tx.execute(sa.update(c).where(c.id == ana).values(fields=fields))
    world.place()
    return ana


def ended(world: World, contact_id: int) -> list[tuple[datetime | None, str]]:
    asked = sa.select(E.ended_at, E.end_reason).where(E.contact_id == contact_id).order_by(E.id)
    return [(at, why) for at, why in world.rows(asked)]


@pytest.mark.parametrize(
    ("condition", "at"),
    [
        ({"field": "ends", "in_next": "3d"}, NOW + 7 * DAY),
        ({"field": "ends", "before": "now"}, NOW + 10 * DAY),
        ({"hours_in_stage": {"at_least": 100}}, NOW + 100 * HOUR),
    ],
    ids=["a date comes near", "a date goes by", "time in the stage"],
)
def test_an_exit_that_only_the_clock_turns_is_taken_at_its_instant(
    world: World, condition: Any, at: datetime
) -> None:
    ana = begun(world, leaves_when(condition))
    world.drive(NOW + 20 * DAY)
    (only,) = ended(world, ana)
    assert only[1] == "out"
    # A date goes by a tick after its instant.
    assert only[0] is not None
    assert seconds_between(only[0], at) <= 1


def seconds_between(one: datetime, other: datetime) -> float:
    return abs((one - other).total_seconds())


def test_silence_is_long_enough_at_its_instant_and_an_event_moves_that(world: World) -> None:
    ana = begun(
        world,
        leaves_when({"all": [{"did": "visit"}, {"did": "visit", "at_most": 0, "within": "5d"}]}),
    )
    world.happen(ana, "visit", key="first")
    world.drive(NOW + 3 * DAY)
    world.happen(ana, "visit", key="second")
    world.drive(NOW + 30 * DAY)
    assert ended(world, ana) == [(NOW + 8 * DAY, "out")]


def test_a_score_that_fades_below_a_runs_own_threshold_ends_it_then(world: World) -> None:
    # Neither a temperature nor an edge of the funnel lies at three points.
    cold = {"all": [{"did": "visit"}, {"score": "engagement", "below": 3}]}
    ana = begun(world, leaves_when(cold))
    world.happen(ana, "click", key="click")
    world.happen(ana, "visit", key="visit")
    world.drive(NOW + 30 * DAY)
    ((at, why),) = ended(world, ana)
    # 5 points with a half-life of ten days are 3 after 7.37 days.
    assert why == "out"
    assert at is not None
    assert seconds_between(at, NOW + 7.37 * DAY) < 1_800


def test_a_condition_that_is_waited_for_and_a_goal_come_true_by_the_clock(world: World) -> None:
    steps: list[dict[str, Any]] = [
        {"key": "near", "wait_for": {
            "when": {"field": "ends", "in_next": "6d"}, "within": "9d", "yes": "tell", "no": "end",
        }},
        {"key": "tell", "email": "hello"},
        {"key": "rest", "wait": "60d"},
        {"key": "over", "goal": {"when": {"field": "ends", "before": "now"}}, "next": "last"},
        {"key": "last", "email": "offer"},
    ]  # fmt: skip
    begun(world, sequence("slow", steps, stage="lead"))
    world.drive(NOW + 20 * DAY)
    sent = sa.select(tables.Send.content, tables.Send.created_at).order_by(tables.Send.id)
    (first, at), (second, later) = world.rows(sent)
    assert (first, second) == ("hello", "offer")
    assert seconds_between(at, NOW + 4 * DAY) <= 1
    assert seconds_between(later, NOW + 10 * DAY) <= 1


def test_what_the_clock_turned_during_a_pause_is_looked_at_when_it_ends(world: World) -> None:
    ana = begun(world, leaves_when({"hours_in_stage": {"at_least": 48}}))
    pause(world.deps, "slow", "tidying up", "lan", world.now)
    world.drive(NOW + 5 * DAY)
    assert ended(world, ana) == [(None, "")]
    resume(world.deps, "slow", "lan", world.now)
    world.work()
    assert ended(world, ana) == [(NOW + 5 * DAY, "out")]


def test_who_is_taken_over_to_a_version_that_watches_is_watched(world: World) -> None:
    ana = begun(world, sequence("slow", SLOWLY, stage="lead"))
    world.publish(leaves_when({"hours_in_stage": {"at_least": 72}}))
    world.drive(NOW + DAY)
    carry_out(world.deps, "slow", Choices(), "lan", world.now)
    world.drive(NOW + 10 * DAY)
    assert ended(world, ana) == [(NOW + 3 * DAY, "out")]


def test_a_sequence_that_watches_nothing_has_nobody_looked_at(world: World) -> None:
    begun(world, sequence("slow", SLOWLY, stage="lead"))
    assert world.column(sa.select(tables.Standing.crosses_at)) == [None]


def test_what_the_clock_will_turn_is_foretold(world: World) -> None:
    ana = begun(world, leaves_when({"field": "ends", "in_next": "6d"}))
    told = explain(world.deps, ana, world.now)
    (way,) = told.ahead[0].ways
    assert [(one.what, one.at) for one in way.then] == [("leaves", NOW + 4 * DAY)]
    assert [(one.one.what, one.one.at) for one in told.week.coming] == [("leaves", NOW + 4 * DAY)]
    world.drive(NOW + 7 * DAY)
    assert ended(world, ana) == [(NOW + 4 * DAY, "out")]


# ---- the same as in memory ------------------------------------------------------------------

spans = st.integers(3, 200)
parts = st.one_of(
    spans.map(lambda n: {"hours_in_stage": {"at_least": n}}),
    spans.map(lambda n: {"did": "click", "at_most": 0, "within": f"{n}h"}),
    spans.map(lambda n: {"did": "form", "within": f"{n}h"}),
    st.integers(1, 19).map(lambda n: {"score": "engagement", "at_least": n}),
    st.integers(1, 19).map(
        lambda n: {"all": [{"did": "click"}, {"score": "engagement", "below": n}]}
    ),
)
acts = st.lists(st.tuples(st.sampled_from(("click", "form")), st.integers(1, 90)), max_size=4)
numbers = iter(range(1, 10_000))


@given(parts, parts, st.integers(1, 9), acts)
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_store_and_memory_turn_together(
    world: World, exit_: Any, until: Any, least: int, acts: list[tuple[str, int]]
) -> None:
    key, start = f"s{next(numbers)}", world.now
    steps: list[dict[str, Any]] = [
        {"key": "hello", "email": "hello"},
        {"key": "until", "wait_for": {"when": until, "within": "6d", "yes": "y", "no": "n"}},
        {"key": "y", "email": "thanks", "next": "rest"},
        {"key": "n", "email": "again"},
        {"key": "rest", "wait": "3d"},
        {"key": "fork", "branch": {
            "cases": [{"when": {"score": "engagement", "at_least": least}, "to": "end"}],
            "else": "last",
        }},
        {"key": "last", "email": "case"},
    ]  # fmt: skip
    document = sequence(
        key, steps, trigger={"event": f"go_{key}"}, exits=[{"reason": "out", "when": exit_}]
    )
    funnel = parse_funnel(FUNNEL, version=1)
    if start == NOW:
        world.publish(document, funnel=FUNNEL)
    else:
        world.publish(document)
    ana = world.add(key)
    contact = Contact(
        ana, f"{key}@example.com", consents={"marketing": True},
        standing=Standing("lead", "lead", start),
    )  # fmt: skip
    life = Life(Rules(funnel, {key: parse_sequence(document, funnel=funnel)}), contact, start)
    life.begin()
    at = start
    for number, (name, hours) in enumerate([(f"go_{key}", 0), *acts]):
        at += hours * HOUR
        world.drive(at)
        life.advance(at)
        world.happen(ana, name, key=f"{key}.{number}")
        world.work()
        life.happen(Occurrence(name, at, {}, dedupe_key=f"{key}.{number}"))
    world.drive(at + 12 * DAY)
    life.advance(at + 12 * DAY)
    (run,) = [one for one in life.runs if one.sequence == key]
    ((state, step, over),) = world.rows(
        sa.select(E.state, E.step, E.ended_at)
        .join(tables.Sequence, tables.Sequence.id == E.sequence_id)
        .where(E.contact_id == ana, tables.Sequence.key == key)
    )
    assert (state, step) == (type(run.state).__name__.lower(), run.step)
    if over is not None:
        assert abs(over - life.ended[0]) <= 2 * MINUTE


@pytest.mark.parametrize("late", [None, NOW + 9 * DAY])
def test_an_instant_that_was_never_scheduled_is_found_and_mended(
    world: World, late: datetime | None
) -> None:
    ana = begun(world, leaves_when({"field": "ends", "in_next": "3d"}))
    world.work()
    assert world.examine().findings == ()
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Standing).values(crosses_at=late))
    (found,) = world.examine().findings
    assert (found.code, found.id) == ("unscheduled", ana)
    assert found.detail == (NOW + 7 * DAY).isoformat()
    assert set(MEANINGS[found.code]) == {"vi", "en"}
    assert [one.code for one in repair_all(world.deps, "lan", world.now).mended] == ["unscheduled"]
    world.work()
    assert world.examine().findings == ()
    world.drive(NOW + 20 * DAY)
    assert ended(world, ana) == [(NOW + 7 * DAY, "out")]


def test_a_score_that_a_run_watches_is_scheduled_too(world: World) -> None:
    world.publish(leaves_when({"score": "engagement", "below": 4}), funnel=DATED)
    ana = world.add("ana")
    world.happen(ana, "click")
    world.place()
    world.work()
    assert world.examine().findings == ()
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Standing).values(crosses_at=None))
    assert [one.code for one in world.examine().findings] == ["unscheduled"]


def test_a_run_that_stands_still_is_not_missed(world: World) -> None:
    begun(world, leaves_when({"field": "ends", "in_next": "3d"}))
    pause(world.deps, "slow", "Tết", "lan", NOW)
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Standing).values(crosses_at=None))
    assert world.examine().findings == ()
