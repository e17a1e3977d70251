"""The paths of a sequence: what is never reached, what turns too fast, what waits in vain."""

from datetime import time, timedelta

import pytest

from nurture.domain.check import Graph, check_sequence, minimum_time
from nurture.domain.conditions import ALWAYS
from nurture.domain.sequence import (
    Branch,
    Case,
    ChangeStage,
    Email,
    Exit,
    Goal,
    Match,
    MoveTo,
    Sequence,
    Step,
    Wait,
    WaitFor,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def sequence(*steps: Step) -> Sequence:
    return Sequence("s", {"vi": "s", "en": "s"}, steps, stage="lead")


def told(*steps: Step) -> list[tuple[str, tuple[str | int, ...]]]:
    return [(fault.message, fault.place) for fault in check_sequence(sequence(*steps))]


def test_a_straight_sequence_is_right() -> None:
    assert told(Email("a", "a"), Wait("b", DAY), Email("c", "c")) == []


def test_a_three_way_sequence_is_right() -> None:
    steps = (
        Email("a", "a"),
        WaitFor("b", DAY, Match("open", "a"), yes="c", no="d", unknowable="end"),
        Email("c", "c", next="end"),
        Email("d", "d"),
    )
    assert told(*steps) == []


def test_every_target_that_does_not_exist_is_told_where_it_is_written() -> None:
    steps = (
        Email("a", "a", next="b"),
        Branch("b", (Case(ALWAYS, "c"), Case(ALWAYS, "x")), "y"),
        WaitFor("c", DAY, Match("open", "a"), yes="1", no="2", unknowable="3"),
        ChangeStage("d", "mql", next="z"),
    )
    found = [place for message, place in told(*steps) if "to go to" in message]
    assert found == [
        ("steps", 1, "branch", "cases", 1, "to"),
        ("steps", 1, "branch", "else"),
        ("steps", 2, "wait_for", "yes"),
        ("steps", 2, "wait_for", "no"),
        ("steps", 2, "wait_for", "unknowable"),
        ("steps", 3, "next"),
    ]


@pytest.mark.parametrize("last", [Exit("b", "done"), MoveTo("b", "other")])
def test_a_step_after_the_end_is_unreachable(last: Step) -> None:
    assert told(Email("a", "a"), last, Email("c", "c")) == [
        ("no path leads to the step 'c'", ("steps", 2, "key"))
    ]


def test_a_step_that_is_jumped_over_is_unreachable() -> None:
    assert told(Email("a", "a", next="c"), Email("b", "b"), Email("c", "c")) == [
        ("no path leads to the step 'b'", ("steps", 1, "key"))
    ]


def test_a_goal_and_what_follows_it_are_reached_by_jumping() -> None:
    steps = (
        Email("a", "a"),
        Exit("b", "done"),
        Goal("c", Match("purchase"), next="d"),
        ChangeStage("d", "customer"),
    )
    assert told(*steps) == []


def test_a_loop_without_a_wait_of_an_hour_is_refused() -> None:
    steps = (
        Email("a", "a", passes=3),
        Wait("b", timedelta(minutes=59), next="a", passes=3),
    )
    assert told(*steps) == [("the loop a → b → a can turn in less than 1h", ("steps", 0, "key"))]
    assert told(steps[0], Wait("b", HOUR, next="a", passes=3)) == []


def test_a_step_that_leads_to_itself_is_a_loop() -> None:
    steps = (Email("a", "a"), Branch("b", (Case(ALWAYS, "b"),), "end", passes=9))
    assert told(*steps) == [("the loop b → b can turn in less than 1h", ("steps", 1, "key"))]


def test_the_quickest_way_round_counts_even_when_another_waits_long() -> None:
    steps = (
        Email("a", "a", passes=3),
        Branch("b", (Case(ALWAYS, "c"),), "a", passes=3),
        Wait("c", DAY, next="a", passes=3),
    )
    assert told(*steps) == [("the loop a → b → a can turn in less than 1h", ("steps", 0, "key"))]


@pytest.mark.parametrize(
    "wait",
    [
        # A weekday or a time may have come already.
        Wait("b", days=frozenset({2}), at=time(9), next="a", passes=3),
        # An email that could not be sent lets the wait for its click pass at once.
        WaitFor("b", 3 * DAY, Match("click", "a"), yes="end", no="a", passes=3),
        # What is waited for may happen at once.
        WaitFor("b", 3 * DAY, Match("visit"), yes="a", no="end", passes=3),
    ],
)
def test_a_wait_that_may_be_no_wait_does_not_slow_a_loop(wait: Step) -> None:
    assert len(told(Email("a", "a", passes=3), wait)) == 1


def test_the_time_out_of_a_wait_for_any_event_slows_a_loop() -> None:
    wait = WaitFor("b", 3 * DAY, Match("visit"), yes="end", no="a", passes=3)
    assert told(Email("a", "a", passes=3), wait) == []


def test_every_step_of_a_loop_says_how_often_it_may_be_met() -> None:
    steps = (Email("a", "a"), Wait("b", DAY, next="a", passes=3))
    assert told(*steps) == [
        ("the step 'a' stands in a loop and may be met only once", ("steps", 0, "key"))
    ]


def test_two_separate_loops_are_told_separately() -> None:
    steps = (
        Email("a", "a", passes=3),
        Branch("b", (Case(ALWAYS, "a"),), "c", passes=3),
        Email("c", "c", passes=3),
        Branch("d", (Case(ALWAYS, "c"),), "end", passes=3),
    )
    assert [message for message, _ in told(*steps)] == [
        "the loop a → b → a can turn in less than 1h",
        "the loop c → d → c can turn in less than 1h",
    ]


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ("x", "there is no step 'x'"),
        ("w", "the step 'w' sends no email"),
        ("late", "the email 'late' is not sent before this step"),
        ("side", "the email 'side' is not sent before this step"),
    ],
)
def test_an_answer_is_awaited_only_to_an_email_sent_before(of: str, message: str) -> None:
    steps = (
        Branch("b", (Case(ALWAYS, "side"),)),
        Email("a", "a"),
        Wait("w", DAY),
        WaitFor("answer", DAY, Match("click", of)),
        Email("late", "late", next="end"),
        Email("side", "side"),
    )
    assert told(*steps) == [(message, ("steps", 3, "wait_for", "of"))]


def test_a_wait_for_an_open_says_where_unknowable_goes_and_no_other_wait_does() -> None:
    opened = WaitFor("b", DAY, Match("open", "a"))
    clicked = WaitFor("b", DAY, Match("click", "a"), unknowable="end")
    assert [place for _, place in told(Email("a", "a"), opened)] == [("steps", 1, "wait_for")]
    assert [place for _, place in told(Email("a", "a"), clicked)] == [
        ("steps", 1, "wait_for", "unknowable")
    ]


def test_a_sequence_that_sends_nothing_is_refused_but_one_that_leads_on_is_not() -> None:
    assert told(Wait("a", DAY)) == [("this sequence can send nothing", ("steps",))]
    assert told(Exit("a", "x"), Email("b", "b"))[-1] == (
        "this sequence can send nothing",
        ("steps",),
    )
    assert told(Wait("a", DAY), MoveTo("b", "other")) == []


def test_the_least_time_to_a_step_is_that_of_the_quickest_way() -> None:
    steps = (
        Branch("a", (Case(ALWAYS, "c"),)),
        Wait("b", DAY),
        Wait("c", HOUR),
        Email("d", "d", next="end"),
        Email("e", "e"),
    )
    assert minimum_time(sequence(*steps)) == {
        "a": timedelta(),
        "b": timedelta(),
        "c": timedelta(),
        "d": HOUR,
    }
    assert Graph(sequence(*steps)).beyond("b") == {"c", "d"}


def test_a_long_chain_of_branches_is_checked_without_trying_every_way() -> None:
    steps = [Branch(f"s{n}", (Case(ALWAYS, f"s{n + 1}"),), f"s{min(n + 2, 60)}") for n in range(60)]
    assert told(*steps, Email("s60", "a")) == []
