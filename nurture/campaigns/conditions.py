"""The shapes of conditions, and the conditions they mean."""

from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from nurture.campaigns.comparisons import Against, Operators, one_of
from nurture.campaigns.shapes import Duration, EventName, Key, OneOf, Shape, Where, wrong
from nurture.domain import conditions as domain
from nurture.domain.conditions import Compare, Condition, Did, Op, Subject

BANT = ("budget", "authority", "need", "timing")
# The subjects that need no name beside them.
FACTS = (
    "stage", "highest_stage", "grade", "temperature", "persona", "tag", "sequence", "segment",
    "received", "language", "timezone", "hours_in_stage",
)  # fmt: skip
WORDS = ("all", "any", "not", "did", "field", "score", "bant", "consent", *FACTS)


class FactShape(OneOf):
    """One fact about the contact: a value, a list of which one fits, or an operator."""

    stage: Against = None
    """The stage they are in: `stage: lead`."""
    highest_stage: Against = None
    """The furthest stage they ever reached."""
    grade: Against = None
    """Their fit as a letter: `grade: [A, B]`."""
    temperature: Against = None
    """Their engagement as a word: `temperature: hot`."""
    persona: Against = None
    """The persona that matches them."""
    tag: Against = None
    """A tag they carry: `tag: vip`."""
    sequence: Against = None
    """A sequence they are in: `sequence: lead-nurture`."""
    segment: Against = None
    """A segment they belong to, as declared in segments.yaml: `segment: regulars`."""
    received: Against = None
    """An email they received, by the name of its template."""
    language: Against = None
    """The language they read: vi or en."""
    timezone: Against = None
    """Their time zone: `timezone: {matches: "Asia/*"}`."""
    hours_in_stage: Against = None
    """How long they have been in their stage, in hours: `hours_in_stage: {at_least: 48}`."""

    model_config = ConfigDict(title="Fact", json_schema_extra=one_of(*FACTS))

    def build(self) -> Condition:
        """Return the condition."""
        against = getattr(self, self.chosen)
        subject = Subject(self.chosen)
        if isinstance(against, Operators):
            return against.compare(subject)
        return Compare(subject, Op.IN if isinstance(against, tuple) else Op.IS, against)


class FieldShape(Operators):
    """A field of the contact, compared: `{field: country, is: VN}`."""

    field: Key
    """The field's key, as declared in funnel.yaml."""

    model_config = ConfigDict(title="Field")

    def build(self) -> Condition:
        """Return the condition."""
        return self.compare(Subject("field", self.field))


class ScoreShape(Operators):
    """A score, compared: `{score: engagement, at_least: 40}`."""

    score: Literal["engagement", "fit"]
    """Which score."""

    model_config = ConfigDict(title="Score")

    def build(self) -> Condition:
        """Return the condition."""
        return self.compare(Subject(self.score))


class BantShape(Operators):
    """One letter of BANT, compared: `{bant: budget, is: yes}`."""

    bant: Literal["budget", "authority", "need", "timing"]
    """Budget, authority, need or timing; each is unknown, no, partial or yes."""

    model_config = ConfigDict(title="BANT")

    def build(self) -> Condition:
        """Return the condition."""
        return self.compare(Subject("bant", self.bant))


class ConsentShape(Shape):
    """Whether consent to a topic stands: `{consent: marketing}`."""

    consent: Key
    """The topic, as declared in funnel.yaml."""
    is_: bool = Field(default=True, alias="is")
    """true: consent stands; false: it does not."""

    model_config = ConfigDict(title="Consent")

    def build(self) -> Condition:
        """Return the condition."""
        return Compare(Subject("consent", self.consent), Op.IS, self.is_)


class DidShape(Shape):
    """Something the contact did: `{did: click, at_least: 2, within: 30d}`."""

    did: EventName
    """The event: open, click, visit, form, purchase, or an event of your own."""
    at_least: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """How often at least; once when left out, and not at all beside `at_most`."""
    at_most: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """How often at most; 0 is never. As often as they like when left out."""
    within: Duration | None = None
    """How far back to look; for ever when left out."""
    where: Where = Field(default_factory=dict)
    """What the event's properties must be; texts may hold * and ?."""

    model_config = ConfigDict(title="Did")

    def build(self) -> Condition:
        """Return the condition."""
        where = MappingProxyType(dict(self.where))
        least = self.at_least
        if least is None:
            least = 1 if self.at_most is None else 0
        return Did(self.did, least, self.within, where, self.at_most)

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.at_most is not None and (self.at_least or 0) > self.at_most:
            told = f"nothing happens at least {self.at_least} and at most {self.at_most} times"
            raise wrong(told, "Make `at_most` the greater one.")
        return self


class AllShape(Shape):
    """Every one of these holds."""

    all_: list["ConditionShape"] = Field(alias="all")
    """The conditions; an empty list always holds."""

    model_config = ConfigDict(title="All")

    def build(self) -> Condition:
        """Return the condition."""
        return domain.All(tuple(one.build() for one in self.all_))


class AnyShape(Shape):
    """At least one of these holds."""

    any_: list["ConditionShape"] = Field(alias="any")
    """The conditions; an empty list never holds."""

    model_config = ConfigDict(title="Any")

    def build(self) -> Condition:
        """Return the condition."""
        return domain.Any(tuple(one.build() for one in self.any_))


class NotShape(Shape):
    """This does not hold."""

    not_: "ConditionShape" = Field(alias="not")
    """The condition."""

    model_config = ConfigDict(title="Not")

    def build(self) -> Condition:
        """Return the condition."""
        return domain.Not(self.not_.build())


def _kind(value: Any) -> str | None:
    if isinstance(value, dict):
        for word in WORDS:
            if word in value:
                return "<fact>" if word in FACTS else f"<{word}>"
    return None


ConditionShape = Annotated[
    Annotated[AllShape, Tag("<all>")]
    | Annotated[AnyShape, Tag("<any>")]
    | Annotated[NotShape, Tag("<not>")]
    | Annotated[DidShape, Tag("<did>")]
    | Annotated[FieldShape, Tag("<field>")]
    | Annotated[ScoreShape, Tag("<score>")]
    | Annotated[BantShape, Tag("<bant>")]
    | Annotated[ConsentShape, Tag("<consent>")]
    | Annotated[FactShape, Tag("<fact>")],
    Discriminator(_kind, custom_error_type="condition", custom_error_message="no condition"),
]

for _shape in (AllShape, AnyShape, NotShape):
    _shape.model_rebuild()
