"""Sequences: ordered, keyed steps bound to a stage or to a trigger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from nurture.domain.asking import names_a_step
from nurture.domain.caps import Cap
from nurture.domain.conditions import ALWAYS, Compare, Condition, walk
from nurture.domain.contact import NOTHING, Value
from nurture.domain.steps import DEFAULT_PASS_LIMIT as DEFAULT_PASS_LIMIT
from nurture.domain.steps import END as END
from nurture.domain.steps import Arm as Arm
from nurture.domain.steps import Branch as Branch
from nurture.domain.steps import Case as Case
from nurture.domain.steps import ChangeStage as ChangeStage
from nurture.domain.steps import Email as Email
from nurture.domain.steps import Enter as Enter
from nurture.domain.steps import Exit as Exit
from nurture.domain.steps import Goal as Goal
from nurture.domain.steps import Leave as Leave
from nurture.domain.steps import Match as Match
from nurture.domain.steps import Measure as Measure
from nurture.domain.steps import MoveTo as MoveTo
from nurture.domain.steps import Notify as Notify
from nurture.domain.steps import Split as Split
from nurture.domain.steps import Step as Step
from nurture.domain.steps import Update as Update
from nurture.domain.steps import Wait as Wait
from nurture.domain.steps import WaitFor as WaitFor
from nurture.domain.steps import WaitUntil as WaitUntil
from nurture.domain.steps import Webhook as Webhook
from nurture.domain.timing import ANY_TIME, Window
from nurture.domain.turning import looks_at_clock, thresholds

# A loop must take at least this long, and no step is met more often than its limit.
SHORTEST_LOOP = timedelta(hours=1)


class Reentry(StrEnum):
    """Whether a contact who has been through may come again."""

    NEVER = "never"
    AFTER = "after"
    ONE_AT_A_TIME = "one_at_a_time"
    KEYED = "keyed"


class WhileActive(StrEnum):
    """What a trigger does to a contact whose run under the same key is still under way."""

    IGNORE = "ignore"
    RESTART = "restart"
    QUEUE = "queue"


class Returning(StrEnum):
    """How a contact who comes back to a sequence goes through it."""

    SKIP = "skip"
    RESUME = "resume"
    RESTART = "restart"


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
    while_active: WhileActive = WhileActive.IGNORE


@dataclass(frozen=True)
class Sequence:
    """One version of one sequence, as published. Bound to a stage or to a trigger, never both.

    In each stage a contact is in one sequence of each track, and tracks run side by side; of one
    that is bound to a trigger, the track says only whose hold-out it obeys.

    The window, holidays, zone, caps, topics that are transactional, and the share of contacts
    held out of its track are borrowed from the funnel that is published; the winning arms of
    experiments that are over from their results. `window_is_own` where the file states a window:
    only that one holds transactional emails, too.
    """

    key: str
    names: Mapping[str, str]
    steps: tuple[Step, ...]
    stage: str = ""
    trigger: Trigger | None = None
    track: str = "default"
    priority: int = 0
    entry: Condition = ALWAYS
    exits: tuple[tuple[str, Condition], ...] = ()
    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    """What a reason for leaving is called in each language, by the text that runs keep of it."""
    reentry: Reentry = Reentry.NEVER
    reentry_after: timedelta = timedelta()
    returning: Returning = Returning.SKIP
    window: Window = ANY_TIME
    holidays: frozenset[date] = frozenset()
    spread: timedelta = timedelta()
    version: int = 0
    fallback_zone: str = "UTC"
    window_is_own: bool = False
    caps: tuple[Cap, ...] = ()
    transactional: frozenset[str] = frozenset()
    hold_out: float = 0.0
    winners: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
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

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition that can be asked on the way through."""
        found = [when for _, when in self.exits]
        for step in self.steps:
            match step:
                case WaitFor() | Goal() if step.when is not None:
                    found.append(step.when)
                case Branch():
                    found.extend(case.when for case in step.cases)
                case _:
                    pass
        return tuple(found)

    @cached_property
    def asks_score(self) -> bool:
        """Whether the score of this very moment can matter on the way in or through."""
        subjects = (
            part.subject.kind
            for when in (self.entry, *self.conditions)
            for part in walk(when)
            if isinstance(part, Compare)
        )
        return self.changes_stage or not {"engagement", "temperature"}.isdisjoint(subjects)

    @cached_property
    def changes_stage(self) -> bool:
        """Whether a step asks for a stage: the guards of its edges may look at anything."""
        return any(isinstance(step, ChangeStage) for step in self.steps)

    @cached_property
    def always_watched(self) -> tuple[Condition, ...]:
        """The conditions of exits and goals that time alone can turn, wherever a run stands."""
        found = [when for _, when in self.exits]
        found += [goal.when for goal in self.goals if goal.when is not None]
        return tuple(one for one in found if is_turned_by_time(one))

    @cached_property
    def watches(self) -> bool:
        """Whether a run can go on by time alone without a timer: by an exit, a goal or a wait."""
        return bool(self.always_watched) or any(
            isinstance(step, WaitFor) and step.when is not None and is_turned_by_time(step.when)
            for step in self.steps
        )

    @cached_property
    def tells_runs_apart(self) -> bool:
        """Whether runs stand side by side, and a rule asks for answers to the email of a step."""
        is_keyed = self.trigger is not None and bool(self.trigger.key)
        return is_keyed and any(names_a_step(one) for one in self.conditions)

    def waits_for_window(self, step: Email) -> bool:
        """Return whether the email of `step` keeps to the window and the holidays.

        What somebody ordered or registered for goes at once, unless the file says when it goes.
        """
        return self.window_is_own or step.topic not in self.transactional

    def shares_track(self, other: "Sequence") -> bool:
        """Return whether no contact is in both at once: they are of stages, and of one track."""
        return bool(self.stage and other.stage) and self.track == other.track

    @property
    def first(self) -> str:
        """The key of the first step; END when there is none."""
        return self.steps[0].key if self.steps else END

    def after(self, key: str, target: str = "") -> str:
        """Return where a path from `key` leads: `target`, or by default the next step."""
        return target or self.following.get(key, END)


def is_turned_by_time(condition: Condition) -> bool:
    """Return whether time alone can change the answer: by the clock, or as the score fades."""
    return looks_at_clock(condition) or bool(thresholds(condition))
