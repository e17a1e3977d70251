"""Fit and temperature."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.conditions import Compare, Op, Subject
from nurture.domain.contact import Value
from nurture.domain.fit import FitRule, Warmth, fit, temperature
from tests.domain.build import NOW, a_contact

GRADES = (("A", 60.0), ("B", 40.0), ("C", 20.0), ("D", 0.0))
RULES = (
    FitRule("industry", Compare(Subject("field", "industry"), Op.IS, "retail"), 40),
    FitRule("size", Compare(Subject("field", "size"), Op.AT_LEAST, 50), 25),
    FitRule("far", Compare(Subject("field", "country"), Op.IS, "AQ"), -30),
    FitRule(
        "rival", Compare(Subject("field", "domain"), Op.IS, "rival.example"), disqualifies=True
    ),
)


@pytest.mark.parametrize(
    ("fields", "total", "grade"),
    [
        ({}, 0, "D"),
        ({"size": "200"}, 25, "C"),
        ({"industry": "Retail"}, 40, "B"),
        ({"industry": "retail", "size": 50}, 65, "A"),
        ({"country": "AQ"}, -30, "D"),
    ],
)
def test_the_grade_follows_from_the_sum_of_the_rules_that_hold(
    fields: dict[str, Value], total: float, grade: str
) -> None:
    found = fit(a_contact(fields=fields), RULES, GRADES, NOW)
    assert (found.total, found.grade, found.disqualified) == (total, grade, False)
    assert found.total == sum(rule.points for rule in found.held)


def test_a_disqualifier_forces_the_lowest_grade_whatever_the_sum() -> None:
    fields = {"industry": "retail", "size": 50, "domain": "rival.example"}
    found = fit(a_contact(fields=fields), RULES, GRADES, NOW)
    assert (found.total, found.grade, found.disqualified) == (65, "D", True)


SCALE = (Warmth("hot", 50, 40), Warmth("warm", 20, 12), Warmth("cold", 0, 0))


@pytest.mark.parametrize(
    ("current", "points", "expected"),
    [
        ("cold", 19.9, "cold"), ("cold", 20, "warm"), ("cold", 60, "hot"),
        ("warm", 12, "warm"), ("warm", 11.9, "cold"), ("warm", 45, "warm"), ("warm", 50, "hot"),
        ("hot", 40, "hot"), ("hot", 39.9, "warm"), ("hot", 15, "warm"), ("hot", 3, "cold"),
        ("unheard of", 15, "cold"), ("", -4, "cold"),
    ],
)  # fmt: skip
def test_a_temperature_is_entered_high_and_left_low(
    current: str, points: float, expected: str
) -> None:
    assert temperature(current, points, SCALE) == expected


@given(st.sampled_from(["hot", "warm", "cold"]), st.floats(-10, 80))
def test_the_same_points_twice_give_the_same_temperature(current: str, points: float) -> None:
    once = temperature(current, points, SCALE)
    assert temperature(once, points, SCALE) == once


@given(st.lists(st.floats(40, 49.9), min_size=1))
def test_inside_the_band_nothing_flaps(points: list[float]) -> None:
    for start, seen in (("hot", {"hot"}), ("warm", {"warm"})):
        current, found = start, set()
        for value in points:
            current = temperature(current, value, SCALE)
            found.add(current)
        assert found == seen


@given(st.floats(0, 80), st.floats(0, 80))
def test_coming_down_in_two_looks_is_coming_down_in_one(one: float, other: float) -> None:
    high, low = max(one, other), min(one, other)
    for start in ("hot", "warm", "cold"):
        at_high = temperature(start, high, SCALE)
        if at_high == start:
            assert temperature(at_high, low, SCALE) == temperature(start, low, SCALE)
