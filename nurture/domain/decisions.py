"""What can be decided for a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.domain.contact import Value
from nurture.domain.states import Exhausted, Over


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
    """Do nothing until `at`; `zone` says whose clock was asked, empty when none was."""

    step: str
    at: datetime
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for an event until `deadline`; the clock has run since `since`."""

    step: str
    deadline: datetime
    since: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Try again at `release`; `reason` is shown to people, `since` when the hold began."""

    step: str
    reason: str
    release: datetime
    since: datetime | None = None
    zone: str = ""


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


@dataclass(frozen=True, slots=True)
class WouldSend:
    """The contact is held out: this email would have been sent now, and is not."""

    step: str
    pass_no: int
    template: str
    topic: str


@dataclass(frozen=True, slots=True)
class Expose:
    """The contact is in this arm of an experiment."""

    step: str
    experiment: str
    arm: str


@dataclass(frozen=True, slots=True)
class SetFact:
    """Change one fact about the contact; `fact` is one of `contact.Fact`."""

    step: str
    fact: str
    name: str
    value: Value = None


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell a person or another system, once for this pass; `kind` is notice or webhook."""

    step: str
    pass_no: int
    kind: str
    to: str


@dataclass(frozen=True, slots=True)
class EnterBeside:
    """Wish the contact into another sequence; this run goes on."""

    step: str
    sequence: str


@dataclass(frozen=True, slots=True)
class LeaveBeside:
    """End the contact's runs through another sequence; this run goes on."""

    step: str
    sequence: str


@dataclass(frozen=True, slots=True)
class NotEntered:
    """Another sequence did not take the contact, or will later: `why` in a word."""

    sequence: str
    why: str


@dataclass(frozen=True, slots=True)
class Rebase:
    """The run goes on in another version of its sequence.

    `passes` are counts that the version cuts down. Where `step` is named the cursor is put on a
    step that was met before; nothing follows from that.
    """

    version: int
    passes: Mapping[str, int]
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """From now on at least so many seconds lie between two emails, to catch up without a burst."""

    seconds: int

    @property
    def gap(self) -> timedelta:
        """The seconds as a span of time."""
        return timedelta(seconds=self.seconds)


Decision = (
    Meet | Send | WouldSend | WaitUntil | Await | Hold | Take | Skip | Remember | Expose | SetFact
    | Tell | SetStage | EnterSequence | EnterBeside | LeaveBeside | NotEntered | Rebase | Pace
    | Finish | Note
)  # fmt: skip
