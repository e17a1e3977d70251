"""Engagement: the ledger, its limits, caps, decay and compensation."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.contact import Verdict
from nurture.domain.scoring import (
    HORIZON,
    PRECISION,
    Entry,
    Group,
    Limit,
    ScoreRule,
    award,
    compensate,
    engagement,
    falls_below,
)
from tests.domain.build import DAY, HOUR, MINUTE, NOW, an_occurrence

GROUPS = {
    "email": Group("email", cap=50, half_life=14 * DAY),
    "web": Group("web", cap=None, half_life=7 * DAY),
    "taken": Group("taken", cap=None, half_life=2 * DAY),
    "lasting": Group("lasting", cap=20, half_life=None),
}
LIMITS = {"open": Limit(2, DAY), "click": Limit(1, HOUR)}


def an_entry(
    points: float = 10, age: timedelta = timedelta(), group: str = "email", rule: str = "click"
) -> Entry:
    at = NOW - age
    return Entry(rule, 1, group, points, at, f"{rule}:{at:%d%H%M%S}:{points}")


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[Entry, ...]:
    entries = []
    for number in range(draw(st.integers(0, 12))):
        entry = Entry(
            rule=draw(st.sampled_from(["open", "click", "visit"])),
            rule_version=1,
            group=draw(st.sampled_from([*GROUPS, "forgotten"])),
            points=draw(st.sampled_from([-20, -3, 0.1, 1, 7, 30])),
            occurred_at=NOW + MINUTE * draw(st.integers(-60 * 24 * 20, 60 * 24)),
            dedupe_key=f"k{number}",
        )
        entries.append(entry)
        if draw(st.booleans()) and draw(st.booleans()):
            entries.append(compensate(entry))
    return tuple(entries)


def points(entries: Sequence[Entry], later: timedelta = timedelta()) -> float:
    return engagement(entries, GROUPS, LIMITS, NOW + later).total


@given(ledgers())
def test_the_parts_sum_to_the_number_shown(entries: tuple[Entry, ...]) -> None:
    score = engagement(entries, GROUPS, LIMITS, NOW)
    assert score.total == math.fsum(group.total for group in score.groups)
    for group in score.groups:
        assert group.raw == math.fsum(part.now for part in group.parts)
        cap = group.group.cap
        assert group.total == (group.raw if cap is None else min(cap, group.raw))
        assert group.capped == (group.total != group.raw)
    parts = [part.entry for group in score.groups for part in group.parts]
    known = [entry for entry in entries if entry.occurred_at <= NOW]
    assert sorted(map(str, parts)) == sorted(map(str, known))


@given(ledgers(), st.randoms(use_true_random=False))
def test_the_order_of_writing_does_not_matter(entries: tuple[Entry, ...], random: object) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert engagement(shuffled, GROUPS, LIMITS, NOW) == engagement(entries, GROUPS, LIMITS, NOW)


@given(ledgers(), st.data())
def test_compensation_takes_back_exactly(entries: tuple[Entry, ...], data: st.DataObject) -> None:
    kept = [one for one in entries if not one.compensates]
    kept = [one for one in kept if f"undo:{one.dedupe_key}" not in {e.dedupe_key for e in entries}]
    extra = an_entry(points=0.3, age=MINUTE * data.draw(st.integers(0, 60 * 24 * 20)))
    assert points([*kept, extra, compensate(extra)]) == points(kept)


@given(ledgers())
def test_no_group_exceeds_its_cap(entries: tuple[Entry, ...]) -> None:
    for group in engagement(entries, GROUPS, LIMITS, NOW).groups:
        assert group.group.cap is None or group.total <= group.group.cap


@given(st.lists(st.integers(0, 60 * 72), max_size=15))
def test_no_period_holds_more_than_its_limit_and_none_is_wasted(minutes: list[int]) -> None:
    entries = [
        Entry("open", 1, "web", 1, NOW - MINUTE * ago, f"{number:02}:{ago}")
        for number, ago in enumerate(minutes)
    ]
    score = engagement(entries, GROUPS, LIMITS, NOW)
    parts = [part for group in score.groups for part in group.parts]
    counted = sorted(part.entry.occurred_at for part in parts if not part.limited)
    for first, third in zip(counted, counted[2:], strict=False):
        assert third - first >= DAY
    for part in parts:
        if part.limited:
            assert part.now == 0
            at = part.entry.occurred_at
            assert sum(timedelta(0) <= at - one < DAY for one in counted) == 2


def test_points_halve_with_every_half_life() -> None:
    entry = an_entry(10)
    assert [points([entry], 14 * DAY * n) for n in range(4)] == [10, 5, 2.5, 1.25]


def test_a_group_without_a_half_life_does_not_decay() -> None:
    assert points([an_entry(10, group="lasting")], 1000 * DAY) == 10


def test_a_cap_is_for_the_group_and_is_shown() -> None:
    entries = [an_entry(30), an_entry(30, 2 * HOUR), an_entry(5, group="web", rule="visit")]
    score = engagement(entries, GROUPS, {}, NOW)
    email, web = score.groups
    assert (email.capped, web.capped, score.total) == (True, False, 55)


def test_a_group_the_funnel_no_longer_has_keeps_its_points() -> None:
    assert points([an_entry(10, 900 * DAY, group="forgotten")]) == 10


def test_a_future_entry_counts_once_its_time_has_come() -> None:
    entry = an_entry(10, -HOUR)
    assert (points([entry]), points([entry], HOUR)) == (0, 10)


def test_an_entry_taken_back_leaves_its_place_in_the_limit() -> None:
    first, second = an_entry(10, 20 * MINUTE, "lasting"), an_entry(5, 10 * MINUTE, "lasting")
    assert points([first, second]) == 10
    assert points([first, second, compensate(first)]) == 5


def test_taking_back_the_taking_back_restores_the_entry_and_its_place() -> None:
    first, second = an_entry(10, 20 * MINUTE, "lasting"), an_entry(5, 10 * MINUTE, "lasting")
    undo = compensate(first)
    assert points([first, second, undo, compensate(undo)]) == 10


RULES = (
    ScoreRule("open", "open", 1, "email"),
    ScoreRule("pricing", "visit", 10, "web", where={"page": "*/pricing*"}),
    ScoreRule("visit", "visit", 2, "web"),
)


def test_an_occurrence_earns_by_every_rule_that_matches() -> None:
    visit = an_occurrence("visit", properties={"page": "/Pricing?x=1"}, id=5, dedupe_key="v5")
    first, second = award(visit, RULES, version=3)
    assert (first.rule, first.points, first.dedupe_key) == ("pricing", 10, "pricing:v5")
    assert (second.rule, second.rule_version, second.event_id) == ("visit", 3, 5)
    assert award(replace(visit, dedupe_key=""), RULES, 3)[1].dedupe_key == "visit:5"


@pytest.mark.parametrize("verdict", [Verdict.MACHINE, Verdict.UNKNOWN])
def test_what_no_person_did_earns_nothing(verdict: Verdict) -> None:
    assert award(an_occurrence("open", verdict=verdict), RULES, 1) == ()


def test_a_fall_is_found_to_the_minute() -> None:
    entries = [an_entry(40)]
    found = falls_below(entries, GROUPS, LIMITS, 10, NOW)
    assert found is not None
    assert timedelta(0) < found - (NOW + 28 * DAY) <= PRECISION


def test_a_score_that_lies_below_already_does_not_fall() -> None:
    assert falls_below([an_entry(5)], GROUPS, LIMITS, 10, NOW) is None


def test_a_score_that_does_not_decay_does_not_fall() -> None:
    assert falls_below([an_entry(15, group="lasting")], GROUPS, LIMITS, 10, NOW) is None
    assert points([an_entry(15, group="lasting")], HORIZON) == 15


def test_the_cap_delays_the_fall() -> None:
    entries = [an_entry(40), an_entry(60, HOUR, rule="visit")]
    found = falls_below(entries, GROUPS, LIMITS, 50, NOW)
    assert found is not None
    assert points(entries, found - NOW - PRECISION) == 50
    assert points(entries, found - NOW) < 50


def test_the_first_fall_is_found_though_the_score_recovers() -> None:
    # The web points halve in a week, the points taken away in two days: the sum dips, and then
    # the points taken away are forgotten first.
    groups = {"web": Group("web", None, 2 * DAY), "taken": Group("taken", None, 20 * DAY)}
    lasting = Group("lasting", None, None)
    entries = [
        an_entry(20, group="web", rule="visit"),
        an_entry(-9, group="taken", rule="no"),
        an_entry(10, group="lasting", rule="yes"),
    ]
    found = falls_below(entries, {**groups, "lasting": lasting}, {}, 5, NOW)
    assert found is not None
    scores = [
        engagement(entries, {**groups, "lasting": lasting}, {}, NOW + HOUR * n).total
        for n in range(24 * 100)
    ]
    first = next(n for n, score in enumerate(scores) if score < 5)
    assert scores[-1] > 5
    assert timedelta(0) <= NOW + HOUR * first - found <= HOUR


def test_a_future_entry_can_be_what_makes_the_score_fall() -> None:
    entries = [an_entry(15, group="lasting"), an_entry(-10, -3 * HOUR, "lasting", rule="no")]
    assert falls_below(entries, GROUPS, LIMITS, 10, NOW) == NOW + 3 * HOUR


@given(ledgers(), st.sampled_from([0.5, 5.0, 12.0]))
def test_the_fall_found_is_the_first(entries: tuple[Entry, ...], threshold: float) -> None:
    found = falls_below(entries, GROUPS, LIMITS, threshold, NOW)
    if points(entries) < threshold:
        assert found is None
        return
    # A dip may be shorter than what is looked for, so that the scan asks for two hours of it.
    for number in range(24 * 4):
        at = NOW + 6 * HOUR * number
        if found is not None and at >= found:
            break
        low = all(points(entries, at - NOW + HOUR * part) < threshold for part in range(3))
        assert not low, at
    if found is not None:
        assert points(entries, found - NOW) < threshold


def test_a_limit_is_free_again_when_exactly_its_period_has_passed() -> None:
    entries = [an_entry(5, 2 * HOUR, "lasting"), an_entry(5, HOUR, "lasting")]
    assert points(entries) == 10
    assert points([*entries, an_entry(5, HOUR - MINUTE, "lasting")]) == 10
