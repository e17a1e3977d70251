"""The shapes of scoring: engagement by groups and rules, fit and its letters, temperature."""

from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from nurture.campaigns.conditions import ConditionShape
from nurture.campaigns.shapes import Duration, EventName, Key, NamesShape, Number, Shape, Where
from nurture.domain.scoring import FitRule, Group, Limit, ScoreRule


class GroupShape(Shape):
    """Engagement rules that share a cap and fade together."""

    key: Key
    """The group's own name."""
    name: NamesShape | None = None
    """What people call it."""
    cap: Annotated[Number, Field(gt=0)] | None = None
    """The most that the group can add to the score."""
    half_life: Duration | None = None
    """The time after which points are worth half; they never fade when left out."""

    def build(self) -> Group:
        """Return the group."""
        names = MappingProxyType(self.name.build() if self.name else {})
        return Group(self.key, self.cap, self.half_life, names)


class LimitShape(Shape):
    """How often a rule counts."""

    times: Annotated[int, Field(ge=1)]
    """At most so often …"""
    per: Duration
    """… within any such time."""


class RuleShape(Shape):
    """Points for something a contact does."""

    key: Key
    """The rule's own name."""
    name: NamesShape | None = None
    """What people call it."""
    event: EventName
    """The event: open, click, visit, form, purchase, or an event of your own."""
    where: Where = Field(default_factory=dict)
    """What the event's properties must be; texts may hold * and ?."""
    points: Number
    """The points; below zero takes away."""
    group: Key
    """The group it belongs to."""
    limit: LimitShape | None = None
    """How often it counts; always when left out."""

    def build(self) -> ScoreRule:
        """Return the rule."""
        return ScoreRule(
            self.key,
            self.event,
            self.points,
            self.group,
            MappingProxyType(dict(self.where)),
            Limit(self.limit.times, self.limit.per) if self.limit else None,
            MappingProxyType(self.name.build() if self.name else {}),
        )


class FitRuleShape(Shape):
    """Points for who a contact is."""

    key: Key
    """The rule's own name."""
    name: NamesShape | None = None
    """What people call it."""
    when: ConditionShape
    """The condition."""
    points: Number = 0.0
    """The points; below zero takes away."""
    disqualifies: bool = False
    """true: whoever meets it gets the lowest grade, whatever the points."""

    def build(self) -> FitRule:
        """Return the rule."""
        names = MappingProxyType(self.name.build() if self.name else {})
        return FitRule(self.key, self.when.build(), self.points, self.disqualifies, names)


class GradeShape(Shape):
    """A letter for a fit."""

    grade: Annotated[str, Field(pattern="^[A-Z]$")]
    """The letter."""
    at_least: Number | None = None
    """The fewest points for it; left out for the last."""


class WarmthShape(Shape):
    """A word for an engagement."""

    key: Key
    """The word: hot, warm, cold."""
    enter: Number | None = None
    """The points at which it begins; left out for the last."""
    leave: Number | None = None
    """The points below which it ends, fewer than `enter` so that it does not flicker."""


class EngagementShape(Shape):
    """How what contacts do becomes points."""

    groups: list[GroupShape]
    """The groups, each with its cap and half-life."""
    rules: list[RuleShape]
    """The rules."""


class FitShape(Shape):
    """How who contacts are becomes points and a letter."""

    rules: list[FitRuleShape] = Field(default_factory=list)
    """The rules."""
    grades: Annotated[list[GradeShape], Field(min_length=1)]
    """The letters, best first; the last is for everybody else."""
