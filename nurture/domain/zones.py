"""Which time zone a contact lives in, and where that knowledge comes from."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nurture.domain.contact import Contact
from nurture.domain.sequence import Sequence

UTC_ZONE = ZoneInfo("UTC")


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """Return the IANA zone called `name`, or None when there is none."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_of(contact: Contact, sequence: Sequence) -> ZoneInfo:
    """Return the contact's zone, else the account's, else UTC."""
    return zone_named(contact.timezone) or zone_named(sequence.fallback_zone) or UTC_ZONE


def zone_source(contact: Contact, sequence: Sequence) -> str:
    """Return whose zone `zone_of` used: contact, account or utc."""
    if zone_named(contact.timezone):
        return "contact"
    return "account" if zone_named(sequence.fallback_zone) else "utc"
