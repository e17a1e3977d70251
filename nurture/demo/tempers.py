"""Who the audience are: each address has a temper, always the same one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from nurture.domain.timing import share


class Temper(StrEnum):
    """How somebody treats their mail."""

    EAGER = "eager"
    CURIOUS = "curious"
    SILENT = "silent"
    PROXIED = "proxied"
    GUARDED = "guarded"
    LEAVING = "leaving"
    COMPLAINING = "complaining"
    GONE = "gone"
    FULL = "full"


# How many of a hundred are of each temper.
SHARES: Mapping[Temper, int] = MappingProxyType(
    {
        Temper.EAGER: 24,
        Temper.CURIOUS: 30,
        Temper.SILENT: 16,
        Temper.PROXIED: 8,
        Temper.GUARDED: 8,
        Temper.LEAVING: 6,
        Temper.COMPLAINING: 2,
        Temper.GONE: 3,
        Temper.FULL: 3,
    }
)


@dataclass(frozen=True, slots=True)
class Habits:
    """How likely a mail is opened, a link in it clicked, and a second one."""

    opens: float = 0.0
    clicks: float = 0.0
    clicks_again: float = 0.0


HABITS: Mapping[Temper, Habits] = MappingProxyType(
    {
        Temper.EAGER: Habits(0.9, 0.7, 0.25),
        Temper.CURIOUS: Habits(0.65, 0.3, 0.1),
        Temper.SILENT: Habits(0.06, 0.0),
        Temper.PROXIED: Habits(0.0, 0.25, 0.05),
        Temper.GUARDED: Habits(0.5, 0.25, 0.05),
        Temper.LEAVING: Habits(0.7, 0.1),
        Temper.COMPLAINING: Habits(0.4, 0.0),
        Temper.GONE: Habits(),
        Temper.FULL: Habits(),
    }
)

# What the mail server of each of these says to RCPT.
REPLIES: Mapping[Temper, str] = MappingProxyType(
    {
        Temper.GONE: "550 5.1.1 No such user here",
        Temper.FULL: "452 4.2.2 Mailbox full",
    }
)


def temper_of(address: str) -> Temper:
    """Return the temper of whoever has this address."""
    place = share("temper", address.lower()) * sum(SHARES.values())
    for temper, count in SHARES.items():
        place -= count
        if place < 0:
            return temper
    return Temper.CURIOUS
