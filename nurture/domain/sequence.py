"""Sequences: ordered, keyed steps bound to a stage or to a trigger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from nurture.domain.conditions import ALWAYS, Condition
from nurture.domain.contact import NOTHING, Value
from nurture.domain.timing import ANY_TIME, Window

# The key that names no step: a path that leads here is at its end.
END = "end"

# A loop must take at least this long, and no step is met more often than its limit.
SHORTEST_LOOP = timedelta(hours=1)
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
    """One arm of a branch."""

    when: Condition
    to: str


@dataclass(frozen=True, slots=True)
class Branch:
    """Go to the first case that holds, else to `otherwise`."""

    key: str
    cases: tuple[Case, ...]
    otherwise: str = ""
    passes: int = DEFAULT_PASS_LIMIT


@dataclass(frozen=True, slots=True)
class MoveTo:
    """Leave for another sequence."""

    key: str
    sequence: str
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
    """What the sequence is for. A contact who reaches it from any earlier step jumps here."""

    key: str
    match: Match | None = None
    when: Condition | None = None
    next: str = END
    passes: int = DEFAULT_PASS_LIMIT


Step = Email | Wait | WaitFor | Branch | MoveTo | ChangeStage | Exit | Goal


class Reentry(StrEnum):
    """Whether a contact who has been through may come again."""

    NEVER = "never"
    AFTER = "after"
    ONE_AT_A_TIME = "one_at_a_time"
    KEYED = "keyed"


@dataclass(frozen=True, slots=True)
class Trigger:
    """The event that enrolls a contact in a triggered sequence, and the one that cancels it.

    `key` names the event property that tells one run from another (a cart's id); empty means
    one run a contact. `cancel` with the same key ends the run that is under way.
    """

    event: str
    where: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    key: str = ""
    cancel: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sequence:
    """One version of one sequence, as published. Bound to a stage or to a trigger, never both."""

    key: str
    names: Mapping[str, str]
    steps: tuple[Step, ...]
    stage: str = ""
    trigger: Trigger | None = None
    track: str = "default"
    priority: int = 0
    entry: Condition = ALWAYS
    exits: tuple[tuple[str, Condition], ...] = ()
    reentry: Reentry = Reentry.NEVER
    reentry_after: timedelta = timedelta()
    window: Window = ANY_TIME
    holidays: frozenset[date] = frozenset()
    spread: timedelta = timedelta()
    version: int = 0
    fallback_zone: str = "UTC"
    extra: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def by_key(self) -> Mapping[str, Step]:
        """The steps by their key."""
        return MappingProxyType({step.key: step for step in self.steps})

    @cached_property
    def goals(self) -> tuple[Goal, ...]:
        """The goal steps, in order."""
        return tuple(step for step in self.steps if isinstance(step, Goal))

    @cached_property
    def following(self) -> Mapping[str, str]:
        """The key of the step written after each step; END after the last."""
        keys = [step.key for step in self.steps]
        return MappingProxyType(dict(zip(keys, [*keys[1:], END], strict=True)))

    @property
    def first(self) -> str:
        """The key of the first step; END when there is none."""
        return self.steps[0].key if self.steps else END

    def after(self, key: str, target: str = "") -> str:
        """Return where a path from `key` leads: `target`, or by default the next step."""
        return target or self.following.get(key, END)
