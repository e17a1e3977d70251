"""Intervals hold what they promise, and looking often finds nothing that is not there."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.lift import (
    Seen,
    confidence_at,
    judge,
    look_number,
    newcombe,
    wilson,
)
from nurture.domain.steps import Measure

DAY = timedelta(days=1)
MEASURE = Measure("purchase", minimum=100, confidence=0.95, stop=60 * DAY)


def test_the_interval_of_wilson_is_the_published_one() -> None:
    """81 of 263 and 15 of 148: the examples in Newcombe (1998), to their four digits."""
    one = wilson(81, 263, 0.95)
    assert (round(one.low, 4), round(one.high, 4)) == (0.2553, 0.3662)
    other = wilson(15, 148, 0.95)
    assert (round(other.low, 4), round(other.high, 4)) == (0.0624, 0.1605)


def test_the_interval_of_newcombe_is_the_published_one() -> None:
    """56 of 70 against 48 of 80 (Newcombe 1998, table II, method 10)."""
    found = newcombe(wilson(56, 70, 0.95), wilson(48, 80, 0.95))
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


def test_nobody_tells_nothing() -> None:
    assert (wilson(0, 0, 0.95).low, wilson(0, 0, 0.95).high) == (0.0, 1.0)


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0.6, 0.999))
def test_a_share_lies_in_its_interval_and_the_interval_in_0_to_1(
    contacts: int, share: float, confidence: float
) -> None:
    successes = round(contacts * share)
    found = wilson(successes, contacts, confidence)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


@pytest.mark.parametrize(
    ("contacts", "look"), [(0, 0), (99, 0), (100, 1), (199, 1), (200, 2), (399, 2), (400, 3)]
)
def test_looks_come_with_each_doubling_of_the_smallest_arm(contacts: int, look: int) -> None:
    assert look_number([contacts, 10_000], 100) == look


def test_all_looks_together_spend_no_more_error_than_is_allowed() -> None:
    spent = sum(1 - confidence_at(look, 0.95, 1) for look in range(1, 100_000))
    assert 0.0499 < spent <= 0.05
    assert 1 - confidence_at(1, 0.95, 3) == pytest.approx((1 - confidence_at(1, 0.95, 1)) / 3)


def test_an_arm_that_is_better_wins_only_when_enough_was_seen() -> None:
    few = [Seen("a", 90, 90, 5), Seen("b", 90, 90, 40)]
    assert judge(few, MEASURE, DAY).stop == ""
    many = [Seen("a", 400, 400, 20), Seen("b", 400, 400, 80)]
    found = judge(many, MEASURE, DAY)
    assert (found.stop, found.winner, found.control) == ("better", "b", "a")
    assert found.lifts[1].relative == pytest.approx(3.0)


def test_the_control_wins_when_all_others_are_worse() -> None:
    arms = [Seen("a", 400, 400, 20), Seen("rest", 400, 400, 90, hold_out=True)]
    found = judge(arms, MEASURE, DAY)
    assert (found.control, found.stop, found.winner) == ("rest", "worse", "rest")


def test_time_ends_it_without_a_winner() -> None:
    arms = [Seen("a", 50, 50, 5), Seen("b", 50, 50, 6)]
    assert judge(arms, MEASURE, 59 * DAY).stop == ""
    found = judge(arms, MEASURE, 60 * DAY)
    assert (found.stop, found.winner) == ("time", "")


def test_between_two_looks_nothing_is_concluded() -> None:
    arms = [Seen("a", 400, 400, 20), Seen("b", 400, 400, 80)]
    assert judge(arms, MEASURE, DAY, looked=3).stop == ""
    assert judge(arms, MEASURE, DAY, looked=2).stop == "better"


def test_two_equal_arms_are_seldom_told_apart_however_often_one_looks() -> None:
    """A/A tests that are asked all the time err no more often than was allowed."""
    dice = Random(20261122)  # noqa: S311 - nothing secret
    wrong, runs = 0, 300
    for _ in range(runs):
        a = b = looked = 0
        for seen in range(1, 1601):
            a += dice.random() < 0.2
            b += dice.random() < 0.2
            if seen % 25:
                continue
            arms = [Seen("a", seen, seen, a), Seen("b", seen, seen, b)]
            found = judge(arms, MEASURE, DAY, looked)
            looked = found.look
            if found.stop:
                wrong += 1
                break
    # Fifteen are allowed; three standard deviations above them would be sixteen more.
    assert wrong <= 26
