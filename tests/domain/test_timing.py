"""Windows, weekdays and local times, across daylight saving, holidays and skipped days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.timing import (
    ANY_TIME,
    Window,
    at_local,
    jitter,
    next_open,
    next_weekday,
    share,
)
from tests.domain.build import DAY, HOUR, MINUTE

NEW_YORK = ZoneInfo("America/New_York")
PARIS = ZoneInfo("Europe/Paris")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
APIA = ZoneInfo("Pacific/Apia")
ZONES = [
    NEW_YORK, PARIS, LORD_HOWE, SAIGON, APIA, ZoneInfo("Africa/Casablanca"),
    ZoneInfo("America/Sao_Paulo"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC"),
]  # fmt: skip
EVERY_DAY = frozenset(range(1, 8))
WORKDAYS = frozenset(range(1, 6))

zones = st.sampled_from(ZONES)
# Half of the instants lie near a change of offset, where mistakes live.
CHANGES = [
    datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 2, 15, 2, tzinfo=UTC), datetime(2026, 3, 22, 2, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC), datetime(2018, 11, 4, 3, tzinfo=UTC),
]  # fmt: skip
near = st.builds(
    lambda change, minutes: change + MINUTE * minutes,
    st.sampled_from(CHANGES),
    st.integers(-2 * 1440, 2 * 1440),
)
instants = near | st.integers(1_262_304_000, 1_893_456_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
clocks = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
days = st.frozensets(st.integers(1, 7), min_size=1)
windows = st.builds(Window, days, clocks, clocks)


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("day", "clock", "zone", "expected"),
    [
        (date(2026, 3, 2), time(8), SAIGON, "2026-03-02T01:00"),
        (date(2026, 3, 8), time(2), NEW_YORK, "2026-03-08T07:00"),
        (date(2026, 3, 8), time(2, 30), NEW_YORK, "2026-03-08T07:00"),
        (date(2026, 3, 8), time(2, 59), NEW_YORK, "2026-03-08T07:00"),
        (date(2026, 3, 8), time(3), NEW_YORK, "2026-03-08T07:00"),
        (date(2026, 3, 8), time(1, 59), NEW_YORK, "2026-03-08T06:59"),
        (date(2026, 11, 1), time(1, 30), NEW_YORK, "2026-11-01T05:30"),
        (date(2026, 11, 1), time(2), NEW_YORK, "2026-11-01T07:00"),
        (date(2026, 10, 25), time(2, 30), PARIS, "2026-10-25T00:30"),
        (date(2026, 10, 4), time(2, 10), LORD_HOWE, "2026-10-03T15:30"),
        (date(2026, 4, 5), time(1, 45), LORD_HOWE, "2026-04-04T14:45"),
        (date(2011, 12, 30), time(12), APIA, "2011-12-30T10:00"),
        (date(2018, 11, 4), time(0), ZoneInfo("America/Sao_Paulo"), "2018-11-04T03:00"),
    ],
    ids=[
        "plain", "start of a gap", "in a gap", "end of a gap", "after a gap", "before a gap",
        "overlap, first", "after an overlap", "Paris overlap", "half-hour gap",
        "half-hour overlap", "a day that never was", "midnight in a gap",
    ],
)  # fmt: skip
def test_a_local_time_has_one_instant(
    day: date, clock: time, zone: ZoneInfo, expected: str
) -> None:
    assert at_local(day, clock, zone) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(instants, clocks, zones)
def test_the_instant_is_the_first_that_shows_the_time_or_the_end_of_the_gap(
    near_to: datetime, clock: time, zone: ZoneInfo
) -> None:
    day = local(near_to, zone).date()
    wanted = datetime.combine(day, clock)
    found = at_local(day, clock, zone)
    assert found.tzinfo is UTC
    assert local(found, zone) >= wanted
    assert local(found - timedelta(seconds=1), zone) < wanted
    if local(found, zone) != wanted:
        step = timedelta(seconds=1)
        before, after = (at.astimezone(zone).utcoffset() for at in (found - step, found))
        assert before != after


@given(windows, zones, instants)
def test_an_opening_is_never_early_and_always_inside_the_window(
    window: Window, zone: ZoneInfo, at: datetime
) -> None:
    found = next_open(window, zone, at)
    assert found >= at
    shown = local(found, zone)
    overnight = window.end <= window.start
    starts = [shown.date()] if not overnight else [shown.date(), shown.date() - DAY]
    assert any(
        start.isoweekday() in window.days
        and at_local(start, window.start, zone) <= found
        and found < at_local(start + DAY if overnight else start, window.end, zone)
        for start in starts
    )
    assert next_open(window, zone, found) == found


@given(windows, zones, instants, st.integers(0, 7 * 96))
def test_no_opening_is_passed_over(
    window: Window, zone: ZoneInfo, at: datetime, quarters: int
) -> None:
    between = at + 15 * MINUTE * quarters
    found = next_open(window, zone, at)
    assert next_open(window, zone, between) >= found
    if between < found:
        assert next_open(window, zone, between) == found


@given(windows, zones, instants, st.frozensets(st.integers(0, 20), max_size=6))
def test_no_window_starts_on_a_holiday(
    window: Window, zone: ZoneInfo, at: datetime, offsets: frozenset[int]
) -> None:
    holidays = frozenset(local(at, zone).date() + DAY * offset for offset in offsets)
    found = next_open(window, zone, at, holidays)
    day = local(found, zone).date()
    overnight = window.end <= window.start
    assert day not in holidays or (overnight and day - DAY not in holidays)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHT = Window(frozenset({5}), time(22), time(2))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-06T12:00", "2026-03-06T22:00"),
        ("2026-03-06T23:00", "2026-03-06T23:00"),
        ("2026-03-07T01:59", "2026-03-07T01:59"),
        ("2026-03-07T02:00", "2026-03-13T22:00"),
    ],
    ids=["before", "in the evening", "past midnight", "over"],
)
def test_an_overnight_window_belongs_to_the_day_it_starts_on(at: str, expected: str) -> None:
    assert next_open(NIGHT, ZoneInfo("UTC"), utc(at)) == utc(expected)


def test_a_night_before_a_holiday_runs_into_it_and_none_starts_on_it() -> None:
    every_night = Window(EVERY_DAY, time(22), time(2))
    holidays = frozenset({date(2026, 3, 7)})
    zone = ZoneInfo("UTC")
    assert next_open(every_night, zone, utc("2026-03-07T01:00"), holidays) == utc(
        "2026-03-07T01:00"
    )
    assert next_open(every_night, zone, utc("2026-03-07T03:00"), holidays) == utc(
        "2026-03-08T22:00"
    )


def test_the_same_start_and_end_is_the_whole_day() -> None:
    assert next_open(ANY_TIME, SAIGON, utc("2026-03-07T01:23")) == utc("2026-03-07T01:23")
    monday = Window(frozenset({1}), time(0), time(0))
    assert next_open(monday, SAIGON, utc("2026-03-07T01:23")) == utc("2026-03-08T17:00")


def test_a_window_within_a_gap_does_not_open_that_day() -> None:
    window = Window(EVERY_DAY, time(2, 15), time(2, 45))
    assert next_open(window, NEW_YORK, utc("2026-03-08T06:00")) == utc("2026-03-09T06:15")


def test_a_window_that_starts_in_a_gap_opens_at_its_end() -> None:
    window = Window(EVERY_DAY, time(2, 15), time(5))
    assert next_open(window, NEW_YORK, utc("2026-03-08T06:00")) == utc("2026-03-08T07:00")


def test_a_window_that_never_opens_is_an_error_not_a_spin() -> None:
    with pytest.raises(ValueError, match="never opens within 400 days of 2026-03-08"):
        next_open(Window(frozenset(), time(9), time(17)), NEW_YORK, utc("2026-03-08T06:00"))


@given(days, clocks, zones, instants)
def test_the_next_weekday_is_the_first_at_or_after(
    wanted: frozenset[int], clock: time, zone: ZoneInfo, after: datetime
) -> None:
    found = next_weekday(wanted, clock, zone, after)
    assert found >= after
    assert found - after <= 9 * DAY
    start = local(after, zone).date()
    earlier = [
        at_local(start + DAY * ahead, clock, zone)
        for ahead in range(9)
        if (start + DAY * ahead).isoweekday() in wanted
    ]
    assert found == min(one for one in earlier if one >= after)


def test_no_weekday_at_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="no weekday"):
        next_weekday(frozenset(), time(9), SAIGON, utc("2026-03-08T06:00"))


@given(st.integers(0, 10**6), st.integers(0, 10**9), st.text(max_size=5))
def test_jitter_is_always_the_same_and_inside_its_spread(
    seconds: int, contact: int, step: str
) -> None:
    spread = timedelta(seconds=seconds)
    late = jitter(spread, contact, step)
    assert late == jitter(spread, contact, step)
    assert timedelta(0) <= late < max(spread, timedelta(seconds=1))


def test_shares_are_evenly_spread() -> None:
    shares = [share("experiment", number) for number in range(4000)]
    assert all(0 <= one < 1 for one in shares)
    for tenth in range(10):
        assert 320 < sum(tenth <= one * 10 < tenth + 1 for one in shares) < 480


def test_jitter_spreads_a_crowd() -> None:
    assert len({jitter(HOUR, number) for number in range(200)}) > 180
