"""The shape of a sequence file."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from nurture.campaigns.conditions import ConditionShape
from nurture.campaigns.shapes import (
    Duration,
    EventName,
    Key,
    NamesShape,
    Shape,
    Text,
    Where,
    WindowShape,
    Words,
    plain,
    wrong,
)
from nurture.campaigns.steps import AnyStepShape, ExitShape
from nurture.domain.conditions import ALWAYS
from nurture.domain.funnel import Funnel
from nurture.domain.sequence import Reentry, Returning, Sequence, Trigger, WhileActive
from nurture.domain.timing import ANY_TIME

# A sequence longer than this is several; the check looks at every way through its steps.
MOST_STEPS = 300

NO_TEXTS: Mapping[str, str] = MappingProxyType({})


class TriggerShape(Shape):
    """The event that starts a run, and the events that end it."""

    event: EventName
    """The event that enrolls the contact."""
    where: Where = Field(default_factory=dict)
    """What the event's properties must be; texts may hold * and ?."""
    key: Annotated[str, Field(max_length=64)] = ""
    """The property that tells one run from another, such as cart_id; one run a contact without."""
    cancel: list[EventName] = Field(default_factory=list)
    """The events that end the run; with `key`, only those with the same key."""
    while_active: Literal["ignore", "restart", "queue"] = "ignore"
    """What the event does while such a run is under way: nothing, begin anew, or begin after it."""

    def build(self) -> Trigger:
        """Return the trigger."""
        where = MappingProxyType(dict(self.where))
        active = WhileActive(self.while_active)
        return Trigger(self.event, where, self.key, tuple(self.cancel), active)


class ExitRuleShape(Shape):
    """A rule that takes contacts out of the sequence at any step."""

    reason: Words
    """The reason, as shown on the contact's page; a text, or {vi: …, en: …}."""
    when: ConditionShape
    """The condition."""


class AfterShape(Shape):
    """Again, but not before some time has passed."""

    after: Duration
    """The time since the last run ended."""


def _reentry_kind(value: Any) -> str:
    return "<after>" if isinstance(value, dict) else "<word>"


class SequenceShape(Shape):
    """A sequence: what is sent, to whom, when, and what happens next."""

    key: Key
    """The sequence's own name; the file is called by it: lead-nurture.yaml."""
    name: NamesShape
    """What people call it."""
    stage: Key | None = None
    """The funnel stage whose contacts are in this sequence."""
    trigger: TriggerShape | None = None
    """Or: the event that enrolls contacts in this sequence."""
    track: Key = "default"
    """The track; in each stage a contact is in one sequence of each, and they run side by side."""
    priority: int = 0
    """Which of a track's sequences goes first when several would take the contact; the highest."""
    entry: ConditionShape | None = None
    """Who may enter; everybody when left out."""
    exits: list[ExitRuleShape] = Field(default_factory=list)
    """Who leaves, and why; looked at whenever something about the contact changes."""
    reentry: Annotated[
        Annotated[Literal["never", "one_at_a_time", "keyed"], Tag("<word>")]
        | Annotated[AfterShape, Tag("<after>")],
        Discriminator(_reentry_kind),
    ] = "never"
    """Who may come again: never, one_at_a_time, keyed (by the trigger's key), or {after: 30d}."""
    returning: Literal["skip", "resume", "restart"] = "skip"
    """How a contact who comes back goes on: past what they received, where they left, or anew."""
    window: WindowShape | None = None
    """When emails may go out, in the contact's time zone; the funnel's window when left out.

    A window given here holds transactional emails, too, which otherwise go at once."""
    spread: Duration | None = None
    """Emails held for the window's opening leave over this long, not all at the same minute."""
    steps: Annotated[list[AnyStepShape], Field(min_length=1, max_length=MOST_STEPS)]
    """The steps, one after the other."""
    notes: dict[Key, Text] = Field(default_factory=dict)
    """Anything worth remembering about this sequence."""

    model_config = ConfigDict(title="Nurture sequence")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.stage is None) == (self.trigger is None):
            told = "both a stage and a trigger are given" if self.stage else "nobody ever enters"
            raise wrong(told, "Write either `stage: lead` or `trigger: {event: …}`.")
        return self

    @model_validator(mode="after")
    def _one_word_for_a_reason(self) -> Self:
        said: dict[str, str] = {}
        for one in self._reasons():
            vietnamese = one if isinstance(one, str) else one.vi
            if said.setdefault(plain(one), vietnamese) != vietnamese:
                told = f"the reason `{plain(one)}` is said in two ways in Vietnamese"
                raise wrong(told, "Say it in the same words wherever it stands.")
        return self

    def _reasons(self) -> Iterator[str | NamesShape]:
        yield from (rule.reason for rule in self.exits)
        yield from (step.exit for step in self.steps if isinstance(step, ExitShape))

    def build(
        self,
        *,
        funnel: Funnel | None = None,
        version: int = 0,
    ) -> Sequence:
        """Return the sequence, with what it borrows from the funnel."""
        again = self.reentry
        window = funnel.window if funnel else ANY_TIME
        lent: dict[str, Any] = {}
        if funnel is not None:
            lent = {
                "holidays": funnel.holidays,
                "fallback_zone": funnel.account.timezone,
                "caps": funnel.caps,
                "transactional": funnel.transactional,
                "hold_out": funnel.hold_outs.get(self.track, 0.0),
            }
        return Sequence(
            key=self.key,
            names=MappingProxyType(self.name.build()),
            steps=tuple(step.build() for step in self.steps),
            stage=self.stage or "",
            trigger=self.trigger.build() if self.trigger else None,
            track=self.track,
            priority=self.priority,
            entry=ALWAYS if self.entry is None else self.entry.build(),
            exits=tuple((plain(rule.reason), rule.when.build()) for rule in self.exits),
            reasons=MappingProxyType(
                {plain(one): one.build() for one in self._reasons() if isinstance(one, NamesShape)}
            ),
            reentry=Reentry.AFTER if isinstance(again, AfterShape) else Reentry(again),
            reentry_after=again.after if isinstance(again, AfterShape) else timedelta(),
            returning=Returning(self.returning),
            window=window if self.window is None else self.window.build(),
            window_is_own=self.window is not None,
            spread=self.spread or timedelta(),
            version=version,
            **lent,
            extra=MappingProxyType(dict(self.notes)) if self.notes else NO_TEXTS,
        )
