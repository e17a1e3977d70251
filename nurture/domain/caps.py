"""Frequency caps: how often a contact may be mailed, and when the next email is allowed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """Which of several emails to one contact goes first: the lowest.

    What is transactional, then the later stage, the higher priority, and what has been due for
    longer; `stage` and `priority` are counted downwards, and the run tells the rest apart.
    """

    ordinary: bool
    stage: int
    priority: int
    due: datetime
    run_id: int


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `count` emails to one contact within any `per`.

    An email that the cap holds back for longer than `shift` is passed over instead.
    """

    count: int
    per: timedelta
    shift: timedelta = timedelta(days=7)


def cap_release(
    caps: Iterable[Cap], mailed: Sequence[datetime], now: datetime
) -> tuple[datetime, Cap | None]:
    """Return the first instant from `now` at which every cap allows one more email.

    With it the cap that holds longest, None when none does. `mailed` are the instants of
    earlier emails, ascending; an email leaves a cap's period exactly `per` after it was sent.
    """
    release, longest = now, None
    for cap in caps:
        recent = [at for at in mailed if now - at < cap.per]
        if len(recent) >= cap.count:
            free = recent[-cap.count] + cap.per
            if free > release:
                release, longest = free, cap
    return release, longest
