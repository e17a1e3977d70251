"""The stages of a funnel and the typed edges between them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from nurture.domain.conditions import ALWAYS, Condition, holds
from nurture.domain.contact import Contact, Standing


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
    it was taken no rule promotes the contact again, except by an edge that is open `despite_rest`.
    """

    kind: EdgeKind
    start: str
    to: str
    when: Condition = ALWAYS
    dwell: timedelta = timedelta()
    actors: frozenset[Actor] = frozenset({Actor.RULES})
    reasons: tuple[str, ...] = ()
    cooldown: timedelta = timedelta()
    despite_rest: bool = False

    @property
    def key(self) -> str:
        """A readable name for the edge."""
        return f"{self.start}→{self.to}"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says who asks for a change: who they are, a reason's code, their own words."""

    by: str = ""
    reason: str = ""
    note: str = ""


NOBODY = Said()

# A refusal for one of these is a slip in asking, not something that happened to the contact.
NO_REASON = "no reason is given"
UNKNOWN_REASON = "the reason is none of the edge's"
NO_NAME = "nobody says who it is"
NO_WHY = "nobody says why"
SLIPS = frozenset({NO_REASON, UNKNOWN_REASON, NO_NAME, NO_WHY})

DWELL = "dwell"
RESTING = "resting"


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

    Edges are tried in their order; a guard that holds too early, for the dwell or for the rest
    after a rejection, is a refusal that says when it may be taken, and a later edge may still be
    open.
    """
    refused: StageRefused | None = None
    for edge in wanted(contact, edges, now):
        closed = _closed(edge, contact, Actor.RULES, now)
        if closed is None:
            return StageChange(edge)
        refused = refused or closed
    return refused


def wanted(contact: Contact, edges: Iterable[Edge], now: datetime) -> Iterator[Edge]:
    """Yield the edges that the rules would take now if there were no dwell and no rest."""
    stage = contact.standing.stage if contact.standing else None
    for edge in edges:
        own = edge.start == stage and Actor.RULES in edge.actors
        if own and holds(edge.when, contact, now):
            yield edge


def opens_at(edge: Edge, standing: Standing, actor: Actor) -> datetime:
    """Return from when on the dwell and the rest after a rejection let `actor` take `edge`."""
    opens = standing.since + edge.dwell
    rests = edge.kind is EdgeKind.PROMOTE and actor is Actor.RULES and not edge.despite_rest
    if rests and standing.rests_until is not None:
        return max(opens, standing.rests_until)
    return opens


def _closed(edge: Edge, contact: Contact, actor: Actor, now: datetime) -> StageRefused | None:
    """Return why it is too early for `edge`, None when it is not."""
    standing = contact.standing
    if standing is None or opens_at(edge, standing, actor) <= now:
        return None
    release = opens_at(edge, standing, actor)
    why = DWELL if release == standing.since + edge.dwell else RESTING
    return StageRefused(edge.to, why, release)


def asked_change(
    contact: Contact,
    to: str,
    actor: Actor,
    edges: Iterable[Edge],
    now: datetime,
    said: Said = NOBODY,
) -> StageChange | StageRefused:
    """Return the answer to somebody's wish to set the stage; every door obeys the same guards.

    A refusal says what is in the way on the edge that comes nearest to being open. People give
    a reason where the edge has some, and say who they are and why where they override.
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
    early: list[StageRefused] = []
    slips: list[StageRefused] = []
    for edge in unguarded:
        closed = _closed(edge, contact, actor, now)
        slip = "" if actor is Actor.RULES else _slip(edge, said)
        if closed is not None:
            early.append(closed)
        elif slip:
            slips.append(StageRefused(to, slip))
        else:
            return StageChange(edge, said.note or f"asked by {actor}")
    if slips:
        return slips[0]
    return min(early, key=lambda one: one.release or now)


def _slip(edge: Edge, said: Said) -> str:
    """Return what somebody forgot to say; empty when nothing is missing."""
    if edge.reasons and said.reason not in edge.reasons:
        return UNKNOWN_REASON if said.reason else NO_REASON
    if edge.kind is EdgeKind.OVERRIDE:
        return NO_NAME if not said.by else NO_WHY if not said.note.strip() else ""
    return ""


def taken(contact: Contact, edge: Edge, order: Sequence[str], now: datetime) -> Contact:
    """Return the contact after `edge` was taken.

    An edge with a cooldown begins a rest; going forward, and a person's override, end one.
    """
    standing = contact.standing
    if edge.cooldown:
        rests: datetime | None = now + edge.cooldown
    elif edge.kind in (EdgeKind.PROMOTE, EdgeKind.OVERRIDE):
        rests = None
    else:
        rests = standing.rests_until if standing else None
    top = highest(edge.to, standing.highest if standing else "", order)
    return replace(contact, standing=Standing(edge.to, top, now, rests))


def standing_at(
    standing: Standing,
    steps: Sequence[tuple[str, str, datetime]],
    began: datetime,
    order: Sequence[str],
    at: datetime,
) -> Standing:
    """Return where a contact stood at `at`, who stands at `standing` after `steps`.

    Steps are (from, to, when), oldest first; `began` is when they came to the first stage. How
    long they rested then is not known any more.
    """
    later = [one for one in steps if one[2] > at]
    if not later:
        return standing
    earlier = steps[: len(steps) - len(later)]
    stage = top = steps[0][0]
    for _, to, _ in earlier:
        stage, top = to, highest(to, top, order)
    return Standing(stage, top, earlier[-1][2] if earlier else began)


def highest(one: str, other: str, order: Sequence[str]) -> str:
    """Return the later of two stages in the funnel's order; an unknown one is the lowest."""
    places = {key: place for place, key in enumerate(order)}
    return one if places.get(one, -1) >= places.get(other, -1) else other
