"""Guards outside the journey logic: what stops the product when something is wrong with it."""

from dataclasses import dataclass
from datetime import timedelta

# What is usual is not known before.
LEAST_HISTORY = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Guards:
    """The limits; None switches one off.

    `daily` is the most emails of the account in one of its days. A sequence pauses itself when
    it sends more in an hour than `surge` times what it usually does (and at least `surge_least`),
    or when of its last `sample` sends (and at least `sample_least`) the share of complaints
    reaches `complaints`, or that of hard bounces `bounces`.
    """

    daily: int | None = None
    contact_daily: int | None = 3
    surge: float | None = 10.0
    surge_least: int = 500
    complaints: float | None = 0.001
    bounces: float | None = 0.03
    sample: int = 1000
    sample_least: int = 200


@dataclass(frozen=True, slots=True)
class Record:
    """The latest sends of one sequence: how many, and how many of them were bad."""

    sent: int
    complaints: int
    bounces: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one sequence sends: in the last hour, and in an hour of the `history` before it."""

    last_hour: int
    usual: float
    history: timedelta


def bad_record(guards: Guards, record: Record) -> str | None:
    """Return why the latest sends are reason to pause, as a code with numbers; None when not.

    The codes are "complaints:BAD:OF" and "bounces:BAD:OF".
    """
    if record.sent < guards.sample_least:
        return None
    for code, bad, limit in (
        ("complaints", record.complaints, guards.complaints),
        ("bounces", record.bounces, guards.bounces),
    ):
        if limit is not None and bad >= limit * record.sent:
            return f"{code}:{bad}:{record.sent}"
    return None


def strange_pace(guards: Guards, pace: Pace) -> str | None:
    """Return why the pace is reason to pause, as "surge:NOW:USUAL"; None when it is not.

    A sequence that has hardly sent anything before has no pace that could be usual: the first
    mailing to many is no anomaly.
    """
    if guards.surge is None or pace.history < LEAST_HISTORY:
        return None
    if pace.last_hour < guards.surge_least or pace.last_hour <= guards.surge * pace.usual:
        return None
    return f"surge:{pace.last_hour}:{pace.usual:.0f}"
