"""The steps that touch more than their own run, each from the event to the rows."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.experiments import arm_of
from nurture.domain.sequence import Arm, Split
from nurture.engine.record import fallen
from nurture.store import tables
from tests.domain.build import a_contact, a_sequence
from tests.engine.test_entering import entries, told
from tests.engine.world import (
    CART,
    DAY,
    FUNNEL,
    HOUR,
    NOW,
    WELCOME,
    C,
    E,
    World,
    opened,
    sequence,
)

Q = tables.QueuedEntry


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def triggered(key: str, event: str, *steps: dict[str, Any], **parts: Any) -> dict[str, Any]:
    given = {"reentry": "one_at_a_time", **parts}
    trigger = {"event": event, **given.pop("on", {})}
    return sequence(key, list(steps), trigger=trigger, **given)


def wait(key: str, long: str = "4h") -> dict[str, Any]:
    return {"key": key, "wait": long}


def test_entering_another_sequence_goes_on_here_and_brings_the_event_along(world: World) -> None:
    follow = triggered(
        "follow", "never_told", wait("pause"), {"key": "one", "email": "basket"},
        on={"key": "cart_id"}, reentry="keyed",
    )  # fmt: skip
    first = triggered(
        "first", "cart", {"key": "beside", "enter": "follow"}, wait("rest", "1d"),
        on={"key": "cart_id"}, reentry="keyed",
    )  # fmt: skip
    world.publish(follow, first)
    ana = world.add("ana", "sql")
    world.happen(ana, "cart", cart_id="7", total=12)
    assert sorted(world.states(ana)) == [
        ("first", "waiting", "rest"), ("follow", "waiting", "pause")
    ]  # fmt: skip
    runs = world.rows(sa.select(E.entry_key, E.properties, E.began_at).order_by(E.id))
    assert runs == [("7", {"cart_id": "7", "total": 12}, NOW)] * 2
    world.happen(ana, "cart", cart_id="8")
    assert [key for key, *_ in entries(world)] == ["7", "7", "8", "8"]
    world.drive(NOW + 2 * DAY)
    assert {state for _, state, _ in entries(world)} == {"completed"}
    world.assert_sound()


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"reentry": "never"}, "was there before"),
        ({"reentry": {"after": "9d"}}, "too early"),
        ({"entry": {"tag": "vip"}}, "entry rule"),
        ({"on": {"key": "cart_id"}, "reentry": "keyed"}, "no key"),
    ],
)
def test_what_the_other_sequence_refuses_is_told_in_the_log(
    world: World, parts: dict[str, Any], why: str
) -> None:
    beside = triggered("beside", "form", {"key": "one", "email": "basket"}, **parts)
    first = triggered("first", "visit", {"key": "in", "enter": "beside"}, wait("rest", "1d"))
    world.publish(beside, first)
    ana = world.add("ana", "sql")
    world.happen(ana, "form")
    world.drive(NOW + DAY)
    world.happen(ana, "visit")
    assert told(world, ana) == [("beside", why)]
    assert world.states(ana)[-1] == ("first", "waiting", "rest")
    (line,) = world.rows(
        sa.select(tables.Sequence.key)
        .join(E, E.sequence_id == tables.Sequence.id)
        .join(tables.Decision, tables.Decision.enrollment_id == E.id)
        .where(tables.Decision.cause == "NotEntered")
    )
    assert line == ("first",), "told at the run that wished it"
    assert not world.examine().violations


def test_a_sequence_that_is_not_published_takes_nobody_and_that_is_told(world: World) -> None:
    world.publish(triggered("first", "visit", {"key": "in", "enter": "nowhere"}, wait("rest")))
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    assert told(world, ana) == [("nowhere", "not published")]
    assert world.states(ana) == [("first", "waiting", "rest")]


def test_nobody_enters_the_sequence_of_a_stage_that_they_are_not_in(world: World) -> None:
    world.publish(triggered("first", "visit", {"key": "in", "enter": "welcome"}, wait("rest")))
    ana, bo = world.add("ana", "sql"), world.add("bo", "lead")
    for contact_id in (ana, bo):
        world.happen(contact_id, "visit")
    assert told(world, ana) == [("welcome", "other stage")]
    assert ("welcome", "sending", "hello") in world.states(bo)
    assert not world.examine().violations


def test_a_move_to_a_sequence_that_refuses_ends_the_run_and_says_why(world: World) -> None:
    other = triggered("other", "form", wait("pause"), entry={"tag": "vip"})
    world.publish(other, triggered("first", "visit", {"key": "on", "move_to": "other"}))
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    assert world.states(ana) == [("first", "moved", "on")]
    assert told(world, ana) == [("other", "entry rule")]


def test_two_sequences_that_enter_each_other_come_to_rest(world: World) -> None:
    one = triggered("one", "visit", {"key": "a", "enter": "two"}, wait("rest"))
    two = triggered("two", "form", {"key": "b", "enter": "one"}, wait("rest"))
    world.publish(one, two)
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    assert len(world.states(ana)) == 2
    assert told(world, ana) == [("one", "under way")]
    world.drive(NOW + 10 * DAY)
    assert {state for _, state, _ in world.states(ana)} == {"completed"}
    world.assert_sound()


def test_sequences_that_move_into_each_other_without_a_wait_are_stopped(world: World) -> None:
    one = triggered("one", "visit", {"key": "a", "move_to": "two"})
    two = triggered("two", "form", {"key": "b", "move_to": "one"})
    world.publish(one, two)
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    assert 2 < len(world.states(ana)) < 20
    assert not world.examine().violations


def test_leaving_ends_the_runs_and_what_waits_for_them(world: World) -> None:
    queueing = {**CART, "trigger": {**CART["trigger"], "while_active": "queue"}}
    away = triggered("away", "visit", {"key": "out", "leave": "cart"}, wait("rest"))
    world.publish(queueing, away)
    ana = world.add("ana", "sql")
    for key in ("7", "8", "7"):
        world.happen(ana, "cart_updated", cart_id=key)
    world.clock.moment += 4 * HOUR
    world.advance()
    world.happen(ana, "visit")
    ended = [(key, why) for key, state, why in entries(world) if state == "exited"]
    assert ended == [("7", "left by away"), ("8", "left by away")]
    assert world.column(sa.select(Q.id)) == []
    assert {status for _, status, _ in world.sends(ana)} == {"cancelled"}
    world.drive(NOW + 3 * DAY)
    assert world.mailed("ana") == []
    world.assert_sound()


@pytest.mark.parametrize("order", [("enter", "leave"), ("leave", "enter")])
def test_entering_and_leaving_in_one_walk_happen_in_their_order(
    world: World, order: tuple[str, str]
) -> None:
    first = triggered(
        "first", "visit", *({"key": f"s{n}", word: "other"} for n, word in enumerate(order)),
        wait("rest"),
    )  # fmt: skip
    world.publish(triggered("other", "form", wait("pause", "9d")), first)
    ana = world.add("ana", "sql")
    world.happen(ana, "visit")
    inside = [state for key, state, _ in world.states(ana) if key == "other"]
    assert inside == ([] if order[0] == "enter" else ["waiting"])


def test_an_update_is_seen_by_the_next_step_and_written_with_who_said_so(world: World) -> None:
    steps: list[dict[str, Any]] = [
        {
            "key": "mark",
            "update": {
                "set": {"first_name": "Ann"}, "tag": ["vip"], "bant": {"budget": "yes"},
            },
        },
        {
            "key": "fork",
            "branch": {"cases": [{"when": {"tag": "vip"}, "to": "yes"}], "else": "end"},
        },
        {"key": "yes", "email": "thanks"},
    ]  # fmt: skip
    world.publish(triggered("form", "form", *steps))
    ana = world.add("ana", "sql")
    world.happen(ana, "form")
    world.drive(NOW + HOUR)
    assert world.mailed("ana") == ["thanks"]
    (row,) = world.rows(sa.select(C.fields, C.tags))
    assert (row[0]["first_name"], row[1]) == ("Ann", ["vip"])
    b = tables.BantEntry
    log = world.rows(sa.select(b.letter, b.value, b.source, b.note))
    assert log == [("budget", "yes", "sequence:form", "mark")]
    world.assert_sound()


def test_an_update_means_a_tag_whatever_its_case(world: World) -> None:
    steps: list[dict[str, Any]] = [
        {"key": "mark", "update": {"tag": ["new", "old"], "untag": ["vip"]}},
        {
            "key": "fork",
            "branch": {"cases": [{"when": {"tag": "vip"}, "to": "yes"}], "else": "end"},
        },
        {"key": "yes", "email": "thanks"},
    ]
    world.publish(triggered("form", "form", *steps))
    ana = world.add("ana", "sql")
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(C).values(tags=["New", "VIP", "VIPs", "Vip"]))
    world.happen(ana, "form")
    world.drive(NOW + HOUR)
    assert world.column(sa.select(C.tags)) == [["New", "VIPs", "old"]]
    assert world.mailed("ana") == []
    world.assert_sound()


def test_what_an_update_changes_moves_the_stage_and_the_other_runs(
    settings: Settings, database_url: str
) -> None:
    edges = [{"kind": "promote", "from": "lead", "to": "mql", "when": {"tag": "hot"}}]
    fit = {
        "rules": [
            {"key": "hot", "name": {"vi": "Nóng", "en": "Hot"}, "when": {"tag": "hot"},
             "points": 50},
        ],
        "grades": [{"grade": "A", "at_least": 45}, {"grade": "D"}],
    }  # fmt: skip
    exits = [{"reason": "cooled", "when": {"tag": "hot"}}]
    # The first of a funnel's edges leads to sql, too, so that no stage is out of reach.
    edges.append({"kind": "promote", "from": "mql", "to": "sql", "when": {"did": "demo"}})
    with opened(settings, database_url) as world:
        world.publish(
            triggered("mark", "visit", {"key": "mark", "update": {"tag": ["hot"]}}, wait("rest")),
            triggered("beside", "form", wait("rest", "9d"), exits=exits),
            funnel={**FUNNEL, "edges": edges, "fit": fit},
        )
        ana = world.enroll("ana")
        world.happen(ana, "form")
        world.happen(ana, "visit")
        fallen(world.deps, world.now)
        assert world.stage(ana) == "mql"
        t = tables.Standing
        assert world.rows(sa.select(t.fit, t.grade)) == [(50.0, "A")]
        states = {key: state for key, state, _ in world.states(ana)}
        assert (states["welcome"], states["beside"]) == ("moved", "exited")
        assert not world.examine().violations


def test_a_reminder_waits_for_the_date_of_the_event_that_began_the_run(world: World) -> None:
    steps: list[dict[str, Any]] = [
        {
            "key": "day_before",
            "wait_until": {
                "property": "starts_at", "before": "1d", "at": "09:00", "past": "after",
                "missing": "end",
            },
        },
        {"key": "remind", "email": "hello"},
        {
            "key": "after",
            "wait_until": {"property": "starts_at", "after": "2h"},
        },
        {"key": "thank", "email": "thanks"},
    ]  # fmt: skip
    registration = triggered("event", "registered", *steps, on={"key": "event_id"}, reentry="keyed")
    world.publish(registration)
    ana, bo, cy = (world.add(name, "sql") for name in ("ana", "bo", "cy"))
    world.happen(ana, "registered", event_id="w1", starts_at="2026-03-10T14:00:00+07:00")
    world.happen(bo, "registered", event_id="w1", starts_at="2026-03-02T18:00:00+07:00")
    world.happen(cy, "registered", event_id="w1")
    waits = world.rows(sa.select(E.contact_id, E.step, E.wake_at).order_by(E.contact_id))
    # Nine in the morning of the day before in Ho Chi Minh City; and two hours after the start.
    assert waits[0] == (ana, "day_before", NOW.replace(day=9, hour=2))
    assert waits[1] == (bo, "after", NOW.replace(day=2, hour=13))
    assert world.states(cy) == [("event", "completed", "day_before")]
    world.drive(NOW + 10 * DAY)
    assert (world.mailed("ana"), world.mailed("bo")) == (["hello", "thanks"], ["thanks"])
    world.assert_sound()


def test_a_split_shows_each_contact_one_arm_and_writes_it_down_once(world: World) -> None:
    arms = [{"key": "a", "weight": 1, "to": "one"}, {"key": "b", "weight": 3, "to": "two"}]
    steps: list[dict[str, Any]] = [
        {"key": "half", "split": {"experiment": "offer", "arms": arms}},
        {"key": "one", "email": "hello", "next": "end"},
        {"key": "two", "email": "thanks"},
    ]
    world.publish(triggered("series", "visit", *steps))
    ids = world.add_many([f"p{n}" for n in range(60)], "sql")
    for _ in range(2):
        for key in ids:
            world.happen(key, "visit")
        world.drive(world.now + DAY)
    x = tables.Exposure
    shown = world.rows(sa.select(x.contact_id, x.arm, x.experiment).order_by(x.contact_id))
    split = Split("half", (Arm("a", 1), Arm("b", 3)), "offer")
    assert shown == [
        (key, arm_of(a_sequence(), split, a_contact(id=key)).key, "offer") for key in ids
    ]
    mailed = {"a": ["hello"], "b": ["thanks"]}
    for number, (_, arm, _) in enumerate(shown):
        assert world.mailed(f"p{number}") == mailed[arm]
    assert {arm for _, arm, _ in shown} == {"a", "b"}
    world.assert_sound()


def test_the_stage_of_a_welcome_is_not_entered_twice_by_its_own_step(world: World) -> None:
    world.publish({**WELCOME, "steps": [{"key": "up", "change_stage": "mql"}, *WELCOME["steps"]]})
    ana = world.enroll("ana")
    world.work()
    assert [key for key, *_ in world.states(ana)] == ["welcome"]
    assert not world.examine().violations
