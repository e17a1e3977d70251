"""The states that a run can be in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Waiting:
    """A timer runs until `due_at`."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class Awaiting:
    """An event or condition is awaited until `deadline`."""

    deadline: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """A rule forbids the email at the cursor for now; it is tried again at `release`.

    `since` is when the first of the holds in a row began.
    """

    reason: str
    release: datetime
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sending:
    """One send is under way."""

    step: str
    pass_no: int


@dataclass(frozen=True, slots=True)
class Exhausted:
    """All content was received; waiting for more."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Completed:
    """The run came to its end."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Exited:
    """The run was left."""

    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The run was left for another sequence."""

    to: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The run cannot go on; a person has to look."""

    error: str


Live = Waiting | Awaiting | Holding | Sending | Exhausted
Over = Completed | Exited | Moved | Failed
State = Live | Over

STATE_NAMES: Mapping[type, str] = MappingProxyType(
    {
        Waiting: "waiting", Awaiting: "awaiting", Holding: "holding", Sending: "sending",
        Exhausted: "exhausted", Completed: "completed", Exited: "exited", Moved: "moved",
        Failed: "failed",
    }
)  # fmt: skip
LIVE = frozenset({"waiting", "awaiting", "holding", "sending", "exhausted"})


def wakes_at(state: State) -> datetime | None:
    """Return when the clock alone moves a state on; None when only an event does."""
    match state:
        case Waiting(due_at=instant) | Awaiting(deadline=instant) | Holding(release=instant):
            return instant
        case _:
            return None
