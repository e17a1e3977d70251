"""Engagement from an append-only ledger. Fit and temperature stand beside it in `fit`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import fsum, inf
from types import MappingProxyType

from nurture.domain.conditions import counts, matches_properties
from nurture.domain.contact import NOTHING, Occurrence, Value
from nurture.domain.fit import Fit as Fit
from nurture.domain.fit import FitRule as FitRule
from nurture.domain.fit import Warmth as Warmth
from nurture.domain.fit import fit as fit
from nurture.domain.fit import temperature as temperature

# A score is searched for its next crossing at most this far ahead, to this precision. Points
# taken away decay, too, so that a score can dip and recover; a dip shorter than DIP is let be.
HORIZON = timedelta(days=3650)
PRECISION = timedelta(minutes=1)
DIP = timedelta(hours=1)


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
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """Points for an occurrence of `event` by a person whose properties match `where`."""

    key: str
    event: str
    points: float
    group: str
    where: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    limit: Limit | None = None
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


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
    funnel no longer has keeps its points without cap or decay. Sums are exact (`fsum`): an
    entry and its compensation leave nothing behind, in whatever order they stand.
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
        raw = fsum(part.now for part in parts[key])
        total = raw if group.cap is None else min(group.cap, raw)
        sums.append(GroupSum(group, raw, total, tuple(parts[key])))
    return Score(fsum(one.total for one in sums), tuple(sums))


def _decayed(entry: Entry, group: Group, now: datetime) -> float:
    if group.half_life is None:
        return entry.points
    age = (now - entry.occurred_at) / group.half_life
    return float(entry.points * 2.0**-age)


def _limited(ordered: Sequence[Entry], limits: Mapping[str, Limit]) -> frozenset[str]:
    """Return the dedupe keys of entries beyond their rule's limit, and of their undoing.

    An entry that was taken back leaves its place in the limit to the next one, until the taking
    back is itself taken back.
    """
    undoing = {entry.compensates: entry.dedupe_key for entry in ordered if entry.compensates}
    counted: dict[str, list[datetime]] = {}
    over: set[str] = set()
    for entry in ordered:
        limit = limits.get(entry.rule)
        if limit is None or entry.compensates or _undone(entry.dedupe_key, undoing):
            continue
        times = counted.setdefault(entry.rule, [])
        # They are in order: when the last but so many lies outside the period, all before it do.
        full = len(times) >= limit.count
        if full and (not limit.count or entry.occurred_at - times[-limit.count] < limit.per):
            over.add(entry.dedupe_key)
        else:
            times.append(entry.occurred_at)
    return frozenset(over)


def _undone(key: str, undoing: Mapping[str, str]) -> bool:
    return key in undoing and not _undone(undoing[key], undoing)


def falls_below(
    entries: Sequence[Entry],
    groups: Mapping[str, Group],
    limits: Mapping[str, Limit],
    threshold: float,
    now: datetime,
) -> datetime | None:
    """Return when the engagement first lies below `threshold` if nothing more happens.

    None when it lies below already, or does not fall below within HORIZON. Entries of the
    future count from their time on.
    """
    if engagement(entries, groups, limits, now).total < threshold:
        return None
    return leaves(entries, groups, limits, (threshold, inf), now)


def leaves(
    entries: Sequence[Entry],
    groups: Mapping[str, Group],
    limits: Mapping[str, Limit],
    band: tuple[float, float],
    now: datetime,
) -> datetime | None:
    """Return when the engagement first lies below `band` or reaches its upper end.

    None when that does not happen within HORIZON. Found by bisection, to PRECISION. It rises by
    itself, too: what was taken away fades like everything else.
    """
    end = now + HORIZON
    later = sorted({one.occurred_at for one in entries if now < one.occurred_at < end})
    for start, stop in pairwise((now, *later, end)):
        score = engagement(entries, groups, limits, start)
        if start > now and not band[0] <= score.total < band[1]:
            return start
        offset = _first_outside(score, band, stop - start)
        if offset is not None:
            return start + offset
    return None


def _first_outside(score: Score, band: tuple[float, float], length: timedelta) -> timedelta | None:
    """Return after how long `score` alone, decaying, first lies outside `band`.

    Within a group everything decays alike, so that each group only falls or only rises. What
    the falling ones are worth at the end of a stretch and the rising ones at its start is the
    least the sum can be in it, and the other way round the most: a stretch where both lie within
    the band need not be searched.
    """
    falling = [one for one in score.groups if one.raw > 0]
    rising = [one for one in score.groups if one.raw <= 0]
    bottom, top = band
    stretches = [(timedelta(), length)]
    while stretches:
        low, high = stretches.pop()
        least = _after(falling, high) + _after(rising, low)
        most = _after(falling, low) + _after(rising, high)
        if least >= bottom and most < top:
            continue
        outside = not bottom <= _after(score.groups, high) < top
        if high - low <= PRECISION and outside:
            return high
        if outside or high - low > DIP:
            middle = low + (high - low) / 2
            stretches += [(middle, high), (low, middle)]
    return None


def _after(sums: Iterable[GroupSum], offset: timedelta) -> float:
    worth = []
    for one in sums:
        half_life, cap = one.group.half_life, one.group.cap
        raw = one.raw if half_life is None else one.raw * 2.0 ** -(offset / half_life)
        worth.append(raw if cap is None else min(cap, raw))
    return fsum(worth)
