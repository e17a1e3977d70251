"""Coming back to a sequence: past what was received, on where it stopped, or all over again."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain import enrollment as e
from nurture.engine.work import Work
from nurture.store import runs
from tests.engine.world import DAY, DEEPEN, HOUR, NOW, WELCOME, E, World, opened, sequence

STEPS = [
    {"key": "hello", "email": "hello"},
    {"key": "rest", "wait": "2d"},
    {"key": "thanks", "email": "thanks"},
    {"key": "rest2", "wait": "2d"},
    {"key": "again", "email": "again"},
]


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def returning(how: str, steps: list[dict[str, Any]] = STEPS, **parts: Any) -> dict[str, Any]:
    given = {"trigger": {"event": "visit"}, "reentry": "one_at_a_time", "returning": how, **parts}
    return sequence("series", steps, **given)


def stop(world: World, contact_id: int) -> None:
    """Somebody takes the contact out of everything."""

    def body(work: Work) -> None:
        for run in work.take_up(runs.live_of(work.tx, [contact_id])):
            work.tell(run.enrollment.id, e.Withdrawn("manual"))

    world.do(body)


@pytest.mark.parametrize(
    ("how", "mailed"),
    [
        ("skip", ["hello", "thanks", "again"]),
        ("resume", ["hello", "thanks", "again"]),
        ("restart", ["hello", "thanks", "hello", "thanks", "again"]),
    ],
)
def test_who_comes_back_gets_what_the_sequence_says(
    world: World, how: str, mailed: list[str]
) -> None:
    world.publish(returning(how))
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    world.drive(NOW + 3 * DAY)
    assert world.mailed("ana") == ["hello", "thanks"]
    stop(world, ana)
    world.drive(NOW + 30 * DAY)
    world.happen(ana, "visit")
    world.drive(NOW + 60 * DAY)
    assert world.mailed("ana") == mailed
    assert not world.examine().violations or how == "restart"


def test_resuming_begins_with_the_wait_where_the_last_run_stopped(world: World) -> None:
    world.publish(returning("resume"))
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    world.drive(NOW + 3 * DAY)
    stop(world, ana)
    world.clock.moment = NOW + 30 * DAY
    world.happen(ana, "visit")
    (run,) = world.rows(sa.select(E.step, E.state, E.wake_at).where(E.ended_at.is_(None)))
    assert run == ("rest2", "waiting", NOW + 32 * DAY)
    assert not world.examine().violations


def test_resuming_sends_the_email_that_was_not_sent(world: World) -> None:
    world.publish(returning("resume"))
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    world.work()
    world.clock.moment = NOW + 2 * DAY
    world.advance()
    assert world.sends(ana)[-1] == ("thanks", "queued", "")
    stop(world, ana)
    world.drive(NOW + 9 * DAY)
    world.happen(ana, "visit")
    world.drive(NOW + 9 * DAY)
    assert world.mailed("ana") == ["hello", "thanks"]
    world.assert_sound()


def test_resuming_waits_for_the_answer_to_the_email_of_the_run_before(world: World) -> None:
    steps: list[dict[str, Any]] = [
        {"key": "hello", "email": "hello"},
        {
            "key": "answer",
            "wait_for": {
                "event": "click", "of": "hello", "within": "9d", "yes": "thanks", "no": "again",
            },
        },
        {"key": "thanks", "email": "thanks", "next": "end"},
        {"key": "again", "email": "again"},
    ]  # fmt: skip
    world.publish(returning("resume", steps))
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    world.work()
    stop(world, ana)
    world.clock.moment = NOW + DAY
    world.happen(ana, "visit")
    (run,) = world.rows(sa.select(E.step, E.state, E.wake_at).where(E.ended_at.is_(None)))
    assert run == ("answer", "awaiting", NOW + 9 * DAY)
    world.click(ana, "hello", "series")
    world.drive(NOW + 2 * DAY)
    assert world.mailed("ana") == ["hello", "thanks"]
    world.assert_sound()


def test_what_came_to_its_end_is_not_resumed_but_begun(world: World) -> None:
    world.publish(returning("resume"))
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    world.drive(NOW + 9 * DAY)
    steps = [{"key": "first", "email": "basket"}, *STEPS]
    world.publish(returning("resume", steps))
    world.happen(ana, "visit")
    world.drive(NOW + 10 * DAY)
    assert world.mailed("ana") == ["hello", "thanks", "again", "basket"]


def test_each_key_has_its_own_place_to_go_on(world: World) -> None:
    trigger = {"event": "cart", "key": "cart_id"}
    world.publish(returning("resume", trigger=trigger, reentry="keyed"))
    ana = world.add("ana", "sql")
    world.happen(ana, "cart", cart_id="7")
    world.drive(NOW + 3 * DAY)
    stop(world, ana)
    world.happen(ana, "cart", cart_id="8")
    assert world.states(ana)[-1] == ("series", "waiting", "rest"), "the first email was received"


def test_starting_over_sends_nothing_that_came_by_another_door(world: World) -> None:
    other = sequence(
        "other", [{"key": "one", "email": "thanks"}], trigger={"event": "form"}, reentry="never"
    )
    world.publish(returning("restart"), other)
    ana = world.add("ana", "sql")
    world.happen(ana, "form")
    world.happen(ana, "visit")
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["thanks", "hello"]
    stop(world, ana)
    world.happen(ana, "visit")
    world.drive(NOW + 20 * DAY)
    assert world.mailed("ana") == ["thanks", "hello", "hello", "again"]
    assert world.column(sa.select(E.again).order_by(E.id))[-1] == ["hello"]


def test_runs_side_by_side_each_send_their_own_emails(world: World) -> None:
    trigger = {"event": "visit", "key": "page"}
    other = sequence(
        "other", [{"key": "one", "email": "again"}], trigger={"event": "form"}, reentry="never"
    )
    world.publish(returning("restart", trigger=trigger, reentry="keyed"), other)
    ana = world.add("ana", "sql")
    world.happen(ana, "form")
    world.drive(NOW + HOUR)
    world.happen(ana, "visit", page="one")
    world.happen(ana, "visit", page="two")
    world.drive(NOW + 20 * DAY)
    assert sorted(world.mailed("ana")) == ["again", "hello", "hello", "thanks", "thanks"]
    assert not world.examine().violations


def test_back_in_a_stage_its_sequence_goes_on_where_it_stopped(world: World) -> None:
    steps = [*STEPS, {"key": "case", "email": "basket"}]
    world.publish({**WELCOME, "steps": steps, "returning": "resume"})
    ana = world.enroll("ana")
    world.drive(NOW + HOUR)
    world.happen(ana, "form")
    assert world.states(ana)[-1][0] == DEEPEN["key"]
    world.drive(NOW + 11 * DAY)
    assert world.states(ana)[-1][:2] == ("welcome", "waiting")
    assert world.states(ana)[-1][2] == "rest"
    world.drive(NOW + 20 * DAY)
    assert world.mailed("ana").count("hello") == 1
    world.assert_sound()
