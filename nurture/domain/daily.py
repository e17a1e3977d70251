"""A day's maximum of a contact: how much is too much, and when the rest of it may go."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from nurture.domain.contact import Contact
from nurture.domain.sequence import Email, Sequence
from nurture.domain.timing import at_local, jitter
from nurture.domain.waiting import opening
from nurture.domain.zones import UTC_ZONE, zone_named

DAILY = "daily maximum"
CONTACT_DAILY = "daily maximum of the contact"
# What is held over to the next day does not leave at the stroke of midnight.
SPREAD = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class AccountDay:
    """A day as the account's clock counts it: from local midnight up to the next."""

    begins: datetime
    ends: datetime


def account_day(timezone: str, now: datetime) -> AccountDay:
    """Return the day of an account in `timezone` (IANA) that `now` lies in; UTC for no zone."""
    zone = zone_named(timezone) or UTC_ZONE
    today = now.astimezone(zone).date()
    ends = at_local(today + timedelta(days=1), time(0), zone)
    return AccountDay(at_local(today, time(0), zone), ends)


def held_over(sequence: Sequence, contact: Contact, step: str, day: AccountDay) -> datetime:
    """Return when an email that the maximum of `day` keeps back is tried again.

    That is in the first hour of the next day by a hash, or when its window opens after that.
    """
    late = day.ends + jitter(SPREAD, contact.id, step)
    email = sequence.by_key.get(step)
    if not isinstance(email, Email):
        return late  # Not in this version any more: the next look says so.
    return opening(sequence, contact, email, late)
