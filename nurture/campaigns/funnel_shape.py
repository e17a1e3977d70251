"""The shape of funnel.yaml: everything that is not a sequence."""

from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from nurture.campaigns.calendars import Calendar, all_days_off
from nurture.campaigns.conditions import ConditionShape
from nurture.campaigns.limits_shape import CapShape, GuardsShape
from nurture.campaigns.people_shape import EndpointShape, PersonaShape
from nurture.campaigns.scoring_shape import EngagementShape, FitShape, WarmthShape
from nurture.campaigns.shapes import (
    AnyDuration,
    Date,
    Duration,
    Key,
    NamesShape,
    Scalar,
    Shape,
    Text,
    WindowShape,
    wrong,
)
from nurture.domain.conditions import ALWAYS
from nurture.domain.contact import Value
from nurture.domain.funnel import Account, FieldDeclaration, Funnel
from nurture.domain.scoring import Warmth
from nurture.domain.stages import Actor, Edge, EdgeKind, Stage
from nurture.domain.timing import ANY_TIME
from nurture.domain.zones import zone_named


class AccountShape(Shape):
    """Who sends. The postal address stands in every email, as the law asks in most places."""

    name: Text
    """The sender's name."""
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    """The sender's address."""
    address: Text
    """The postal address."""
    site: Annotated[str, Field(pattern=r"^https?://\S+$")]
    """The website."""
    reply_to: Annotated[str, Field(pattern=r"^([^@\s]+@[^@\s]+)?$")] = ""
    """Where answers go; to `email` when left out."""
    phone: str = ""
    """The telephone number, in quotes."""
    timezone: str = "Asia/Ho_Chi_Minh"
    """The time zone for contacts whose own is not known."""
    language: Literal["vi", "en"] = "vi"
    """The language for contacts whose own is not known."""

    def build(self) -> Account:
        """Return the account."""
        return Account(**self.model_dump())

    @model_validator(mode="after")
    def _zone_exists(self) -> Self:
        if zone_named(self.timezone) is None:
            told = f"there is no time zone {self.timezone!r}"
            raise wrong(told, "Write an IANA name such as Asia/Ho_Chi_Minh or Europe/London.")
        return self


class StageShape(Shape):
    """A stage; the order of the list is the order of the funnel."""

    key: Key
    """The stage's own name."""
    name: NamesShape
    """What people call it."""
    journey: str = ""
    """The phase of the customer's journey that it belongs to."""
    alert_after: Duration | None = None
    """Contacts who stay longer than this are pointed out: 30d."""

    def build(self) -> Stage:
        """Return the stage."""
        names = MappingProxyType(self.name.build())
        return Stage(self.key, names, self.journey, self.alert_after)


class EdgeShape(Shape):
    """A way from one stage to another."""

    kind: Literal["promote", "demote", "recycle", "override"]
    """Forward, backward, back to nurturing after a refusal, or by a person against the rules."""
    start: Key = Field(alias="from")
    """The stage it leaves."""
    to: Key
    """The stage it leads to."""
    when: ConditionShape | None = None
    """The guard; always open when left out."""
    dwell: AnyDuration | None = None
    """How long a contact must have been in the stage before."""
    by: list[Literal["rules", "marketing", "sales"]] = Field(default=["rules"], min_length=1)
    """Who may take it: rules (by itself), marketing, sales."""
    reasons: list[Key] = Field(default_factory=list)
    """The reasons of which a person who takes it gives one."""
    cooldown: Duration | None = None
    """How long no rule promotes the contact again after it: 30d."""
    despite_rest: bool = False
    """true: rules take it during such a time, too. A purchase makes a customer on any day."""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.start == self.to:
            raise wrong(f"the edge leads from {self.to} to itself", "Name another stage in `to`.")
        return self

    def build(self) -> Edge:
        """Return the edge."""
        when = ALWAYS if self.when is None else self.when.build()
        actors = frozenset(Actor(one) for one in self.by)
        return Edge(
            EdgeKind(self.kind), self.start, self.to, when, self.dwell or timedelta(), actors,
            tuple(self.reasons), self.cooldown or timedelta(), self.despite_rest,
        )  # fmt: skip


class FieldDeclarationShape(Shape):
    """A field that contacts may have."""

    key: Key
    """The field's own name, as emails write it: contact.first_name."""
    type: Literal["text", "number", "boolean", "date", "list"] = "text"
    """What it holds."""
    name: NamesShape
    """What people call it."""
    defaults: dict[Literal["vi", "en"], Scalar] = Field(default_factory=dict)
    """What emails say when a contact has no value, in each language."""

    def build(self) -> FieldDeclaration:
        """Return the declaration."""
        names = MappingProxyType(self.name.build())
        defaults: dict[str, Value] = {str(key): value for key, value in self.defaults.items()}
        return FieldDeclaration(self.key, self.type, names, MappingProxyType(defaults))


class TopicShape(Shape):
    """A topic that contacts can agree to and unsubscribe from."""

    key: Key
    """The topic's own name."""
    name: NamesShape
    """What people call it."""
    transactional: bool = False
    """true: what a contract needs, such as a receipt. No consent, caps or window bind it."""
    confirm: bool = False
    """true: who signs up is written to only after they confirm it from their mailbox."""

    @model_validator(mode="after")
    def _is_agreed_to(self) -> Self:
        if self.transactional and self.confirm:
            told = f"{self.key} needs no consent, so there is nothing to confirm"
            raise wrong(told, "Leave out either `transactional` or `confirm`.")
        return self


class FunnelShape(Shape):
    """The funnel: stages, scores, fields and who sends."""

    account: AccountShape
    """Who sends."""
    stages: Annotated[list[StageShape], Field(min_length=1)]
    """The stages, first to last."""
    edges: list[EdgeShape] = Field(default_factory=list)
    """The ways between them, tried in their order."""
    engagement: EngagementShape
    """Points for what contacts do."""
    fit: FitShape
    """Points for who they are."""
    temperature: Annotated[list[WarmthShape], Field(min_length=1)]
    """Cold, warm, hot; the hottest first."""
    fields: list[FieldDeclarationShape] = Field(default_factory=list)
    """The fields contacts may have."""
    topics: Annotated[list[TopicShape], Field(min_length=1)]
    """What contacts can agree to."""
    tags: list[Key] | None = None
    """The tags in use; when the list is given, any other tag in a condition is a mistake."""
    window: WindowShape | None = None
    """When emails may go out, for sequences that do not say."""
    holidays: list[Date] = Field(default_factory=list)
    """Days on which nothing goes out."""
    calendars: list[Calendar] = Field(default_factory=list)
    """Countries whose public holidays are such days, too: [VN]."""
    first_stage: dict[Text, Key] = Field(default_factory=dict)
    """Where new contacts start, by their source; the first stage for all others."""
    caps: list[CapShape] = Field(default_factory=list)
    """How often a contact may be mailed, over all sequences."""
    hold_out: dict[Key, Annotated[float, Field(ge=0, le=50)]] = Field(default_factory=dict)
    """The control group of each track, in percent: {default: 5}. It gets no marketing."""
    personas: list[PersonaShape] = Field(default_factory=list)
    """Who contacts are like; the first that matches."""
    endpoints: list[EndpointShape] = Field(default_factory=list)
    """The systems that `webhook` steps tell of things."""
    guards: GuardsShape = Field(default_factory=GuardsShape)
    """What stops the product when something is wrong."""

    model_config = ConfigDict(title="Nurture funnel")

    def build(self, version: int = 0) -> Funnel:
        """Return the funnel."""
        grades = tuple((one.grade, float(one.at_least or 0)) for one in self.fit.grades)
        return Funnel(
            account=self.account.build(),
            stages=tuple(one.build() for one in self.stages),
            edges=tuple(one.build() for one in self.edges),
            groups=MappingProxyType({one.key: one.build() for one in self.engagement.groups}),
            rules=tuple(one.build() for one in self.engagement.rules),
            fit_rules=tuple(one.build() for one in self.fit.rules),
            grades=grades,
            warmth=tuple(
                Warmth(one.key, float(one.enter or 0), float(one.leave or 0))
                for one in self.temperature
            ),
            fields=MappingProxyType({one.key: one.build() for one in self.fields}),
            topics=MappingProxyType(
                {one.key: MappingProxyType(one.name.build()) for one in self.topics}
            ),
            window=ANY_TIME if self.window is None else self.window.build(),
            holidays=frozenset(self.holidays) | all_days_off(self.calendars),
            first_stages=MappingProxyType(dict(self.first_stage)),
            version=version,
            caps=tuple(one.build() for one in self.caps),
            transactional=frozenset(one.key for one in self.topics if one.transactional),
            confirmed=frozenset(one.key for one in self.topics if one.confirm),
            hold_outs=MappingProxyType({key: one / 100 for key, one in self.hold_out.items()}),
            personas=tuple(one.build() for one in self.personas),
            endpoints=MappingProxyType({one.key: one.build() for one in self.endpoints}),
            guards=self.guards.build(),
        )
