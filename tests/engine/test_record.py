"""What contacts do: stored once, scored, told to runs, and moving them between stages."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.contact import Verdict
from nurture.domain.stages import Actor, StageChange, StageRefused
from nurture.engine.record import CHUNK, fallen, record, score_again
from nurture.store import tables
from tests.engine.world import (
    CART,
    DAY,
    DEEPEN,
    FUNNEL,
    HOUR,
    NOW,
    E,
    S,
    World,
    opened,
    sequence,
)  # fmt: skip

T = tables.Standing


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def changed(document: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    return {**document, **parts}


def moves(world: World) -> list[tuple[str, str, str]]:
    t = tables.StageChange
    return world.rows(sa.select(t.start, t.to, t.refused).order_by(t.id))


def test_the_same_event_counts_once_however_often_it_is_told(world: World) -> None:
    ana = world.enroll("ana")
    event = world.event(ana, "click", key="c1")
    assert record(world.deps, [event, event], world.now) == 1
    assert record(world.deps, [event], world.now) == 0
    assert world.score(ana) == 5.0
    assert len(world.column(sa.select(tables.ScoreEntry.id))) == 1


def test_events_of_strangers_make_nobody(world: World) -> None:
    assert record(world.deps, [world.event(404, "click")], world.now) == 0
    assert world.column(sa.select(tables.Event.id)) == []


def test_machines_are_kept_and_neither_score_nor_answer(world: World) -> None:
    ana = world.enroll("ana")
    world.drive(NOW + 2 * DAY)
    who = Verdict.MACHINE
    assert world.happen(ana, "click", verdict=who, step="hello", sequence="welcome") == 1
    assert world.score(ana) == 0.0
    assert world.states(ana) == [("welcome", "awaiting", "answer")]


def test_the_awaited_click_takes_the_yes_path_and_a_second_one_only_scores(world: World) -> None:
    ana = world.enroll("ana")
    world.drive(NOW + 3 * DAY)
    world.click(ana, "hello")
    world.click(ana, "hello")
    world.drive(NOW + 20 * DAY)
    assert world.mailed("ana") == ["hello", "thanks"]
    assert world.states(ana) == [("welcome", "exhausted", "thanks")]
    world.assert_sound()


def test_without_an_answer_the_no_path_is_taken_and_a_late_click_only_scores(world: World) -> None:
    ana = world.enroll("ana")
    world.drive(NOW + 6 * DAY)
    assert world.mailed("ana") == ["hello", "again"]
    world.click(ana, "hello")
    world.drive(NOW + 20 * DAY)
    assert world.mailed("ana") == ["hello", "again"]
    assert world.column(sa.select(tables.ScoreEntry.points)) == [5.0]


def test_a_click_before_the_wait_answers_it(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    world.clock.moment += HOUR
    world.click(ana, "hello")
    world.drive(NOW + 3 * DAY)
    assert world.mailed("ana") == ["hello", "thanks"]


def test_events_in_any_order_give_the_same_score(world: World) -> None:
    ana, bo = world.enroll("ana"), world.enroll("bo")
    world.clock.moment = NOW + 5 * DAY
    days = [4, 1, 3]
    for day in days:
        world.happen(ana, "click", at=NOW + day * DAY)
    for day in sorted(days):
        world.happen(bo, "click", at=NOW + day * DAY)
    assert world.score(ana) == pytest.approx(world.score(bo))
    assert not world.examine().violations


def test_more_events_than_one_transaction_takes_are_all_recorded(world: World) -> None:
    ids = world.add_many([f"p{n}" for n in range(CHUNK // 2)])
    events = [world.event(key, "click") for key in ids for _ in range(3)]
    assert record(world.deps, events, world.now) == len(events)
    assert set(world.column(sa.select(T.engagement))) == {15.0}
    assert set(world.column(sa.select(T.temperature))) == {"warm"}


def test_promotion_and_demotion_keep_their_distance_and_their_dwell(world: World) -> None:
    ana = world.enroll("ana")
    for _ in range(4):
        world.click(ana, "hello")
    assert world.stage(ana) == "mql"
    assert world.states(ana)[-1] == ("deepen", "sending", "case")
    # 20 points halve in ten days: below 20 at once, below 10 only then.
    world.drive(NOW + 9 * DAY)
    assert world.stage(ana) == "mql"
    world.drive(NOW + 11 * DAY)
    assert world.stage(ana) == "lead"
    assert world.states(ana)[-1][0] == "welcome"
    assert moves(world) == [("lead", "mql", ""), ("mql", "lead", "")]
    highest = world.column(sa.select(T.highest))
    assert highest == ["mql"]
    world.assert_sound()


def test_an_edge_whose_dwell_is_not_over_is_taken_when_it_is(world: World) -> None:
    ana = world.enroll("ana")
    world.happen(ana, "form")
    world.happen(ana, "demo")
    assert world.stage(ana) == "mql"
    world.drive(NOW + 2 * DAY - HOUR)
    assert world.stage(ana) == "mql"
    world.drive(NOW + 2 * DAY)
    assert world.stage(ana) == "sql"
    world.assert_sound()


def test_one_event_may_lead_over_several_edges_in_one_transaction(
    settings: Settings, database_url: str
) -> None:
    edges = [edge for edge in FUNNEL["edges"] if edge["to"] != "sql"]
    edges.append({"kind": "promote", "from": "mql", "to": "sql", "when": {"did": "form"}})
    with opened(settings, database_url) as world:
        world.publish(funnel=changed(FUNNEL, edges=edges))
        ana = world.enroll("ana")
        world.happen(ana, "form")
        assert world.stage(ana) == "sql"
        assert moves(world) == [("lead", "mql", ""), ("mql", "sql", "")]
        assert world.states(ana) == [("welcome", "moved", "hello")]
        assert world.sends(ana) == [("hello", "cancelled", "MovedAway")]


def test_edges_that_contradict_each_other_turn_nobody_in_a_circle(
    settings: Settings, database_url: str
) -> None:
    edges = [
        {"kind": "promote", "from": "lead", "to": "mql", "when": {"did": "form"}},
        {"kind": "demote", "from": "mql", "to": "lead", "when": {"did": "form"}},
    ]
    with opened(settings, database_url) as world:
        world.publish(funnel=changed(FUNNEL, edges=edges))
        ana = world.enroll("ana")
        world.happen(ana, "form")
        assert world.stage(ana) == "mql"
        world.drive(NOW + 5 * DAY)
        assert len(moves(world)) <= 3


def test_a_wait_for_a_score_ends_with_the_event_that_lifts_it(
    settings: Settings, database_url: str
) -> None:
    steps: list[dict[str, Any]] = [
        {
            "key": "interest",
            "wait_for": {
                "when": {"score": "engagement", "at_least": 5}, "within": "9d", "yes": "hello",
                "no": "end",
            },
        },
        {"key": "hello", "email": "hello"},
    ]  # fmt: skip
    with opened(settings, database_url) as world:
        world.publish(sequence("welcome", steps, stage="lead"))
        ana = world.enroll("ana")
        world.click(ana, "nothing")
        assert world.states(ana) == [("welcome", "sending", "hello")]


def test_falling_scores_are_looked_at_once_and_never_for_ever(world: World) -> None:
    ana = world.enroll("ana")
    world.happen(ana, "form")
    looks = 0
    for _ in range(200):
        (moment,) = world.column(sa.select(sa.func.min(T.crosses_at)))
        if moment is None:
            break
        assert moment > world.now
        world.clock.moment = moment
        assert fallen(world.deps, world.now) == 1
        assert fallen(world.deps, world.now) == 0
        looks += 1
    assert 2 <= looks < 20
    assert world.stage(ana) == "lead"


def test_an_event_from_a_clock_ahead_counts_when_its_time_has_come(world: World) -> None:
    ana = world.enroll("ana")
    world.happen(ana, "click", at=NOW + timedelta(minutes=4))
    assert world.score(ana) == 0.0
    world.drive(NOW + timedelta(minutes=4))
    assert world.score(ana) == 5.0


def test_scoring_again_changes_nothing_but_the_moment(world: World) -> None:
    ana = world.enroll("ana")
    world.click(ana, "hello")
    before = world.rows(sa.select(T.stage, T.crosses_at, T.engagement))
    score_again(world.deps, [ana], world.now)
    assert world.rows(sa.select(T.stage, T.crosses_at, T.engagement)) == before


def test_a_stage_may_be_asked_for_under_the_guards_that_everybody_obeys(world: World) -> None:
    ana = world.enroll("ana")

    def ask(to: str, actor: Actor) -> StageChange | StageRefused:
        def body(work: Any) -> StageChange | StageRefused:
            work.see([ana], history=True)
            answer: StageChange | StageRefused = work.ask_stage(ana, to, actor)
            return answer

        answer: StageChange | StageRefused = world.do(body)
        return answer

    assert isinstance(ask("sql", Actor.SALES), StageRefused)
    assert isinstance(ask("mql", Actor.RULES), StageRefused)
    assert [refused for *_, refused in moves(world)] == ["no such edge", "the guard does not hold"]
    assert world.stage(ana) == "lead"


def test_a_keyed_trigger_opens_one_run_for_each_key(world: World) -> None:
    ana = world.enroll("ana")
    for key in ("7", "7", "8"):
        world.happen(ana, "cart_updated", cart_id=key)
    world.happen(ana, "cart_updated")
    runs = world.rows(sa.select(E.entry_key, E.state).where(E.track == "").order_by(E.id))
    assert runs == [("7", "waiting"), ("8", "waiting")]
    world.happen(ana, "purchase", cart_id="7")
    world.drive(NOW + 5 * HOUR)
    runs = world.rows(sa.select(E.entry_key, E.state).where(E.track == "").order_by(E.id))
    assert runs == [("7", "exited"), ("8", "completed")]
    world.happen(ana, "cart_updated", cart_id="7")
    assert len(world.states(ana)) == 3, "a basket is reminded of once"
    world.assert_sound()


def test_the_same_trigger_twice_in_one_call_opens_one_run(world: World) -> None:
    ana = world.enroll("ana")
    events = [world.event(ana, "cart_updated", cart_id="7") for _ in range(2)]
    assert record(world.deps, events, world.now) == 2
    assert len(world.states(ana)) == 2
    assert not world.examine().violations


def test_a_basket_and_its_purchase_in_one_call_remind_nobody(world: World) -> None:
    ana = world.enroll("ana")
    cart = world.event(ana, "cart_updated", at=NOW - HOUR, cart_id="7")
    bought = world.event(ana, "purchase", at=NOW, cart_id="7")
    record(world.deps, [bought, cart], world.now)
    record(world.deps, [world.event(ana, "cart_updated", at=NOW - HOUR, cart_id="7")], world.now)
    world.drive(NOW + DAY)
    assert "basket" not in world.mailed("ana")
    record(world.deps, [world.event(ana, "cart_updated", cart_id="7")], world.now)
    world.drive(NOW + 2 * DAY)
    assert "basket" in world.mailed("ana"), "filled again after the purchase"


@pytest.mark.parametrize(
    ("reentry", "runs"),
    [
        ({"reentry": "never"}, 1),
        ({"reentry": "one_at_a_time"}, 3),
        ({"reentry": {"after": "3d"}}, 2),
    ],
)
def test_who_has_been_through_comes_again_by_the_rule(
    settings: Settings, database_url: str, reentry: dict[str, Any], runs: int
) -> None:
    steps = [{"key": "patience", "wait": "4h"}, {"key": "remind", "email": "basket"}]
    again = sequence("cart", steps, trigger={"event": "visit"}, **reentry)
    with opened(settings, database_url) as world:
        world.publish(again)
        ana = world.add("ana", "sql")
        for day in (0, 0, 2, 6):
            world.drive(NOW + day * DAY)
            world.happen(ana, "visit")
        assert len(world.states(ana)) == runs
        world.drive(NOW + 10 * DAY)
        assert world.mailed("ana") == ["basket"], "the same content comes once"
        world.assert_sound()


def test_two_visits_in_one_call_do_not_outwit_the_rule(
    settings: Settings, database_url: str
) -> None:
    steps = [{"key": "patience", "wait": "4h"}, {"key": "remind", "email": "basket"}]
    once = sequence("cart", steps, trigger={"event": "visit", "key": "page"}, reentry="never")
    with opened(settings, database_url) as world:
        world.publish(once)
        ana = world.add("ana", "sql")
        record(world.deps, [world.event(ana, "visit", page=page) for page in "ab"], world.now)
        assert len(world.states(ana)) == 1


def test_a_stage_lets_in_by_what_contacts_did(settings: Settings, database_url: str) -> None:
    guarded = changed(DEEPEN, entry={"did": "form"})
    with opened(settings, database_url) as world:
        world.publish(guarded)
        ana, bo = world.enroll("ana"), world.enroll("bo")
        world.happen(ana, "form")
        for _ in range(4):
            world.click(bo, "hello")
        assert world.states(ana)[-1][0] == "deepen"
        assert world.stage(bo) == "mql"
        assert world.states(bo) == [("welcome", "moved", "hello")]


def test_a_rule_may_ask_which_sequence_a_contact_is_in(
    settings: Settings, database_url: str
) -> None:
    gentle = changed(CART, entry={"not": {"sequence": "welcome"}})
    with opened(settings, database_url) as world:
        world.publish(gentle)
        ana, bo = world.enroll("ana"), world.add("bo", "sql")
        for contact_id in (ana, bo):
            world.happen(contact_id, "cart_updated", cart_id="7")
        assert [key for key, *_ in world.states(ana)] == ["welcome"]
        assert [key for key, *_ in world.states(bo)] == ["cart"]


def test_on_return_to_a_stage_what_was_received_is_passed_over(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    world.happen(ana, "form")
    world.drive(NOW + 40 * DAY)
    assert world.stage(ana) == "lead"
    assert sorted(world.mailed("ana")) == sorted({"hello", "case", "offer", "again"})
    assert world.column(sa.select(S.status).where(S.status != "accepted")) == []
    world.assert_sound()
