"""Which time zone a contact lives in, and where that knowledge comes from."""

from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nurture.domain.contact import Contact
from nurture.domain.sequence import Sequence

UTC_ZONE = ZoneInfo("UTC")
# The field of a contact that names the time zone of their company.
COMPANY_ZONE = "company_timezone"


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """Return the IANA zone called `name`, or None when there is none."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class Clock:
    """A time zone and whose it is: contact, company, account or utc."""

    zone: ZoneInfo
    source: str


def clock_of(contact: Contact, fallback: str) -> Clock:
    """Return the contact's clock, else their company's, else that of `fallback`, else UTC.

    A name that no zone has is passed over like a missing one; `unknown_zones` tells of it. A
    country is no zone: nothing is guessed from where somebody says they are.
    """
    for source, name in (
        ("contact", contact.timezone), ("company", contact.company_timezone), ("account", fallback)
    ):  # fmt: skip
        zone = zone_named(name)
        if zone is not None:
            return Clock(zone, source)
    return Clock(UTC_ZONE, "utc")


def zone_of(contact: Contact, sequence: Sequence) -> ZoneInfo:
    """Return the zone by whose clock `sequence` reaches the contact."""
    return clock_of(contact, sequence.fallback_zone).zone


def zone_source(contact: Contact, sequence: Sequence) -> str:
    """Return whose zone `zone_of` used: contact, company, account or utc."""
    return clock_of(contact, sequence.fallback_zone).source


def unknown_zones(contact: Contact) -> tuple[tuple[str, str], ...]:
    """Return (whose, name) of every zone named for the contact that does not exist."""
    named = (("contact", contact.timezone), ("company", contact.company_timezone))
    return tuple((whose, name) for whose, name in named if name and zone_named(name) is None)
