"""The shapes of a split: its arms, and how an experiment is judged."""

from types import MappingProxyType
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from nurture.campaigns.shapes import Duration, EventName, Key, Shape, Target, Where, wrong
from nurture.campaigns.waits import StepShape
from nurture.domain import sequence as domain
from nurture.domain.sequence import Arm, Measure, Step


class ArmShape(Shape):
    """One way on."""

    key: Key
    """The arm's own name, as reports show it."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Its share of all weights: 1 and 1 are halves, 90 and 10 a tenth."""
    to: Target = ""
    """The step it leads to, or `end`; the one below when left out."""
    hold_out: bool = False
    """true: the control group, which the others are compared with."""

    def build(self) -> Arm:
        """Return the arm."""
        return Arm(self.key, self.weight, self.to, self.hold_out)


class MeasureShape(Shape):
    """What counts as success, and when enough was seen."""

    event: EventName
    """The event: click, purchase, stage_changed, or an event of your own."""
    where: Where = Field(default_factory=dict)
    """What the event's properties must be; texts may hold * and ?."""
    within: Duration = Measure("x").within
    """How long after the split it counts."""
    minimum: Annotated[int, Field(ge=20, le=1_000_000)] = Measure("x").minimum
    """How many contacts each arm needs before anything is concluded."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Measure("x").confidence
    """How sure to be: 0.95."""
    stop: Duration | None = None
    """When to stop all the same."""

    def build(self) -> Measure:
        """Return the measure."""
        where = MappingProxyType(dict(self.where))
        return Measure(self.event, where, self.within, self.minimum, self.confidence, self.stop)


class DivisionShape(Shape):
    """The arms of a split."""

    experiment: Key | None = None
    """The experiment's key: splits that share it put a contact into the same arm."""
    arms: Annotated[list[ArmShape], Field(min_length=2, max_length=10)]
    """The ways on. Who goes where never changes for a contact."""
    measure: MeasureShape | None = None
    """How the arms are judged; a split without it only divides."""

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        keys = [arm.key for arm in self.arms]
        if len(set(keys)) < len(keys):
            raise wrong("two arms have the same key", "Give each its own.")
        if sum(arm.hold_out for arm in self.arms) > 1:
            raise wrong("two arms are held out", "Keep `hold_out: true` on one of them.")
        return self


class SplitShape(StepShape):
    """Divide contacts at random, but always the same."""

    split: DivisionShape
    """The arms, and the measure."""

    model_config = ConfigDict(title="Split")

    def build(self) -> Step:
        """Return the step."""
        one = self.split
        arms = tuple(arm.build() for arm in one.arms)
        measure = one.measure.build() if one.measure else None
        return domain.Split(self.key, arms, one.experiment or "", measure, self.passes)
