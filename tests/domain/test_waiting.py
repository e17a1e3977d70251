"""Waits for a date: whatever a field holds, the run waits for one instant or takes a way on."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.contact import Value
from nurture.domain.enrollment import Reconsider, Take, TimerFired, Waiting, WaitUntil

from nurture.domain.sequence import Email, WaitUntil as UntilDate  # isort: skip
from nurture.domain.timing import at_local
from nurture.domain.waiting import date_instant
from tests.domain.build import ANA, DAY, HOUR, MINUTE, NOW, Story, a_sequence, an_enrollment

NEW_YORK = ZoneInfo("America/New_York")
SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
zones = st.sampled_from(
    [NEW_YORK, SAIGON, ZoneInfo("Europe/Paris"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]
)
# Near the changes of clocks as well, where mistakes live.
days = st.dates(date(2026, 1, 1), date(2027, 12, 31)) | st.sampled_from(
    [date(2026, 3, 8), date(2026, 11, 1), date(2026, 3, 29), date(2026, 10, 25), date(2026, 10, 4)]
)
clocks = st.times().map(lambda one: one.replace(second=0, microsecond=0))
offsets = st.integers(-400, 400).map(lambda number: number * DAY)
anything = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.tuples(st.text()) | st.datetimes().map(str) | st.dates().map(str)
)  # fmt: skip


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(days, offsets, clocks | st.none(), zones)
def test_whole_days_before_or_after_a_date_keep_the_local_time(
    day: date, offset: timedelta, at: time | None, zone: ZoneInfo
) -> None:
    found = date_instant(day.isoformat(), offset, at, zone)
    assert found == at_local(day + offset, at or time(0), zone)


@given(days, clocks, zones, st.integers(-2000, 2000))
def test_hours_before_or_after_an_instant_are_time_that_passes(
    day: date, clock: time, zone: ZoneInfo, hours: int
) -> None:
    offset = hours * HOUR
    if not offset % DAY:
        offset += HOUR
    written = datetime.combine(day, clock).isoformat()
    found = date_instant(written, offset, None, zone)
    assert found == at_local(day, clock, zone) + offset


@given(days, st.times(), zones, zones)
def test_an_instant_with_an_offset_of_its_own_is_that_instant_on_every_clock(
    day: date, clock: time, written_in: ZoneInfo, zone: ZoneInfo
) -> None:
    instant = datetime.combine(day, clock, UTC)
    written = instant.astimezone(written_in).isoformat()
    assert date_instant(written, timedelta(), None, zone) == instant


@given(anything, st.timedeltas(), clocks | st.none(), zones)
def test_whatever_a_field_holds_is_an_instant_or_no_date(
    value: Any, offset: timedelta, at: time | None, zone: ZoneInfo
) -> None:
    found = date_instant(value, offset, at, zone)
    assert found is None or (found.tzinfo is UTC and isinstance(value, str))


@pytest.mark.parametrize(
    ("value", "offset", "at", "zone", "expected"),
    [
        ("2027-03-01", -7 * DAY, time(9), SAIGON, "2027-02-22T02:00"),
        (" 2027-03-01 ", timedelta(), None, SAIGON, "2027-02-28T17:00"),
        ("2027-03-01T15:00:00+00:00", -2 * HOUR, None, SAIGON, "2027-03-01T13:00"),
        ("2027-03-01T15:00", timedelta(), None, SAIGON, "2027-03-01T08:00"),
        ("2026-03-08", timedelta(), time(2, 30), NEW_YORK, "2026-03-08T07:00"),
        ("2026-11-01", timedelta(), time(1, 30), NEW_YORK, "2026-11-01T05:30"),
        ("2026-03-07T12:00", DAY, None, NEW_YORK, "2026-03-08T16:00"),
        ("2026-03-07T12:00", 24 * HOUR + MINUTE, None, NEW_YORK, "2026-03-08T17:01"),
        ("2028-02-29", 365 * DAY, None, SAIGON, "2029-02-27T17:00"),
        ("9999-12-31", -7 * DAY, time(9), SAIGON, "9999-12-24T02:00"),
    ],
    ids=[
        "a week before, at nine", "a date begins at midnight", "an instant of its own zone",
        "a local time", "in a gap", "the first of two", "a day across a gap",
        "hours across a gap", "a leap day", "the last year",
    ],
)  # fmt: skip
def test_a_date_has_one_instant(
    value: str, offset: timedelta, at: time | None, zone: ZoneInfo, expected: str
) -> None:
    assert date_instant(value, offset, at, zone) == utc(expected)


NO_DATES: list[Value] = [
    None, "", " ", "soon", "31/12/2026", "2026-02-30", "2026-13-01", 20260301, 1.5, True,
    ("2026-03-01",), "0001-01-01", "9999-12-31T23:59", "10000-01-01",
    "9999-12-31T23:59:59+00:00", "0001-01-02T00:00:00+00:00",
]  # fmt: skip

RENEWAL = UntilDate(
    "wait", "renewal", offset=-7 * DAY, at=time(9), past="late", missing="unknown", next="remind"
)  # fmt: skip
STEPS = (RENEWAL, Email("remind", "remind"), Email("late", "late"), Email("unknown", "unknown"))
SEQUENCE = a_sequence(*STEPS, fallback_zone="UTC")


def story(value: Value, steps: Any = SEQUENCE) -> Story:
    told = Story(steps, replace(ANA, fields={"renewal": value}))
    told.enter()
    return told


@pytest.mark.parametrize("value", NO_DATES, ids=repr)
def test_what_is_no_date_takes_the_way_for_a_missing_one(value: Value) -> None:
    # Before the first year or after the last there is nothing to wait for.
    early = a_sequence(replace(RENEWAL, offset=-400 * DAY), *STEPS[1:], fallback_zone="UTC")
    late = a_sequence(replace(RENEWAL, offset=400 * DAY), *STEPS[1:], fallback_zone="UTC")
    steps = late if str(value).startswith("9999") else early
    told = story(value, steps)
    assert told.sent == [("unknown", 1)]
    assert any(isinstance(one, Take) and one.path == "missing" for one in told.log)


def test_a_date_in_the_past_takes_its_way_and_one_to_come_is_waited_for() -> None:
    assert story("2026-03-05").sent == [("late", 1)]
    assert story("2026-03-09").sent == [("late", 1)]  # A week before is this very moment.
    told = story("2026-03-10")
    assert told.run.state == Waiting(NOW + DAY)
    (waits,) = [one for one in told.log if isinstance(one, WaitUntil)]
    assert waits.zone == "account"
    told.sleep()
    assert (told.sent, told.now) == ([("remind", 1)], NOW + DAY)


def test_the_date_of_the_event_that_began_the_run_is_waited_for() -> None:
    step = UntilDate("wait", property="starts_at", offset=-HOUR, next="remind")
    sequence = a_sequence(step, *STEPS[1:], fallback_zone="UTC")
    run = replace(an_enrollment(), properties={"starts_at": "2026-03-04T18:00:00+07:00"})
    told = Story(sequence, ANA, run)
    told.enter()
    assert told.run.state == Waiting(utc("2026-03-04T10:00"))


def test_a_date_that_moves_moves_the_wait() -> None:
    told = story("2026-03-20")
    for value, due in (("2026-03-25", NOW + 16 * DAY), ("2026-03-15", NOW + 6 * DAY)):
        told.contact = replace(ANA, fields={"renewal": value})
        told.tell(Reconsider(), HOUR)
        assert told.run.state == Waiting(due)
    told.contact = replace(ANA, fields={"renewal": "2026-04-20"})
    # Nobody told the run: it looks again when its timer comes, and goes on waiting.
    told.sleep()
    assert told.run.state == Waiting(utc("2026-04-13T09:00"))
    assert told.sent == []
    told.contact = ANA
    told.tell(Reconsider(), HOUR)
    assert told.sent == [("unknown", 1)]


def test_a_date_that_moves_into_the_past_takes_the_way_of_the_past_once() -> None:
    told = story("2026-03-20")
    told.contact = replace(ANA, fields={"renewal": "2026-03-01"})
    told.tell(Reconsider(), HOUR)
    told.tell(Reconsider(), HOUR)
    told.tell(TimerFired(), HOUR)
    assert told.sent == [("late", 1)]


def test_the_same_date_told_again_changes_nothing() -> None:
    told = story("2026-03-20")
    before = told.run
    told.tell(Reconsider(), HOUR)
    assert told.run == before


def test_the_companys_clock_tells_when_a_date_begins() -> None:
    told = Story(
        SEQUENCE, replace(ANA, fields={"renewal": "2026-03-20"}, company_timezone="Asia/Tokyo")
    )
    told.enter()
    assert told.run.state == Waiting(utc("2026-03-13T00:00"))
    (waits,) = [one for one in told.log if isinstance(one, WaitUntil)]
    assert waits.zone == "company"
