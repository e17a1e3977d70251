"""The stages of a funnel and the typed edges between them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nurture.domain.conditions import ALWAYS, Condition, holds
from nurture.domain.contact import Contact


class EdgeKind(StrEnum):
    """What a change of stage means."""

    PROMOTE = "promote"
    DEMOTE = "demote"
    RECYCLE = "recycle"
    OVERRIDE = "override"


class Actor(StrEnum):
    """Who may take an edge."""

    RULES = "rules"
    MARKETING = "marketing"
    SALES = "sales"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage; `journey` is the customer-journey phase it maps onto.

    A contact who stays longer than `alert_after` is pointed out to people.
    """

    key: str
    names: Mapping[str, str]
    journey: str = ""
    alert_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one stage to another, with its guard, minimum dwell and who may take it.

    `reasons` are the codes of which a person who takes it has to give one; for `cooldown` after
    it was taken no rule promotes the contact again.
    """

    kind: EdgeKind
    start: str
    to: str
    when: Condition = ALWAYS
    dwell: timedelta = timedelta()
    actors: frozenset[Actor] = frozenset({Actor.RULES})
    reasons: tuple[str, ...] = ()
    cooldown: timedelta = timedelta()

    @property
    def key(self) -> str:
        """A readable name for the edge."""
        return f"{self.start}→{self.to}"


@dataclass(frozen=True, slots=True)
class StageChange:
    """The stage changes by `edge`."""

    edge: Edge
    why: str = ""


@dataclass(frozen=True, slots=True)
class StageRefused:
    """The change asked for is refused; the refusal is recorded and shown."""

    to: str
    why: str
    release: datetime | None = None


def next_change(
    contact: Contact, edges: Iterable[Edge], now: datetime
) -> StageChange | StageRefused | None:
    """Return the change that the rules call for now, None when the contact stays.

    Edges are tried in their order; a guard that holds too early for its dwell is a refusal
    that says when it may be taken, and a later edge may still be open.
    """
    standing = contact.standing
    if standing is None:
        return None
    refused: StageRefused | None = None
    for edge in edges:
        if edge.start != standing.stage or Actor.RULES not in edge.actors:
            continue
        if not holds(edge.when, contact, now):
            continue
        if now - standing.since >= edge.dwell:
            return StageChange(edge)
        if refused is None:
            refused = StageRefused(edge.to, "dwell", standing.since + edge.dwell)
    return refused


def asked_change(
    contact: Contact, to: str, actor: Actor, edges: Iterable[Edge], now: datetime
) -> StageChange | StageRefused:
    """Return the answer to somebody's wish to set the stage; every door obeys the same guards.

    A refusal says what is in the way on the edge that comes nearest to being open.
    """
    standing = contact.standing
    start = standing.stage if standing else ""
    if start == to:
        return StageRefused(to, "already there")
    between = [edge for edge in edges if (edge.start, edge.to) == (start, to)]
    if not between:
        return StageRefused(to, "no such edge")
    own = [edge for edge in between if actor in edge.actors]
    if not own:
        return StageRefused(to, f"{actor} may not take {between[0].key}")
    unguarded = [
        edge for edge in own if edge.kind is EdgeKind.OVERRIDE or holds(edge.when, contact, now)
    ]
    if not unguarded:
        return StageRefused(to, "the guard does not hold")
    for edge in unguarded:
        if standing is None or now - standing.since >= edge.dwell:
            return StageChange(edge, f"asked by {actor}")
    soonest = min(edge.dwell for edge in unguarded)
    return StageRefused(to, "dwell", standing.since + soonest if standing else None)


def highest(one: str, other: str, order: Sequence[str]) -> str:
    """Return the later of two stages in the funnel's order; an unknown one is the lowest."""
    places = {key: place for place, key in enumerate(order)}
    return one if places.get(one, -1) >= places.get(other, -1) else other
