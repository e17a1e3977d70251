"""The shapes of a sequence's steps, and the steps they mean."""

from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, Tag

from nurture.campaigns.actions import (
    EnterShape,
    LeaveShape,
    NotifyShape,
    UpdateShape,
    WebhookShape,
)
from nurture.campaigns.conditions import ConditionShape
from nurture.campaigns.shapes import Duration, Key, Shape, Target, Words, plain
from nurture.campaigns.splits import SplitShape
from nurture.campaigns.waits import (
    LeadingShape,
    MatchShape,
    StepShape,
    WaitForShape,
    WaitShape,
    WaitUntilShape,
)
from nurture.domain import sequence as domain
from nurture.domain.sequence import END, Step

ACTIONS = (
    "email", "wait", "wait_until", "wait_for", "branch", "split", "update", "notify", "webhook",
    "move_to", "enter", "leave", "change_stage", "exit", "goal",
)  # fmt: skip
DEFAULT_TOPIC = "marketing"


class EmailShape(LeadingShape):
    """Send an email."""

    email: Key
    """The email: the name of its folder in templates/email."""
    topic: Key = DEFAULT_TOPIC
    """The topic that the contact must have agreed to, as declared in funnel.yaml."""

    model_config = ConfigDict(title="Email")

    def build(self) -> Step:
        """Return the step."""
        return domain.Email(self.key, self.email, self.topic, self.next, self.passes)


class CaseShape(Shape):
    """One arm of a branch."""

    when: ConditionShape
    """The condition."""
    to: Target = ""
    """The step to go to when it holds, or `end`; the one below when left out."""


class ArmsShape(Shape):
    """The arms of a branch, tried in their order."""

    cases: Annotated[list[CaseShape], Field(min_length=1)]
    """The first case that holds is taken."""
    else_: Target = Field(default="", alias="else")
    """Where to go when no case holds; the step below when left out."""
    unknowable: Target = ""
    """Where to go when the answer depends on an open that a privacy proxy hides."""


class BranchShape(StepShape):
    """Go on by the first condition that holds."""

    branch: ArmsShape
    """The cases and the else."""

    model_config = ConfigDict(title="Branch")

    def build(self) -> Step:
        """Return the step."""
        cases = tuple(domain.Case(one.when.build(), one.to) for one in self.branch.cases)
        one = self.branch
        return domain.Branch(self.key, cases, one.else_, one.unknowable, self.passes)


class MoveToShape(StepShape):
    """Leave for another sequence."""

    move_to: Key
    """The sequence's key."""

    model_config = ConfigDict(title="Move to another sequence")

    def build(self) -> Step:
        """Return the step."""
        return domain.MoveTo(self.key, self.move_to, self.passes)


class ChangeStageShape(LeadingShape):
    """Ask for another stage; the funnel's edge decides, and a refusal goes on below."""

    change_stage: Key
    """The stage's key."""

    model_config = ConfigDict(title="Change the stage")

    def build(self) -> Step:
        """Return the step."""
        return domain.ChangeStage(self.key, self.change_stage, self.next, self.passes)


class ExitShape(StepShape):
    """Leave the sequence."""

    exit: Words
    """The reason, as shown on the contact's page; a text, or {vi: …, en: …}."""

    model_config = ConfigDict(title="Exit")

    def build(self) -> Step:
        """Return the step."""
        return domain.Exit(self.key, plain(self.exit), self.passes)


class WantedShape(MatchShape):
    """What the goal is, and how long it counts."""

    within: Duration | None = None
    """How long after the contact entered it counts; for ever when left out."""


class GoalShape(StepShape):
    """What the sequence is for; whoever reaches it jumps here from any step above."""

    goal: WantedShape
    """The event or the condition that is the goal."""
    next: Target = END
    """The step that follows; the end when left out."""

    model_config = ConfigDict(title="Goal")

    def build(self) -> Step:
        """Return the step."""
        one = self.goal
        when = None if one.when is None else one.when.build()
        return domain.Goal(self.key, one.match(), when, self.next, self.passes, one.within)


def _action(value: Any) -> str | None:
    if isinstance(value, dict):
        for word in ACTIONS:
            if word in value:
                return f"<{word}>"
    return None


AnyStepShape = Annotated[
    Annotated[EmailShape, Tag("<email>")]
    | Annotated[WaitShape, Tag("<wait>")]
    | Annotated[WaitUntilShape, Tag("<wait_until>")]
    | Annotated[WaitForShape, Tag("<wait_for>")]
    | Annotated[BranchShape, Tag("<branch>")]
    | Annotated[SplitShape, Tag("<split>")]
    | Annotated[UpdateShape, Tag("<update>")]
    | Annotated[NotifyShape, Tag("<notify>")]
    | Annotated[WebhookShape, Tag("<webhook>")]
    | Annotated[EnterShape, Tag("<enter>")]
    | Annotated[LeaveShape, Tag("<leave>")]
    | Annotated[MoveToShape, Tag("<move_to>")]
    | Annotated[ChangeStageShape, Tag("<change_stage>")]
    | Annotated[ExitShape, Tag("<exit>")]
    | Annotated[GoalShape, Tag("<goal>")],
    Discriminator(_action, custom_error_type="step", custom_error_message="no step"),
]
