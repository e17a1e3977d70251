"""When something may happen: send windows, weekday times, holidays, daylight saving, jitter."""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# A window that a holiday list never opens is a mistake the check refuses; this bounds the
# search all the same, so that a wrong definition cannot spin.
SEARCH_DAYS = 400


@dataclass(frozen=True, slots=True)
class Window:
    """Local hours in which mail may go: ISO weekdays (1 = Monday), from `start` up to `end`.

    `end` at or before `start` means the window runs overnight and belongs to the day it
    starts on. `start == end` is the whole day.
    """

    days: frozenset[int]
    start: time
    end: time


ANY_TIME = Window(frozenset(range(1, 8)), time(0), time(0))


def at_local(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the UTC instant at which local clocks show `day` `clock`.

    A time that daylight saving skips becomes the first valid instant after the gap; a time
    that happens twice is the first of the two (PEP 495, fold=0).
    """
    naive = datetime.combine(day, clock.replace(fold=0))
    instant = naive.replace(tzinfo=zone).astimezone(UTC)
    if _shown(instant, zone) == naive:
        return instant
    # In a gap the two folds carry the offsets of its two sides, so that the instants they name
    # lie before and after the jump. Between them local clocks only move forward.
    before = naive.replace(tzinfo=zone, fold=1, microsecond=0).astimezone(UTC)
    seconds = range(int((instant - before).total_seconds()) + 1)
    jump = bisect_right(
        seconds, naive, key=lambda second: _shown(before + timedelta(seconds=second), zone)
    )
    return before + timedelta(seconds=jump)


def _shown(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return what local clocks show at `instant`, without the zone."""
    return instant.astimezone(zone).replace(tzinfo=None)


def next_open(
    window: Window, zone: ZoneInfo, at: datetime, holidays: frozenset[date] = frozenset()
) -> datetime:
    """Return `at` when the window is open then, else the first instant at which it opens.

    A window counts for the day it starts on: an overnight window that starts before a
    holiday still runs into it, and none starts on one. Raises ValueError when nothing opens
    within SEARCH_DAYS.
    """
    local_day = at.astimezone(zone).date()
    for ahead in range(-1, SEARCH_DAYS):
        day = local_day + timedelta(days=ahead)
        if day.isoweekday() not in window.days or day in holidays:
            continue
        opens, closes = _span(window, zone, day)
        # A window that lies within a daylight saving gap is empty that day: it opens as it closes.
        if max(at, opens) < closes:
            return max(at, opens)
    raise ValueError(f"the window never opens within {SEARCH_DAYS} days of {at:%Y-%m-%d}")


@lru_cache(maxsize=4096)
def _span(window: Window, zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    """Return when the window of a day opens and closes: the same for everybody in the zone."""
    overnight = window.end <= window.start
    last = day + timedelta(days=1) if overnight else day
    return at_local(day, window.start, zone), at_local(last, window.end, zone)


def next_weekday(days: frozenset[int], clock: time, zone: ZoneInfo, after: datetime) -> datetime:
    """Return the first instant at or after `after` on one of the ISO weekdays at `clock`."""
    local_day = after.astimezone(zone).date()
    for ahead in range(15):
        day = local_day + timedelta(days=ahead)
        if day.isoweekday() in days:
            instant = at_local(day, clock, zone)
            if instant >= after:
                return instant
    raise ValueError("no weekday is named")


def share(*parts: object) -> float:
    """Return a number in [0, 1) that depends on `parts` alone, evenly spread.

    Every choice that looks random is made from this, so that it can be repeated and shown.
    """
    text = "|".join(str(part) for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    # 53 bits are what a float holds; with more, the largest would be rounded up to 1.
    return (int.from_bytes(digest) >> 11) / 2**53


def jitter(spread: timedelta, *parts: object) -> timedelta:
    """Return a delay in [0, spread) that is always the same for the same `parts`."""
    return timedelta(seconds=int(spread.total_seconds() * share("jitter", *parts)))
