"""Engagement from an append-only ledger, fit from fields, temperature with hysteresis."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.domain.conditions import Condition, counts, holds, matches_properties
from nurture.domain.contact import NOTHING, Contact, Occurrence, Value

# A score is searched for its next crossing at most this far ahead.
HORIZON = timedelta(days=3650)
PRECISION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` entries of a rule count within any `per`."""

    count: int
    per: timedelta


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that share a cap and a half-life. None means no cap, no decay."""

    key: str
    cap: float | None = None
    half_life: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """Points for an occurrence of `event` by a person whose properties match `where`."""

    key: str
    event: str
    points: float
    group: str
    where: Mapping[str, Value] = NOTHING
    limit: Limit | None = None
    names: Mapping[str, str] = NOTHING  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `dedupe_key` is unique: the same occurrence never scores twice."""

    rule: str
    rule_version: int
    group: str
    points: float
    occurred_at: datetime
    dedupe_key: str
    event_id: int = 0
    compensates: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One entry in a score: what it was worth, what it is worth now, and why if nothing."""

    entry: Entry
    now: float
    limited: bool = False


@dataclass(frozen=True, slots=True)
class GroupSum:
    """One group in a score; `total` is `raw` unless the cap bit."""

    group: Group
    raw: float
    total: float
    parts: tuple[Part, ...]

    @property
    def capped(self) -> bool:
        """Whether the cap took something away."""
        return self.total < self.raw


@dataclass(frozen=True, slots=True)
class Score:
    """A score and everything it is made of; `total` is the sum of the groups' totals."""

    total: float
    groups: tuple[GroupSum, ...]


def award(occurrence: Occurrence, rules: Iterable[ScoreRule], version: int) -> tuple[Entry, ...]:
    """Return the ledger entries that `occurrence` earns under the rules of one funnel version."""
    return tuple(
        Entry(
            rule=rule.key,
            rule_version=version,
            group=rule.group,
            points=rule.points,
            occurred_at=occurrence.occurred_at,
            dedupe_key=f"{rule.key}:{occurrence.dedupe_key or occurrence.id}",
            event_id=occurrence.id,
        )
        for rule in rules
        if counts(occurrence, rule.event) and matches_properties(rule.where, occurrence.properties)
    )


def compensate(entry: Entry) -> Entry:
    """Return the entry that takes `entry` back, because its occurrence was a machine's."""
    return Entry(
        rule=entry.rule,
        rule_version=entry.rule_version,
        group=entry.group,
        points=-entry.points,
        occurred_at=entry.occurred_at,
        dedupe_key=f"undo:{entry.dedupe_key}",
        event_id=entry.event_id,
        compensates=entry.dedupe_key,
    )


def engagement(
    entries: Iterable[Entry],
    groups: Mapping[str, Group],
    limits: Mapping[str, Limit],
    now: datetime,
) -> Score:
    """Return the engagement at `now`: Σ over groups of min(cap, Σ points · 2^(−age/half-life)).

    Entries are taken by `occurred_at`, so the order in which they were written does not
    matter. Entries of the future count only once their time has come. A group that the
    funnel no longer has keeps its points without cap or decay.
    """
    ordered = sorted(
        (entry for entry in entries if entry.occurred_at <= now),
        key=lambda entry: (entry.occurred_at, entry.dedupe_key),
    )
    limited = _limited(ordered, limits)
    parts: dict[str, list[Part]] = {}
    for entry in ordered:
        group = groups.get(entry.group, Group(entry.group))
        over = entry.dedupe_key in limited
        worth = 0.0 if over else _decayed(entry, group, now)
        parts.setdefault(entry.group, []).append(Part(entry, worth, over))
    sums = []
    for key in sorted(parts):
        group = groups.get(key, Group(key))
        raw = sum(part.now for part in parts[key])
        total = raw if group.cap is None else min(group.cap, raw)
        sums.append(GroupSum(group, raw, total, tuple(parts[key])))
    return Score(sum(one.total for one in sums), tuple(sums))


def _decayed(entry: Entry, group: Group, now: datetime) -> float:
    if group.half_life is None:
        return entry.points
    age = (now - entry.occurred_at) / group.half_life
    return float(entry.points * 2.0**-age)


def _limited(ordered: Sequence[Entry], limits: Mapping[str, Limit]) -> frozenset[str]:
    """Return the dedupe keys of entries beyond their rule's limit, and of their undoing.

    An entry that was taken back leaves its place in the limit to the next one.
    """
    undone = {entry.compensates for entry in ordered if entry.compensates}
    counted: dict[str, list[datetime]] = {}
    over: set[str] = set()
    for entry in ordered:
        limit = limits.get(entry.rule)
        if limit is None or entry.compensates or entry.dedupe_key in undone:
            continue
        times = counted.setdefault(entry.rule, [])
        recent = [at for at in times if entry.occurred_at - at < limit.per]
        if len(recent) >= limit.count:
            over.add(entry.dedupe_key)
        else:
            times.append(entry.occurred_at)
    return frozenset(over)


def falls_below(
    entries: Sequence[Entry],
    groups: Mapping[str, Group],
    limits: Mapping[str, Limit],
    threshold: float,
    now: datetime,
) -> datetime | None:
    """Return when the engagement first lies below `threshold` if nothing more happens.

    None when it lies below already, or does not fall below within HORIZON. Found by
    doubling steps and bisection, to PRECISION.
    """

    def below(at: datetime) -> bool:
        return engagement(entries, groups, limits, at).total < threshold

    if below(now):
        return None
    low, step = now, timedelta(hours=1)
    while not below(low + step):
        low += step
        step *= 2
        if low - now > HORIZON:
            return None
    high = low + step
    while high - low > PRECISION:
        middle = low + (high - low) / 2
        low, high = (low, middle) if below(middle) else (middle, high)
    return high


@dataclass(frozen=True, slots=True)
class FitRule:
    """Points when `when` is true of the contact; `disqualifies` forces the lowest grade."""

    key: str
    when: Condition
    points: float = 0.0
    disqualifies: bool = False
    names: Mapping[str, str] = NOTHING  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Fit:
    """Fit with its parts: the rules that held, their sum, and the grade."""

    total: float
    grade: str
    held: tuple[FitRule, ...]

    @property
    def disqualified(self) -> bool:
        """Whether a disqualifier held."""
        return any(rule.disqualifies for rule in self.held)


def fit(
    contact: Contact,
    rules: Iterable[FitRule],
    grades: Sequence[tuple[str, float]],
    now: datetime,
) -> Fit:
    """Return the fit of `contact`; `grades` are (letter, least points), best first, lowest last."""
    held = tuple(rule for rule in rules if holds(rule.when, contact, now))
    total = sum(rule.points for rule in held)
    if any(rule.disqualifies for rule in held):
        return Fit(total, grades[-1][0], held)
    grade = next((letter for letter, least in grades if total >= least), grades[-1][0])
    return Fit(total, grade, held)


@dataclass(frozen=True, slots=True)
class Warmth:
    """One temperature: entered at `enter` points, left below `leave` < `enter`."""

    key: str
    enter: float
    leave: float


def temperature(current: str, points: float, scale: Sequence[Warmth]) -> str:
    """Return the temperature for `points`; `scale` is hottest first, its last entry the ground.

    Between `leave` and `enter` the current temperature stays, so that it does not flap.
    """
    for warmth in scale[:-1]:
        stays = warmth.key == current and points >= warmth.leave
        if points >= warmth.enter or stays:
            return warmth.key
    return scale[-1].key
