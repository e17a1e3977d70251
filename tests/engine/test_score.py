"""When a score has to be looked at again: always later than now, and never for ever."""

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.campaigns.parse import parse_funnel
from nurture.domain.scoring import Entry, engagement
from nurture.engine.score import next_crossing
from tests.engine.world import DAY, FUNNEL, MINUTE, NOW

FUNNEL_NOW = parse_funnel(FUNNEL)


def entry(number: int, points: float, age: timedelta) -> Entry:
    return Entry("click", 1, "all", points, NOW - age, f"click:{number}")


def score(entries: list[Entry], now: Any = NOW) -> float:
    return engagement(entries, FUNNEL_NOW.groups, FUNNEL_NOW.limits, now).total


ENTRIES = st.lists(
    st.tuples(st.floats(-30, 30), st.integers(-5, 200)).map(
        lambda pair: (pair[0], timedelta(hours=pair[1]))
    ),
    max_size=6,
).map(lambda pairs: [entry(number, *pair) for number, pair in enumerate(pairs)])


@settings(max_examples=60)
@given(ENTRIES)
def test_the_next_look_lies_ahead_so_that_looking_makes_progress(entries: list[Entry]) -> None:
    moment = next_crossing(FUNNEL_NOW, entries, score(entries), NOW)
    assert moment is None or moment > NOW


@settings(max_examples=40)
@given(ENTRIES)
def test_looking_at_each_moment_comes_to_an_end(entries: list[Entry]) -> None:
    moment, looks = NOW, 0
    while True:
        following = next_crossing(FUNNEL_NOW, entries, score(entries, moment), moment)
        if following is None:
            break
        moment, looks = following, looks + 1
        assert looks < 60


def test_at_the_moment_of_the_look_the_threshold_has_been_crossed() -> None:
    entries = [entry(1, 20, timedelta())]
    first = next_crossing(FUNNEL_NOW, entries, 20.0, NOW)
    assert first is not None
    assert NOW < first <= NOW + 2 * MINUTE
    second = next_crossing(FUNNEL_NOW, entries, score(entries, first), first)
    assert second is not None
    assert score(entries, second) < 15 <= score(entries, second - 2 * MINUTE)


def test_without_points_nothing_is_awaited() -> None:
    assert next_crossing(FUNNEL_NOW, [], 0.0, NOW) is None


def test_points_from_a_clock_ahead_are_awaited() -> None:
    ahead = [entry(1, 5, -DAY)]
    assert next_crossing(FUNNEL_NOW, ahead, 0.0, NOW) == NOW + DAY
