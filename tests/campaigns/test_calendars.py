"""Holidays by the calendar of a country: the right days, and a word for whoever mistypes one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from nurture.campaigns.calendars import days_off
from nurture.campaigns.parse import parse_funnel, parse_sequence
from nurture.campaigns.rules import check_entry, check_funnel
from nurture.campaigns.yaml_text import load
from nurture.domain.timing import next_open
from nurture.domain.zones import zone_named
from nurture.errors import Invalid
from tests.campaigns import samples

FUNNEL: Any = load(samples.FUNNEL, "funnel.yaml").document
WELCOME: Any = load(samples.SEQUENCE, "welcome.yaml").document

# The first day of the lunar year, by the almanac.
NEW_YEARS = [
    date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6), date(2028, 1, 26),
    date(2030, 2, 2), date(2033, 1, 31), date(2040, 2, 12), date(2050, 1, 23),
]  # fmt: skip


def with_calendars(*calendars: Any, **more: Any) -> dict[str, Any]:
    return {**FUNNEL, "calendars": list(calendars), **more}


@pytest.mark.parametrize("day", NEW_YEARS, ids=str)
def test_nothing_goes_out_at_the_lunar_new_year(day: date) -> None:
    found = parse_funnel(with_calendars("VN")).holidays
    # The eve and the second day at the least; how many more there are differs from year to year.
    assert {day - timedelta(days=1), day, day + timedelta(days=1)} <= found
    assert day + timedelta(days=30) not in found


def test_a_calendar_goes_together_with_days_of_ones_own() -> None:
    own = parse_funnel(with_calendars("VN", holidays=["2027-02-18"])).holidays
    assert own == days_off("VN") | {date(2027, 2, 18)}
    assert date(2027, 9, 2) in own
    assert parse_funnel({**FUNNEL, "holidays": ["2027-02-18"]}).holidays == {date(2027, 2, 18)}
    assert parse_funnel(FUNNEL).holidays == frozenset()


def test_a_part_of_a_country_has_days_of_its_own() -> None:
    epiphany = date(2027, 1, 6)
    assert epiphany in parse_funnel(with_calendars("DE-BY")).holidays
    assert epiphany not in parse_funnel(with_calendars("de")).holidays


def test_a_sequence_keeps_the_calendar_of_the_funnel() -> None:
    document = with_calendars("VN", window={"from": "08:00", "to": "11:00"})
    sequence = parse_sequence(WELCOME, funnel=parse_funnel(document))
    zone = zone_named("Asia/Ho_Chi_Minh")
    assert zone is not None
    eve = datetime(2027, 2, 4, 4, 0, tzinfo=UTC)
    found = next_open(sequence.window, zone, eve, sequence.holidays)
    assert found.astimezone(zone).isoformat() == "2027-02-11T08:00:00+07:00"


@pytest.mark.parametrize(
    ("named", "remedy"),
    [
        ("VNM-1", "such as VN or US"),
        ("Vietnam", "such as VN or US"),
        ("", "such as VN or US"),
        (7, "such as VN or US"),
        ("VN-HN", "Write VN: its parts have no calendars"),
        ("DE-XX", "DE-BY"),
    ],
)
def test_an_unknown_calendar_is_refused_with_a_remedy(named: object, remedy: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_funnel(with_calendars("VN", named))
    (problem,) = caught.value.problems
    assert problem.message == f"there is no holiday calendar {named!r}"
    assert remedy in problem.remedy
    assert problem.field == "calendars[1]"


def test_holidays_that_close_the_window_for_a_year_are_refused() -> None:
    mondays = [date(2027, 1, 4) + timedelta(weeks=week) for week in range(60)]
    written = [one.isoformat() for one in mondays]
    window = {"days": ["mon"], "from": "08:00", "to": "11:00"}
    funnel = parse_funnel({**FUNNEL, "window": window, "holidays": written})
    told = "the holidays keep the window closed for more than a year"
    assert told in {one.message for one in check_funnel(funnel)}
    sequence = parse_sequence(WELCOME, funnel=funnel)
    assert told in {one.message for one in check_entry(sequence)}
    fewer = parse_funnel({**FUNNEL, "window": window, "holidays": written[:40]})
    assert told not in {one.message for one in check_funnel(fewer)}
