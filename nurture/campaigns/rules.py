"""What must be true of the funnel and of sequences together before they are published."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import inf

from nurture.campaigns.complaints import did_you_mean
from nurture.campaigns.entry_rules import check_ways_in
from nurture.domain.check import Fault, minimum_time
from nurture.domain.conditions import All, Any, Compare, Condition, Op
from nurture.domain.funnel import Funnel
from nurture.domain.sequence import SHORTEST_LOOP, Enter, MoveTo, Reentry, Returning
from nurture.domain.sequence import Sequence as Steps
from nurture.domain.stages import Actor, EdgeKind
from nurture.domain.timing import Window, next_open
from nurture.domain.zones import UTC_ZONE


def check_entry(sequence: Steps) -> tuple[Fault, ...]:
    """Return every rule that the way into one sequence breaks, and its window."""
    return (*_window(sequence.window, sequence.holidays), *check_ways_in(sequence))


def check_sequences(sequences: Sequence[Steps]) -> tuple[tuple[str, Fault], ...]:
    """Return the rules that sequences break together, each with the key of the sequence at fault.

    A sequence that does not exist is left to whoever knows all their names.
    """
    found = [
        *_rivals(sequences),
        *((one.key, fault) for one in sequences for fault in _moves(one, sequences)),
        *_circles(sequences),
    ]
    return tuple(found)


def check_funnel(funnel: Funnel) -> tuple[Fault, ...]:
    """Return every rule that a funnel breaks by itself; names of stages are taken as they are."""
    return (
        *_hysteresis(funnel),
        *_people(funnel),
        *_unreachable_stages(funnel),
        *_out_of_reach(funnel),
        *_window(funnel.window, funnel.holidays),
    )


def check_hold_outs(funnel: Funnel, sequences: Iterable[Steps]) -> Iterator[Fault]:
    """Yield the hold-outs of tracks that no sequence is of: they would hold nobody out."""
    tracks = {one.track for one in sequences}
    for track in funnel.hold_outs:
        if tracks and track not in tracks:
            told = f"no sequence is of the track {track!r}, so nobody would be held out"
            remedy = f"Write `track: {track}` in a sequence, or remove it from `hold_out`."
            yield Fault(told, did_you_mean(track, tracks, remedy), ("hold_out", track))


def _window(window: Window, holidays: frozenset[date]) -> Iterator[Fault]:
    if not window.days:
        remedy = "Name at least one day: `days: [mon, tue]`."
        yield Fault("the window never opens", remedy, ("window", "days"))
        return
    for day in sorted(holidays):
        if day - timedelta(days=1) in holidays:
            continue
        try:
            next_open(window, UTC_ZONE, datetime.combine(day, time(0), UTC), holidays)
        except ValueError:
            told = "the holidays keep the window closed for more than a year"
            yield Fault(told, "Remove days from `holidays`.", ("window", "days"))
            return


def _rivals(sequences: Sequence[Steps]) -> Iterator[tuple[str, Fault]]:
    seen: dict[tuple[str, str, int], str] = {}
    for one in sequences:
        if one.stage:
            first = seen.setdefault((one.track, one.stage, one.priority), one.key)
            if first != one.key:
                told = f"{first!r} takes the same stage with the same priority"
                yield one.key, Fault(told, "Give one of them a higher `priority`.", ("stage",))


def _moves(sequence: Steps, sequences: Iterable[Steps]) -> Iterator[Fault]:
    known = {one.key: one for one in sequences}
    for number, step in enumerate(sequence.steps):
        if not isinstance(step, MoveTo | Enter):
            continue
        word = "move_to" if isinstance(step, MoveTo) else "enter"
        place = ("steps", number, word)
        target = known.get(step.sequence)
        if step.sequence == sequence.key:
            told = "a sequence cannot lead contacts into itself"
            yield Fault(told, "Lead the path to a step of this sequence instead.", place)
        elif target is None:
            continue
        elif isinstance(step, Enter) and sequence.shares_track(target):
            told = f"{target.key!r} is of the same track, and a contact is in one at a time"
            yield Fault(told, "Enter a triggered sequence, or write `move_to`.", place)
        elif target.stage and sequence.stage and target.stage != sequence.stage:
            told = f"{target.key!r} is for the stage {target.stage!r}, and nobody here is in it"
            yield Fault(told, f"Write `change_stage: {target.stage}`.", place)
        elif target.reentry is Reentry.KEYED and sequence.reentry is not Reentry.KEYED:
            told = f"{target.key!r} is entered by a key of its event, and nobody here has one"
            yield Fault(told, "Move to a sequence that is not keyed.", place)


def _circles(sequences: Sequence[Steps]) -> Iterator[tuple[str, Fault]]:
    """Yield the circles of moves: too fast, or closed because nobody may come again."""
    known = {one.key: one for one in sequences}
    hops: dict[str, dict[str, timedelta]] = {}
    for one in sequences:
        # Whoever resumes begins at the step where they stopped, which may be the one that leads on.
        times = minimum_time(one)
        if one.returning is Returning.RESUME:
            times = dict.fromkeys(times, timedelta())
        for step in one.steps:
            if not isinstance(step, MoveTo | Enter) or step.key not in times:
                continue
            if step.sequence in known and step.sequence != one.key:
                ways = hops.setdefault(one.key, {})
                ways[step.sequence] = min(times[step.key], ways.get(step.sequence, timedelta.max))
    told: set[frozenset[str]] = set()
    for start in sorted(hops):
        takes, circle = _quickest(hops, start)
        if not circle:
            continue
        way = " → ".join((*circle, start))
        if takes < SHORTEST_LOOP and frozenset(circle) not in told:
            told.add(frozenset(circle))
            message = f"contacts would go round {way} without a wait of at least an hour"
            yield start, Fault(message, "Put a `wait` before one of the moves.", ("steps",))
        if known[start].reentry is Reentry.NEVER:
            message = f"contacts who go round {way} may not enter {start!r} again"
            yield start, Fault(message, "Write `reentry: {after: 30d}`.", ("reentry",))


def _quickest(
    hops: Mapping[str, Mapping[str, timedelta]], start: str
) -> tuple[timedelta, tuple[str, ...]]:
    """Return the quickest circle from `start` back to it; an empty one when there is none."""
    seen: set[str] = set()
    ahead: list[tuple[timedelta, tuple[str, ...]]] = [(timedelta(), (start,))]
    while ahead:
        spent, way = heapq.heappop(ahead)
        if way[-1] in seen:
            if way[-1] == start:
                return spent, way[:-1]
            continue
        seen.add(way[-1])
        for to, takes in hops.get(way[-1], {}).items():
            heapq.heappush(ahead, (spent + takes, (*way, to)))
    return timedelta(), ()


def _bound(condition: Condition, lower: bool) -> float:  # noqa: FBT001 - two sides of one rule
    """Return the engagement that `condition` asks for at least (or at most); infinite when none."""
    none, all_, any_ = (-inf, max, min) if lower else (inf, min, max)
    ops = (Op.AT_LEAST, Op.ABOVE) if lower else (Op.AT_MOST, Op.BELOW)
    match condition:
        case Compare(subject, op, int() | float() as value):
            return float(value) if subject.kind == "engagement" and op in ops else none
        case All(parts):
            return all_((_bound(part, lower) for part in parts), default=none)
        case Any(parts):
            return any_((_bound(part, lower) for part in parts), default=none)
        case _:
            return none


def _hysteresis(funnel: Funnel) -> Iterator[Fault]:
    for number, down in enumerate(funnel.edges):
        if down.kind is not EdgeKind.DEMOTE:
            continue
        low = _bound(down.when, lower=False)
        for up in funnel.edges:
            opposite = up.kind is EdgeKind.PROMOTE and (up.start, up.to) == (down.to, down.start)
            high = _bound(up.when, lower=True)
            if opposite and -inf < high <= low < inf:
                told = f"{down.key} demotes at {low:g} and {up.key} promotes at {high:g}"
                remedy = f"Demote below a number smaller than {high:g}, or contacts go to and fro."
                yield Fault(told, remedy, ("edges", number, "when"))


def _people(funnel: Funnel) -> Iterator[Fault]:
    """Yield edges that ask of the rules what only a person can give."""
    for number, edge in enumerate(funnel.edges):
        place = ("edges", number, "by")
        if edge.kind is EdgeKind.OVERRIDE and Actor.RULES in edge.actors:
            told = f"{edge.key} is an override, and the rules cannot say who wants it and why"
            yield Fault(told, "Write `by: [sales]` or `by: [marketing]`.", place)
        elif edge.reasons and edge.actors == {Actor.RULES}:
            told = f"{edge.key} has reasons, and only the rules take it, which give none"
            yield Fault(told, "Let `sales` or `marketing` take it, or leave `reasons` out.", place)


def _unreachable_stages(funnel: Funnel) -> Iterator[Fault]:
    open_ = {edge.to for edge in funnel.edges} | set(funnel.first_stages.values())
    for number, stage in enumerate(funnel.stages):
        if number and stage.key not in open_:
            told = f"nobody can ever reach the stage {stage.key!r}"
            yield Fault(told, "Add an edge that leads to it.", ("stages", number, "key"))


def _out_of_reach(funnel: Funnel) -> Iterator[Fault]:
    """Yield thresholds above what all groups can give together."""
    used = {rule.group for rule in funnel.rules if rule.points > 0}
    # A group that does not exist is told of elsewhere; here it may give any number.
    caps = [funnel.groups[key].cap if key in funnel.groups else None for key in used]
    most = inf if None in caps else sum(cap for cap in caps if cap is not None)
    for number, edge in enumerate(funnel.edges):
        asked = _bound(edge.when, lower=True)
        if asked > most:
            told = f"{edge.key} asks for {asked:g} points, and all groups give {most:g} at most"
            yield Fault(told, "Raise a cap or lower the threshold.", ("edges", number, "when"))
    for number, warmth in enumerate(funnel.warmth[:-1]):
        if warmth.enter > most:
            told = (
                f"{warmth.key!r} begins at {warmth.enter:g}, and the groups give {most:g} at most"
            )
            yield Fault(told, "Raise a cap or lower it.", ("temperature", number, "enter"))
