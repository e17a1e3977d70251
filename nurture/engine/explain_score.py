"""A score explained to the last point: every entry, then and now, and what happens next.

All of it is computed by the functions that compute the score itself, so that the parts can
never sum to anything else than the number shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nurture.domain.contact import Contact, Occurrence
from nurture.domain.fit import FitRule, fit, temperature
from nurture.domain.funnel import Funnel
from nurture.domain.scoring import Entry, Group, Part, engagement, falls_below
from nurture.domain.stages import StageChange, StageRefused, next_change


@dataclass(frozen=True, slots=True)
class Line:
    """One ledger entry: its points then and now, and what the contact did for them.

    `names` are of the rule by language; empty when the funnel has the rule no more. `limited`
    says that the rule's limit was used up; `undone` that a later entry took this one back,
    `undoes` that this is such an entry.
    """

    rule: str
    names: Mapping[str, str]
    points: float
    now: float
    occurred_at: datetime
    limited: bool = False
    undone: bool = False
    undoes: bool = False
    occurrence: Occurrence | None = None


@dataclass(frozen=True, slots=True)
class Heap:
    """One group of entries; `total` is `raw` unless the cap bit."""

    group: Group
    raw: float
    total: float
    lines: tuple[Line, ...]

    @property
    def capped(self) -> bool:
        """Whether the cap took something away."""
        return self.total < self.raw


@dataclass(frozen=True, slots=True)
class Crossing:
    """What changes when the score has fallen below `threshold`, if nothing happens until then.

    Of `temperature` and `stage` those are empty that stay as they are. `held_until` is
    the end of a stage's dwell, when the points are gone before it.
    """

    at: datetime
    threshold: float
    temperature: str = ""
    stage: str = ""
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScoreExplained:
    """The engagement at one moment: `total` is the sum of the heaps' totals."""

    total: float
    temperature: str
    heaps: tuple[Heap, ...]
    crossing: Crossing | None


@dataclass(frozen=True, slots=True)
class FitExplained:
    """The fit: rules that held and those that did not, the grade and the next better one."""

    total: float
    grade: str
    disqualified: bool
    held: tuple[FitRule, ...]
    missed: tuple[FitRule, ...]
    better: tuple[str, float] | None


def explain_score(
    contact: Contact, entries: Sequence[Entry], funnel: Funnel, now: datetime
) -> ScoreExplained:
    """Return what the engagement of `contact` at `now` is made of.

    `contact` needs its history, whose occurrences tell what each entry was for.
    """
    score = engagement(entries, funnel.groups, funnel.limits, now)
    names = {rule.key: rule.names for rule in funnel.rules}
    told = {one.id: one for one in contact.history}
    undone = {entry.compensates for entry in entries if entry.compensates}

    def line(part: Part) -> Line:
        entry = part.entry
        return Line(
            rule=entry.rule,
            names=names.get(entry.rule, {}),
            points=entry.points,
            now=part.now,
            occurred_at=entry.occurred_at,
            limited=part.limited,
            undone=entry.dedupe_key in undone,
            undoes=bool(entry.compensates),
            occurrence=told.get(entry.event_id),
        )

    heaps = [
        Heap(one.group, one.raw, one.total, tuple(line(part) for part in reversed(one.parts)))
        for one in score.groups
    ]
    heaps.sort(key=lambda heap: -abs(heap.total))
    warmth = temperature(contact.temperature, score.total, funnel.warmth)
    current = replace(contact, engagement=score.total, temperature=warmth)
    return ScoreExplained(
        score.total, warmth, tuple(heaps), next_crossing(current, entries, funnel, now)
    )


def next_crossing(
    contact: Contact, entries: Sequence[Entry], funnel: Funnel, now: datetime
) -> Crossing | None:
    """Return the first crossing ahead that changes something, when decay alone goes on.

    `contact` carries the engagement and the temperature of `now`.
    """
    below = [value for value in funnel.score_thresholds if value <= contact.engagement]
    for threshold in reversed(below):
        at = falls_below(entries, funnel.groups, funnel.limits, threshold, now)
        if at is None:
            continue
        points = engagement(entries, funnel.groups, funnel.limits, at).total
        then = temperature(contact.temperature, points, funnel.warmth)
        cooled = replace(contact, engagement=points, temperature=then)
        answer, before = (
            next_change(cooled, funnel.edges, at),
            next_change(contact, funnel.edges, now),
        )
        stage, held = "", None
        match answer:
            case StageChange(edge) if before != answer:
                stage = edge.to
            case StageRefused(to, _, release) if not isinstance(before, StageRefused):
                stage, held = to, release
            case _:
                pass
        if stage or then != contact.temperature:
            changed = then if then != contact.temperature else ""
            return Crossing(at, threshold, changed, stage, held)
    return None


def explain_fit(contact: Contact, funnel: Funnel, now: datetime) -> FitExplained:
    """Return what the fit of `contact` is made of, from their fields as they are now."""
    found = fit(contact, funnel.fit_rules, funnel.grades, now)
    missed = tuple(rule for rule in funnel.fit_rules if rule not in found.held)
    better = None
    if not found.disqualified:
        above = [one for one in funnel.grades if one[1] > found.total]
        better = above[-1] if above else None
    return FitExplained(found.total, found.grade, found.disqualified, found.held, missed, better)
