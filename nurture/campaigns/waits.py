"""The shapes of what every step has, and of the steps that wait."""

from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from nurture.campaigns.conditions import ConditionShape
from nurture.campaigns.shapes import (
    Clock,
    Duration,
    EventName,
    Key,
    Shape,
    StepKey,
    Target,
    Weekday,
    Where,
    wrong,
)
from nurture.domain import sequence as domain
from nurture.domain.sequence import DEFAULT_PASS_LIMIT, Match, Step


class StepShape(Shape):
    """What every step has."""

    key: StepKey
    """The step's own name: other steps lead to it, reports count by it. Never rename it lightly."""
    passes: Annotated[int, Field(ge=1, le=1000)] = DEFAULT_PASS_LIMIT
    """How often one contact may meet this step; needed above 1 only inside a loop."""


class LeadingShape(StepShape):
    """A step with one way on."""

    next: Target = ""
    """The step that follows, or `end`; the one written below when left out."""


class MatchShape(Shape):
    """An event to wait for."""

    event: EventName | None = None
    """The event: open, click, visit, form, purchase, or an event of your own."""
    of: Key | None = None
    """The email step that the open or click must belong to."""
    where: Where = Field(default_factory=dict)
    """What the event's properties must be; texts may hold * and ?."""
    when: ConditionShape | None = None
    """Or: a condition to come true."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.event is None and self.when is None:
            raise wrong("nothing is named to wait for", "Write `event: click` or `when: {…}`.")
        if self.event is None and (self.of or self.where):
            raise wrong("`of` and `where` describe an event, and none is named", "Add `event: …`.")
        return self

    def match(self) -> Match | None:
        """Return the event, None when a condition alone is meant."""
        if self.event is None:
            return None
        return Match(self.event, self.of or "", MappingProxyType(dict(self.where)))


class UntilShape(Shape):
    """The next of some weekdays, at a time of day."""

    days: Annotated[list[Weekday], Field(min_length=1)] | None = None
    """The weekdays; any day when left out."""
    at: Clock | None = None
    """The time in the contact's own time zone; the start of the day when left out."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.days is None and self.at is None:
            raise wrong("nothing is said to wait until", 'Write {days: [tue], at: "09:00"}.')
        return self


class PauseShape(Shape):
    """A duration, then on until a weekday and time."""

    for_: Duration | None = Field(default=None, alias="for")
    """How long at least: 2d."""
    until: UntilShape | None = None
    """Then until the next of these: {days: [tue], at: "09:00"}."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.for_ is None and self.until is None:
            raise wrong("nothing is said to wait for", "Write `wait: 2d`.")
        return self


def _pause_kind(value: Any) -> str:
    return "<pause>" if isinstance(value, dict) else "<duration>"


class WaitShape(LeadingShape):
    """Wait a while."""

    wait: Annotated[
        Annotated[Duration, Tag("<duration>")] | Annotated[PauseShape, Tag("<pause>")],
        Discriminator(_pause_kind),
    ]
    """How long: 30m, 12h, 3d or 2w, or {for: 2d, until: {days: [tue], at: "09:00"}}."""

    model_config = ConfigDict(title="Wait")

    def build(self) -> Step:
        """Return the step."""
        if isinstance(self.wait, timedelta):
            return domain.Wait(self.key, self.wait, next=self.next, passes=self.passes)
        until = self.wait.until or UntilShape.model_construct()
        days = frozenset(until.days or ())
        duration = self.wait.for_ or timedelta()
        return domain.Wait(self.key, duration, days, until.at, self.next, self.passes)


class DateShape(Shape):
    """A date that the contact has, or that the event of the run brought."""

    field: Key | None = None
    """The contact's field that holds the date: renewal_date."""
    property: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Or: the property of the event that started the run: starts_at."""
    before: Duration | None = None
    """How long before the date: 7d."""
    after: Duration | None = None
    """Or how long after it."""
    at: Clock | None = None
    """The time of that day, in the contact's own time zone; midnight for a plain date."""
    past: Target = ""
    """Where to go when the date is over already; the step below when left out."""
    missing: Target = ""
    """Where to go when there is no such date; the step below when left out."""

    @model_validator(mode="after")
    def _one_date(self) -> Self:
        if (self.field is None) == (self.property is None):
            told = "no date is named" if self.field is None else "two dates are named"
            raise wrong(told, "Write either `field: …` or `property: …`.")
        if self.before is not None and self.after is not None:
            raise wrong("before and after cannot stand together", "Keep one of them.")
        return self


class WaitUntilShape(LeadingShape):
    """Wait until a date, or some time before or after it."""

    wait_until: DateShape
    """The date."""

    model_config = ConfigDict(title="Wait until a date")

    def build(self) -> Step:
        """Return the step."""
        one = self.wait_until
        offset = (one.after or timedelta()) - (one.before or timedelta())
        return domain.WaitUntil(
            self.key, one.field or "", one.property or "", offset, one.at,
            self.next, one.past, one.missing, self.passes,
        )  # fmt: skip


class AwaitedShape(MatchShape):
    """What to wait for, how long, and the paths that follow."""

    within: Duration
    """How long at most, counted from when the email named by `of` went out, else from here."""
    yes: Target = ""
    """Where to go when it happened in time; the step below when left out."""
    no: Target = ""
    """Where to go when it did not; the step below when left out."""
    unknowable: Target = ""
    """Where to go when an open cannot be known, because a privacy proxy opens everything."""


class WaitForShape(StepShape):
    """Wait for an event or a condition, then go one of two or three ways."""

    wait_for: AwaitedShape
    """What to wait for."""

    model_config = ConfigDict(title="Wait for")

    def build(self) -> Step:
        """Return the step."""
        one = self.wait_for
        when = None if one.when is None else one.when.build()
        return domain.WaitFor(
            self.key, one.within, one.match(), when, one.yes, one.no, one.unknowable, self.passes
        )
