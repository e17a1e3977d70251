"""Where a contact stands: scores, fit, persona, and the changes of stage that follow from them.

Pure, as everything here: the engine, the replay and the tests of both call the same `settle`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

from nurture.domain.contact import Contact
from nurture.domain.fit import fit, temperature
from nurture.domain.funnel import Funnel
from nurture.domain.personas import persona_of
from nurture.domain.scoring import Entry, engagement, leaves
from nurture.domain.stages import (
    Actor,
    StageChange,
    StageRefused,
    next_change,
    opens_at,
    taken,
    wanted,
)
from nurture.domain.turning import turns_at


@dataclass(frozen=True, slots=True)
class Settled:
    """A contact after the rules looked at them.

    `changes` are the stages they went through, in order; `refused` is what the rules would do
    and may not yet; `look_at` is when time alone may change something, None for never.
    """

    contact: Contact
    changes: tuple[StageChange, ...]
    refused: StageRefused | None
    look_at: datetime | None


def settle(
    contact: Contact,
    entries: Sequence[Entry],
    funnel: Funnel,
    now: datetime,
    also: Iterable[float] = (),
) -> Settled:
    """Compute the scores of `contact` anew and take every edge that the rules call for.

    `also` are further thresholds of the score: those that the contact's runs watch. The history
    is needed where `funnel.asks_history_in` names their stage. Each stage is entered
    once at most, so that edges which contradict each other cannot turn a contact in a circle.
    """
    current = assessed(contact, entries, funnel, now)
    changes: list[StageChange] = []
    seen: set[str] = set()
    while True:
        answer = next_change(current, funnel.edges, now)
        if not isinstance(answer, StageChange) or answer.edge.to in seen:
            break
        seen |= {answer.edge.start, answer.edge.to}
        changes.append(replace(answer, why=f"engagement {current.engagement:.1f}"))
        # Fit and persona may look at the stage.
        moved = taken(current, answer.edge, funnel.order, now)
        current = assessed(moved, entries, funnel, now)
    refused = answer if isinstance(answer, StageRefused) else None
    return Settled(current, tuple(changes), refused, look_at(current, entries, funnel, now, also))


def assessed(contact: Contact, entries: Sequence[Entry], funnel: Funnel, now: datetime) -> Contact:
    """Return the contact with engagement, temperature, fit and persona as they are at `now`.

    A funnel without personas leaves the one they have.
    """
    warm = weighed(contact, entries, funnel, now)
    found = fit(warm, funnel.fit_rules, funnel.grades, now)
    fitting = replace(warm, fit=found.total, grade=found.grade)
    if not funnel.personas:
        return fitting
    return replace(fitting, persona=persona_of(fitting, funnel.personas, now))


def weighed(contact: Contact, entries: Sequence[Entry], funnel: Funnel, now: datetime) -> Contact:
    """Return the contact with engagement and temperature as they are at `now`."""
    score = engagement(entries, funnel.groups, funnel.limits, now).total
    warmth = temperature(contact.temperature, score, funnel.warmth)
    return replace(contact, engagement=score, temperature=warmth)


def look_at(
    contact: Contact,
    entries: Sequence[Entry],
    funnel: Funnel,
    now: datetime,
    also: Iterable[float] = (),
) -> datetime | None:
    """Return the next instant at which time alone may change where `contact` stands.

    That is when the score leaves the band between two thresholds, an entry of the future begins
    to count, the clock turns a condition of an edge, of fit or of a persona, or a dwell or a rest
    ends that is all that is in the way. `contact` carries the scores of `now`.
    """
    moments = [next_crossing(funnel, entries, contact.engagement, now, also)]
    moments += [turns_at(one, contact, now) for one in funnel.standing_conditions]
    standing = contact.standing
    if standing is not None:
        moments += [
            turns_at(edge.when, contact, now)
            for edge in funnel.edges
            if edge.start == standing.stage and Actor.RULES in edge.actors
        ]
        moments += [
            opens_at(edge, standing, Actor.RULES) for edge in wanted(contact, funnel.edges, now)
        ]
    return min((one for one in moments if one is not None and one > now), default=None)


def next_crossing(
    funnel: Funnel,
    entries: Sequence[Entry],
    score: float,
    now: datetime,
    also: Iterable[float] = (),
) -> datetime | None:
    """Return when the score crosses a threshold, or one of `also`, by itself; None for never.

    Decay takes it below the next threshold down, points taken away fade and let it rise to the
    next one up, or an entry of the future begins to count.
    """
    # A clock that runs ahead of ours sends events from the near future; they count when it comes.
    later = [entry.occurred_at for entry in entries if entry.occurred_at > now]
    if entries:
        steps = (*funnel.score_thresholds, *also)
        below = max((one for one in steps if one <= score), default=-inf)
        band = (below, min((one for one in steps if one > score), default=inf))
        left = leaves(entries, funnel.groups, funnel.limits, band, now)
        later += [] if left is None else [left]
    return min(later, default=None)
