"""One contact's run through one sequence version: its states, what can happen, what is decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from nurture.domain.contact import NOTHING, Value
from nurture.domain.events import Accepted as Accepted
from nurture.domain.events import Broken as Broken
from nurture.domain.events import ContentAdded as ContentAdded
from nurture.domain.events import Entered as Entered
from nurture.domain.events import Event as Event
from nurture.domain.events import Happened as Happened
from nurture.domain.events import Held as Held
from nurture.domain.events import MovedAway as MovedAway
from nurture.domain.events import Reconsider as Reconsider
from nurture.domain.events import SendOutcome as SendOutcome
from nurture.domain.events import TimerFired as TimerFired
from nurture.domain.events import Unsent as Unsent
from nurture.domain.events import Withdrawn as Withdrawn

# ---- states -------------------------------------------------------------------------------


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
    """A rule forbids the email at the cursor for now; it is tried again at `release`."""

    reason: str
    release: datetime


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


@dataclass(frozen=True, slots=True)
class Enrollment:
    """The state of one run. `step` is the cursor; `passes` counts how often each step was met.

    `accepted` remembers when the provider took the send of each email step, because waits for
    an answer start there.
    """

    contact_id: int
    sequence: str
    version: int
    state: State
    entered_at: datetime
    step: str = ""
    passes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    accepted: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    entry_key: str = ""
    properties: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    id: int = 0
    revision: int = 0

    @property
    def is_live(self) -> bool:
        """Whether the run still goes on."""
        return STATE_NAMES[type(self.state)] in LIVE


def wakes_at(state: State) -> datetime | None:
    """Return when the clock alone moves a state on; None when only an event does."""
    match state:
        case Waiting(due_at=instant) | Awaiting(deadline=instant) | Holding(release=instant):
            return instant
        case _:
            return None


# ---- decisions ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Meet:
    """The cursor arrives at `step` for the `pass_no`-th time (from 1): a touch."""

    step: str
    pass_no: int


@dataclass(frozen=True, slots=True)
class Send:
    """Mail the contact this step's email, once for this pass."""

    step: str
    pass_no: int
    template: str
    topic: str


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Do nothing until `at`."""

    step: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for an event until `deadline`; the clock has run since `since`."""

    step: str
    deadline: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Try again at `release`; `reason` is shown to people."""

    step: str
    reason: str
    release: datetime


@dataclass(frozen=True, slots=True)
class Take:
    """Follow a path from `step` to `to`; `why` says what decided it."""

    step: str
    to: str
    path: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """Pass over an email step; `why` says for what reason."""

    step: str
    why: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Note when the provider accepted the send of `step`."""

    step: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SetStage:
    """Ask for the contact's stage to change."""

    step: str
    stage: str


@dataclass(frozen=True, slots=True)
class EnterSequence:
    """Enroll the contact in another sequence; the run ends as moved."""

    step: str
    sequence: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over, or exhausted."""

    state: Exhausted | Over


@dataclass(frozen=True, slots=True)
class Note:
    """Nothing changes, and the reason is worth an audit line."""

    what: str
    why: str = ""


Decision = (
    Meet | Send | WaitUntil | Await | Hold | Take | Skip | Remember | SetStage | EnterSequence
    | Finish | Note
)  # fmt: skip
