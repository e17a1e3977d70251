"""Stages: guards, dwell, actors, refusals, and the highest stage."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.conditions import ALWAYS, Compare, Condition, Op, Subject
from nurture.domain.contact import Contact, Standing
from nurture.domain.stages import (
    Actor,
    Edge,
    EdgeKind,
    Said,
    StageChange,
    StageRefused,
    asked_change,
    highest,
    next_change,
    standing_at,
    taken,
)
from tests.domain.build import DAY, HOUR, NOW, a_contact

ORDER = ("visitor", "lead", "mql", "sql")


def points(op: Op, value: float) -> Condition:
    return Compare(Subject("engagement"), op, value)


UP = Edge(EdgeKind.PROMOTE, "lead", "mql", points(Op.AT_LEAST, 50), DAY)
DOWN = Edge(EdgeKind.DEMOTE, "mql", "lead", points(Op.BELOW, 30), 2 * DAY)
SALES = frozenset({Actor.SALES})
ACCEPT = Edge(EdgeKind.PROMOTE, "mql", "sql", points(Op.AT_LEAST, 60), actors=SALES)
FORCE = Edge(EdgeKind.OVERRIDE, "lead", "sql", points(Op.AT_LEAST, 60), actors=SALES)
EDGES = (UP, DOWN, ACCEPT, FORCE)


def standing(stage: str, score: float = 0, since: timedelta = 30 * DAY) -> Contact:
    return a_contact(engagement=score, standing=Standing(stage, stage, NOW - since))


def test_the_rules_promote_when_the_guard_holds_long_enough() -> None:
    assert next_change(standing("lead", 50), EDGES, NOW) == StageChange(UP)
    assert next_change(standing("lead", 49.9), EDGES, NOW) is None


def test_a_guard_that_holds_before_its_dwell_is_refused_with_its_release() -> None:
    refused = next_change(standing("lead", 50, since=HOUR), EDGES, NOW)
    assert refused == StageRefused("mql", "dwell", NOW - HOUR + DAY)


def test_a_later_edge_is_taken_when_an_earlier_one_is_refused_for_its_dwell() -> None:
    other = Edge(EdgeKind.PROMOTE, "lead", "sql", points(Op.AT_LEAST, 50))
    later = Edge(EdgeKind.PROMOTE, "lead", "visitor", ALWAYS, 9 * DAY)
    contact = standing("lead", 50, since=HOUR)
    assert next_change(contact, (UP, other), NOW) == StageChange(other)
    assert next_change(contact, (UP, later), NOW) == StageRefused("mql", "dwell", NOW + 23 * HOUR)


def test_the_rules_take_no_edge_that_belongs_to_a_person() -> None:
    assert next_change(standing("mql", 100), EDGES, NOW) is None


def test_a_contact_outside_the_funnel_is_left_there_by_the_rules() -> None:
    assert next_change(a_contact(engagement=100), EDGES, NOW) is None


@given(st.lists(st.floats(30, 49.99), max_size=20))
def test_between_the_two_thresholds_the_stage_does_not_flap(scores: list[float]) -> None:
    for stage in ("lead", "mql"):
        for score in scores:
            assert next_change(standing(stage, score), EDGES, NOW) is None


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 40)), max_size=30))
def test_no_stage_is_left_before_its_dwell(steps: list[tuple[float, int]]) -> None:
    now, stage, since = NOW, "lead", NOW
    for score, hours in steps:
        now += HOUR * hours
        contact = a_contact(engagement=score, standing=Standing(stage, stage, since))
        change = next_change(contact, EDGES, now)
        if isinstance(change, StageChange):
            assert now - since >= change.edge.dwell
            stage, since = change.edge.to, now
        elif isinstance(change, StageRefused):
            assert change.release is not None
            assert change.release > now


def test_a_person_may_take_their_edge_when_its_guard_holds() -> None:
    assert asked_change(standing("mql", 60), "sql", Actor.SALES, EDGES, NOW) == StageChange(
        ACCEPT, "asked by sales"
    )


@pytest.mark.parametrize(
    ("contact", "to", "actor", "why"),
    [
        (standing("mql", 10), "sql", Actor.SALES, "the guard does not hold"),
        (standing("mql", 60), "sql", Actor.MARKETING, "marketing may not take mql→sql"),
        (standing("mql", 60), "visitor", Actor.SALES, "no such edge"),
        (standing("mql", 60), "mql", Actor.SALES, "already there"),
        (a_contact(), "lead", Actor.SALES, "no such edge"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_says_what_is_in_the_way(
    contact: Contact, to: str, actor: Actor, why: str
) -> None:
    assert asked_change(contact, to, actor, EDGES, NOW) == StageRefused(to, why)


def test_an_override_needs_no_guard_but_its_actor() -> None:
    contact = standing("lead")
    why = Said(by="lan", note="their director called")
    assert asked_change(contact, "sql", Actor.SALES, EDGES, NOW, why) == StageChange(
        FORCE, "their director called"
    )
    assert isinstance(asked_change(contact, "sql", Actor.RULES, EDGES, NOW), StageRefused)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said(note="they called"), "nobody says who it is"),
        (Said(by="lan"), "nobody says why"),
        (Said(by="lan", note="  "), "nobody says why"),
    ],
)
def test_an_override_is_refused_without_who_and_why(said: Said, why: str) -> None:
    refused = asked_change(standing("lead"), "sql", Actor.SALES, EDGES, NOW, said)
    assert refused == StageRefused("sql", why)


RECYCLE = Edge(
    EdgeKind.RECYCLE, "sql", "lead", actors=SALES, reasons=("no_budget", "not_now"),
    cooldown=30 * DAY,
)  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "why"),
    [("", "no reason is given"), ("bored", "the reason is none of the edge's")],
)
def test_an_edge_with_reasons_asks_a_person_for_one_of_them(reason: str, why: str) -> None:
    said = Said(by="lan", reason=reason)
    refused = asked_change(standing("sql"), "lead", Actor.SALES, (RECYCLE,), NOW, said)
    assert refused == StageRefused("lead", why)
    given = Said(by="lan", reason="no_budget")
    answer = asked_change(standing("sql"), "lead", Actor.SALES, (RECYCLE,), NOW, given)
    assert answer == StageChange(RECYCLE, "asked by sales")


def test_a_rejected_lead_rests_and_no_rule_promotes_them_until_it_is_over() -> None:
    rejected = taken(standing("sql", 90), RECYCLE, ORDER, NOW)
    assert rejected.standing == Standing("lead", "sql", NOW, NOW + 30 * DAY)
    rested = NOW + 30 * DAY
    for at in (NOW + DAY, rested - HOUR):
        assert next_change(rejected, EDGES, at) == StageRefused("mql", "resting", rested)
        by_step = asked_change(rejected, "mql", Actor.RULES, EDGES, at)
        assert by_step == StageRefused("mql", "resting", rested)
    assert next_change(rejected, EDGES, rested) == StageChange(UP)


def test_an_edge_may_be_open_despite_the_rest_and_a_person_may_end_it() -> None:
    rejected = taken(standing("sql", 90), RECYCLE, ORDER, NOW)
    bought = Edge(EdgeKind.PROMOTE, "lead", "customer", despite_rest=True)
    assert next_change(rejected, (bought,), NOW) == StageChange(bought)
    own = Edge(EdgeKind.PROMOTE, "lead", "mql", actors=SALES)
    answer = asked_change(rejected, "mql", Actor.SALES, (own,), NOW + HOUR)
    assert answer == StageChange(own, "asked by sales")
    promoted = taken(rejected, own, ORDER, NOW + HOUR)
    assert promoted.standing == Standing("mql", "sql", NOW + HOUR)


def test_going_back_further_does_not_end_the_rest() -> None:
    rejected = taken(standing("sql", 90), RECYCLE, ORDER, NOW)
    down = Edge(EdgeKind.DEMOTE, "lead", "visitor")
    lower = taken(rejected, down, ORDER, NOW + DAY)
    assert lower.standing == Standing("visitor", "sql", NOW + DAY, NOW + 30 * DAY)


def test_a_wish_before_the_dwell_is_refused_until_the_soonest_release() -> None:
    slow = Edge(EdgeKind.RECYCLE, "mql", "lead", dwell=5 * DAY, actors=SALES)
    slower = Edge(EdgeKind.DEMOTE, "mql", "lead", dwell=9 * DAY, actors=SALES)
    closed = Edge(EdgeKind.DEMOTE, "mql", "lead", points(Op.ABOVE, 900), actors=SALES)
    contact = standing("mql", since=DAY)
    for edges in ((slow, slower, closed), (closed, slower, slow)):
        refused = asked_change(contact, "lead", Actor.SALES, edges, NOW)
        assert refused == StageRefused("lead", "dwell", NOW + 4 * DAY)


def test_the_first_open_edge_of_several_is_taken() -> None:
    slow = Edge(EdgeKind.RECYCLE, "mql", "lead", dwell=DAY, actors=SALES)
    quick = Edge(EdgeKind.DEMOTE, "mql", "lead", actors=SALES)
    taken = asked_change(standing("mql"), "lead", Actor.SALES, (slow, quick), NOW)
    assert taken == StageChange(slow, "asked by sales")


def test_a_contact_outside_the_funnel_enters_by_an_edge_from_nowhere() -> None:
    enter = Edge(EdgeKind.OVERRIDE, "", "lead", dwell=DAY, actors=SALES)
    why = Said(by="lan", note="met at the fair")
    assert asked_change(a_contact(), "lead", Actor.SALES, (enter,), NOW, why) == StageChange(
        enter, "met at the fair"
    )


def test_the_highest_stage_is_the_later_one_and_an_unknown_one_the_lowest() -> None:
    assert highest("mql", "lead", ORDER) == "mql"
    assert highest("lead", "mql", ORDER) == "mql"
    assert highest("gone", "visitor", ORDER) == "visitor"


@given(st.sampled_from(ORDER), st.sampled_from(ORDER), st.sampled_from(ORDER))
def test_the_highest_of_three_does_not_depend_on_their_order(a: str, b: str, c: str) -> None:
    assert highest(highest(a, b, ORDER), c, ORDER) == highest(a, highest(c, b, ORDER), ORDER)


def test_the_dwell_is_over_when_exactly_it_has_passed() -> None:
    assert next_change(standing("lead", 50, since=DAY), EDGES, NOW) == StageChange(UP)
    own = Edge(EdgeKind.DEMOTE, "mql", "lead", dwell=DAY, actors=SALES)
    taken = asked_change(standing("mql", since=DAY), "lead", Actor.SALES, (own,), NOW)
    assert taken == StageChange(own, "asked by sales")


@given(st.lists(st.tuples(st.sampled_from(ORDER), st.integers(0, 5)), max_size=6))
def test_where_a_contact_stood_is_told_of_any_moment(way: list[tuple[str, int]]) -> None:
    contact = standing("lead")
    assert contact.standing is not None
    began = contact.standing.since
    stood = [(began, contact.standing)]
    steps = []
    for stage, hours in way:
        start, at = stood[-1][1].stage, stood[-1][0] + (hours + 1) * HOUR
        contact = taken(contact, Edge(EdgeKind.OVERRIDE, start, stage, ALWAYS), ORDER, at)
        assert contact.standing is not None
        stood.append((at, contact.standing))
        steps.append((start, stage, at))
    for at, then in stood:
        for moment in (at, at + HOUR / 2):
            assert standing_at(stood[-1][1], steps, began, ORDER, moment) == then
    assert standing_at(stood[-1][1], steps, began, ORDER, began - DAY).stage == "lead"
