"""What can happen to a run."""

from dataclasses import dataclass
from datetime import datetime

from nurture.domain.contact import Occurrence
from nurture.domain.decisions import Decision


@dataclass(frozen=True, slots=True)
class Entered:
    """The contact was enrolled, to begin at the step `at`; at the first one by default.

    `accepted` is when the provider took the email whose answer the step `at` waits for, in the
    run that this one goes on with.
    """

    at: str = ""
    accepted: datetime | None = None


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The instant of `wakes_at` has come."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the send of `step`."""

    step: str
    pass_no: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Unsent:
    """The send of `step` will never happen; the run goes on without it."""

    step: str
    pass_no: int
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """At claim time a rule forbade the send until `release`; `since` is when it was wanted."""

    step: str
    pass_no: int
    reason: str
    release: datetime
    since: datetime | None = None
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The send of `step` failed in a way a person has to mend."""

    step: str
    pass_no: int
    error: str


@dataclass(frozen=True, slots=True)
class Happened:
    """The contact did something."""

    occurrence: Occurrence


@dataclass(frozen=True, slots=True)
class Reconsider:
    """The contact's fields, score or stage changed: exits and goals are looked at again."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Somebody or something ends the run: unsubscribe, suppression, a person, erasure."""

    reason: str


@dataclass(frozen=True, slots=True)
class MovedAway:
    """The contact's place is now in another sequence."""

    to: str


@dataclass(frozen=True, slots=True)
class ContentAdded:
    """The sequence has steps the contact has not met."""

    step: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A rule that looks at more than one run at a time has decided for this one.

    Such as the end of a pause, or a migration (`nurture.domain.resuming` and `migrating`);
    `cause` says which.
    """

    cause: str
    decisions: tuple[Decision, ...]


Event = (
    Entered | TimerFired | Accepted | Unsent | Held | Broken | Happened | Reconsider
    | Withdrawn | MovedAway | ContentAdded | Decided
)  # fmt: skip

# What can become of a send, seen from the run that wanted it.
SendOutcome = Accepted | Unsent | Held | Broken
