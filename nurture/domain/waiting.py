"""When the wait of a step ends, and what keeps an email from leaving now."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from nurture.domain.caps import cap_release
from nurture.domain.contact import Contact, Value
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import Email, Sequence, Wait, WaitUntil
from nurture.domain.timing import at_local, jitter, next_open, next_weekday
from nurture.domain.zones import zone_of, zone_source

WINDOW = "window"
HOLIDAY = "holiday"
CAP = "cap"

ONE_DAY = timedelta(days=1)
ALL_DAYS = frozenset(range(1, 8))
# So far from the ends of the calendar a date has to be: it is shown in every time zone there is.
MARGIN = timedelta(days=3)
FIRST = datetime.min.replace(tzinfo=UTC) + MARGIN
LAST = datetime.max.replace(tzinfo=UTC) - MARGIN


def wait_ends(
    step: Wait, contact: Contact, sequence: Sequence, now: datetime
) -> tuple[datetime, str]:
    """Return when a plain wait that begins `now` ends, and whose clock was asked."""
    due = now + step.duration
    if step.at is None and not step.days:
        return due, ""
    zone = zone_of(contact, sequence)
    days = step.days or ALL_DAYS
    # Without a time of day, the hour at which the duration ends will do on a named day.
    if step.at is not None or due.astimezone(zone).isoweekday() not in days:
        due = next_weekday(days, step.at or time(0), zone, due)
    return due, zone_source(contact, sequence)


def date_comes(
    step: WaitUntil, contact: Contact, run: Enrollment, sequence: Sequence
) -> tuple[datetime | None, str]:
    """Return the instant that `step` waits for, None without such a date; and whose clock."""
    named = contact.fields.get(step.field) if step.field else run.properties.get(step.property)
    zone = zone_of(contact, sequence)
    return date_instant(named, step.offset, step.at, zone), zone_source(contact, sequence)


def date_instant(
    value: Value, offset: timedelta, at: time | None, zone: ZoneInfo
) -> datetime | None:
    """Return the instant of an ISO 8601 date or date-time ± `offset`; None when it is no date.

    Without an offset of its own a date-time is local to `zone`, and a date begins at local
    midnight. Whole days keep the local time of day across a change of clocks; anything else is
    time that passes. `at` puts the result at that local time of the same day. What lies at an end
    of the calendar is no date: not every time zone could show it.
    """
    if not isinstance(value, str):
        return None
    try:
        found = _moved(_instant(value, zone), offset, at, zone)
    except (ValueError, OverflowError):
        return None
    return found if FIRST <= found <= LAST else None


def _moved(instant: datetime, offset: timedelta, at: time | None, zone: ZoneInfo) -> datetime:
    if offset % ONE_DAY:
        instant, offset = instant + offset, timedelta()
    if at is None and not offset:
        return instant
    local = instant.astimezone(zone).replace(tzinfo=None) + offset
    return at_local(local.date(), local.time() if at is None else at, zone)


def _instant(value: str, zone: ZoneInfo) -> datetime:
    text = value.strip()
    try:
        return at_local(date.fromisoformat(text), time(0), zone)
    except ValueError:
        found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else at_local(found.date(), found.time(), zone)


@dataclass(frozen=True, slots=True)
class Delay:
    """What keeps an email from leaving: why, until when, whose clock; or that it never will."""

    reason: str
    release: datetime
    zone: str = ""
    forgone: bool = False


def delay(
    sequence: Sequence, contact: Contact, step: Email, now: datetime, since: datetime | None
) -> Delay | None:
    """Return what keeps the email of `step` from leaving `now`, None when nothing does.

    The release is the first instant that the window and every cap allow. `since` is when the
    email was first held; one that a cap would hold longer than its `shift` is forgone. What is
    transactional knows no caps, and no window but one of the sequence's own.
    """
    zone = zone_source(contact, sequence)
    caps = () if step.topic in sequence.transactional else sequence.caps
    free, cap = cap_release(caps, contact.mailed, now)
    release = opening(sequence, contact, step, free)
    if release <= now:
        return None
    if cap is None:
        return Delay(_why_closed(sequence, contact, free), release, zone)
    return Delay(CAP, release, zone, forgone=release - (since or now) > cap.shift)


def _why_closed(sequence: Sequence, contact: Contact, now: datetime) -> str:
    """Return whether it is holidays that keep the window from opening sooner, or its hours."""
    window, zone = sequence.window, zone_of(contact, sequence)
    closed = next_open(window, zone, now, sequence.holidays)
    return HOLIDAY if next_open(window, zone, now) < closed else WINDOW


def opening(sequence: Sequence, contact: Contact, step: Email, now: datetime) -> datetime:
    """Return when `step` may be mailed to `contact`: `now`, or the next opening with its jitter.

    Nobody is mailed at the very stroke of an opening hour together with everybody else: the
    delay inside `sequence.spread` is a hash of the contact and the step.
    """
    if not sequence.waits_for_window(step):
        return now
    zone = zone_of(contact, sequence)
    release = next_open(sequence.window, zone, now, sequence.holidays)
    if release <= now:
        return now
    late = release + jitter(sequence.spread, contact.id, sequence.key, step.key)
    return next_open(sequence.window, zone, late, sequence.holidays)
