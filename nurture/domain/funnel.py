"""A funnel version: everything that is not a sequence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType

from nurture.domain.caps import Cap
from nurture.domain.conditions import Condition, Did, walk
from nurture.domain.contact import Value
from nurture.domain.guards import Guards
from nurture.domain.personas import Persona
from nurture.domain.scoring import FitRule, Group, Limit, ScoreRule, Warmth
from nurture.domain.stages import Actor, Edge, Stage
from nurture.domain.timing import ANY_TIME, Window
from nurture.domain.turning import looks_at_clock, thresholds

LANGUAGES = ("vi", "en")


@dataclass(frozen=True, slots=True)
class Account:
    """Who sends: shown in every email, and required by law in most places."""

    name: str
    email: str
    address: str
    site: str
    reply_to: str = ""
    phone: str = ""
    timezone: str = "Asia/Ho_Chi_Minh"
    language: str = "vi"


@dataclass(frozen=True, slots=True)
class FieldDeclaration:
    """A field contacts may have. `defaults` per language stand in for it in emails."""

    key: str
    type: str = "text"
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    defaults: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Another system that is told of things. Its secret is a setting, never in a file."""

    key: str
    url: str


@dataclass(frozen=True)
class Funnel:
    """One published version of the funnel.

    `transactional` are the topics that need no consent and know no caps and windows, `confirmed`
    those that a mailbox has to confirm, `hold_outs` the share of contacts (0 to 1) that each track
    holds out. `watched` are the conditions of segments, lent to the funnel so that the score's
    crossings are computed for them, too.
    """

    account: Account
    stages: tuple[Stage, ...]
    edges: tuple[Edge, ...]
    groups: Mapping[str, Group]
    rules: tuple[ScoreRule, ...]
    fit_rules: tuple[FitRule, ...]
    grades: tuple[tuple[str, float], ...]
    warmth: tuple[Warmth, ...]
    fields: Mapping[str, FieldDeclaration]
    topics: Mapping[str, Mapping[str, str]]
    window: Window = ANY_TIME
    holidays: frozenset[date] = frozenset()
    first_stages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    version: int = 0
    caps: tuple[Cap, ...] = ()
    transactional: frozenset[str] = frozenset()
    confirmed: frozenset[str] = frozenset()
    hold_outs: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    personas: tuple[Persona, ...] = ()
    endpoints: Mapping[str, Endpoint] = field(default_factory=lambda: MappingProxyType({}))
    guards: Guards = field(default_factory=Guards)
    watched: tuple[Condition, ...] = ()

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The stages' keys, first to last."""
        return tuple(stage.key for stage in self.stages)

    @cached_property
    def limits(self) -> Mapping[str, Limit]:
        """The limits of the rules that have one, by rule key."""
        return MappingProxyType({rule.key: rule.limit for rule in self.rules if rule.limit})

    @cached_property
    def score_thresholds(self) -> tuple[float, ...]:
        """Every engagement at which a temperature, edge, fit, persona or segment could change."""
        found = {value for warmth in self.warmth for value in (warmth.enter, warmth.leave)}
        conditions = [edge.when for edge in self.edges]
        conditions += [rule.when for rule in self.fit_rules]
        conditions += [*(persona.when for persona in self.personas), *self.watched]
        return tuple(sorted(found.union(*map(thresholds, conditions))))

    @cached_property
    def standing_conditions(self) -> tuple[Condition, ...]:
        """The conditions of fit and of personas that time alone can turn."""
        found = [rule.when for rule in self.fit_rules]
        found += [persona.when for persona in self.personas]
        return tuple(one for one in found if looks_at_clock(one))

    @cached_property
    def asks_history_in(self) -> frozenset[str]:
        """The stages in which the rules need to know what a contact did.

        Fit and personas ask for it in every stage; an edge does in its own, and in all stages
        from which the rules can lead to that one at once.
        """
        asking = {edge.start for edge in self._by_rules if needs_history(edge.when)}
        if any(needs_history(one) for one in self.standing_conditions):
            return frozenset(self.order) | asking
        while more := {e.start for e in self._by_rules if e.to in asking} - asking:
            asking |= more
        return frozenset(asking)

    @cached_property
    def _by_rules(self) -> tuple[Edge, ...]:
        return tuple(edge for edge in self.edges if Actor.RULES in edge.actors)

    def first_stage(self, source: str) -> str:
        """Return where a new contact starts: by their source, else at the first stage."""
        return self.first_stages.get(source, self.stages[0].key)


def needs_history(condition: Condition) -> bool:
    """Return whether evaluating `condition` needs the contact's history."""
    return any(isinstance(part, Did) for part in walk(condition))
