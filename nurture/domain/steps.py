"""The steps that sequences are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta

from nurture.domain.conditions import Condition
from nurture.domain.contact import NOTHING, Change, Value

# The key that names no step: a path that leads here is at its end.
END = "end"

DEFAULT_PASS_LIMIT = 1


@dataclass(frozen=True, slots=True)
class Match:
    """An occurrence to wait for: its name, the email step it belongs to, its properties."""

    event: str
    of: str = ""
    where: Mapping[str, Value] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Email:
    """Send one email. `content` names it in the content ledger across sequences."""

    key: str
    template: str
    topic: str = "marketing"
    next: str = ""
    passes: int = DEFAULT_PASS_LIMIT

    @property
    def content(self) -> str:
        """The key under which nobody gets this twice by another door."""
        return self.template


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a duration, or until the next of some weekdays at a local time, or both."""

    key: str
    duration: timedelta = timedelta()
    days: frozenset[int] = frozenset()
    at: time | None = None
    next: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Wait until a date that the contact has, or that the event of the run brought, ± `offset`.

    `field` names a field of the contact, `property` one of the event that started the run;
    exactly one is given. With `at` the wait ends at that local time of the day, else at the
    instant itself (a date without a time begins at local midnight). `past` is where to go when
    that instant is over on arrival, `missing` when there is no such date; by default both go on
    below. A date that changes while it is waited for moves the wait.
    """

    key: str
    field: str = ""
    property: str = ""
    offset: timedelta = timedelta()
    at: time | None = None
    next: str = ""
    past: str = ""
    missing: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait for an event or a condition, at most `within`; then one of two or three paths.

    The clock starts when the provider accepted the email step that `match.of` names, or on
    arrival when it names none. `unknowable` is where a contact goes whose opens cannot be
    known (privacy proxies) when the wait for an open times out; empty means the `no` path.
    """

    key: str
    within: timedelta
    match: Match | None = None
    when: Condition | None = None
    yes: str = ""
    no: str = ""
    unknowable: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class Case:
    """One arm of a branch; without `to` it leads to the step below."""

    when: Condition
    to: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """Go to the first case that holds, else to `otherwise`.

    `unknowable` is where a contact goes for whom the first case that could hold depends on an
    open that nobody can know of (a privacy proxy opens everything).
    """

    key: str
    cases: tuple[Case, ...]
    otherwise: str = ""
    unknowable: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class Arm:
    """One way on from a split. `weight` is its share of all weights; `hold_out` the control."""

    key: str
    weight: int = 1
    to: str = ""
    hold_out: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """How a split is judged: the event that counts as success, and when enough was seen.

    An arm is compared once every arm has `minimum` contacts and each of them had `within` to
    succeed; the experiment stops at `confidence`, or after `stop` at the latest (None: never).
    """

    metric: str
    where: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    within: timedelta = timedelta(days=7)
    minimum: int = 200
    confidence: float = 0.95
    stop: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Go by a stable hash of the experiment's key and the contact: the same arm for ever.

    `experiment` is the key; two splits with the same one give a contact the same arm.
    """

    key: str
    arms: tuple[Arm, ...]
    experiment: str = ""
    measure: Measure | None = None
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class Update:
    """Change the contact: fields, tags, BANT."""

    key: str
    changes: tuple[Change, ...]
    next: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class Notify:
    """Write to a person of ours. The run goes on at once, whatever becomes of the message.

    `to` is an address, or "owner" for whoever the contact belongs to; `template` is an email
    of this project that may show everything the contact's emails may.
    """

    key: str
    to: str
    template: str
    next: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class Webhook:
    """Tell another system, signed as Standard Webhooks. The run goes on at once.

    `endpoint` is the key of an endpoint that the funnel declares, so that no sequence holds an
    address or a secret; `fields` are the contact's fields that are told.
    """

    key: str
    endpoint: str
    event: str
    fields: tuple[str, ...] = ()
    next: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class MoveTo:
    """Leave for another sequence."""

    key: str
    sequence: str
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class Enter:
    """Enter another sequence as well, and go on here. Its own rules of entry decide."""

    key: str
    sequence: str
    next: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class Leave:
    """End the contact's runs through another sequence, and go on here."""

    key: str
    sequence: str
    next: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class ChangeStage:
    """Ask for another stage; the edge's own guard decides. Refused: go on."""

    key: str
    stage: str
    next: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class Exit:
    """Leave the sequence, for a reason."""

    key: str
    reason: str
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class Goal:
    """What the sequence is for. A contact who reaches it from any earlier step jumps here.

    With `within` only what happens in that time since entry counts.
    """

    key: str
    match: Match | None = None
    when: Condition | None = None
    next: str = END
    passes: int = DEFAULT_PASS_LIMIT
    within: timedelta | None = None


Step = (
    Email | Wait | WaitUntil | WaitFor | Branch | Split | Update | Notify | Webhook | MoveTo
    | Enter | Leave | ChangeStage | Exit | Goal
)  # fmt: skip
