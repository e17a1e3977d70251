"""The paths of a sequence as a graph, and what must be true of them before it is published."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from nurture.domain.conditions import Did, walk
from nurture.domain.contact import Engaged
from nurture.domain.durations import format_duration
from nurture.domain.sequence import (
    END,
    SHORTEST_LOOP,
    Branch,
    Email,
    Enter,
    Exit,
    MoveTo,
    Notify,
    Sequence,
    Split,
    Step,
    Wait,
    WaitFor,
    WaitUntil,
    Webhook,
)

Path = tuple[tuple[str | int, ...], str]
NO_TIME = timedelta()


@dataclass(frozen=True, slots=True)
class Loop:
    """Steps that lead back to each other: the quickest way round, its time, and all of them."""

    way: tuple[str, ...]
    takes: timedelta
    steps: tuple[str, ...]


class Graph:
    """The steps of one sequence and the least time that each path between them takes."""

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self._known: dict[str, dict[str, tuple[timedelta, tuple[str, ...]]]] = {}
        self.ways: Mapping[str, Mapping[str, timedelta]] = {
            step.key: self._onward(step) for step in sequence.steps
        }

    @staticmethod
    def written(step: Step) -> tuple[Path, ...]:
        """Return the paths `step` writes down: where in the file, and the target ("": below)."""
        match step:
            case WaitUntil():
                dated = ("past", "missing")
                ways = tuple(
                    (("wait_until", name), getattr(step, name) or step.next) for name in dated
                )
                return ((("next",), step.next), *ways)
            case Split():
                ways_on = enumerate(step.arms)
                return tuple((("split", "arms", i, "to"), one.to) for i, one in ways_on)
            case WaitFor():
                names = ("yes", "no", *(("unknowable",) if step.unknowable else ()))
                return tuple((("wait_for", name), getattr(step, name)) for name in names)
            case Branch(cases=cases, otherwise=otherwise):
                arms = ((("branch", "cases", i, "to"), one.to) for i, one in enumerate(cases))
                hidden = ((("branch", "unknowable"), step.unknowable),) if step.unknowable else ()
                return (*arms, (("branch", "else"), otherwise), *hidden)
            case MoveTo() | Exit():
                return ()
            case _:
                return ((("next",), step.next),)

    def _onward(self, step: Step) -> dict[str, timedelta]:
        """Return the steps that follow `step`, each with the least time on the way."""
        ways: dict[str, timedelta] = {}
        for path, written in self.written(step):
            target = self.sequence.after(step.key, written)
            if target in self.sequence.by_key:
                takes = _least(step, str(path[-1]))
                ways[target] = min(takes, ways.get(target, takes))
        return ways

    @cached_property
    def reached(self) -> frozenset[str]:
        """The steps that some path leads to; whoever reaches a goal jumps there."""
        goals = {goal.key for goal in self.sequence.goals}
        starts = {self.sequence.first, *goals} - {END}
        return frozenset(starts.union(*(self.beyond(start) for start in starts)))

    def beyond(self, key: str) -> frozenset[str]:
        """The steps that come after `key` on some path; itself only when it stands in a loop."""
        return frozenset(self._times(key))

    def loops(self) -> Iterator[Loop]:
        """Yield each knot of loops once, in the order of its first step."""
        told: set[str] = set()
        for step in self.sequence.steps:
            if step.key in told or step.key not in self.beyond(step.key):
                continue
            inside = self.beyond(step.key)
            knot = [
                one.key
                for one in self.sequence.steps
                if one.key in inside and step.key in self.beyond(one.key)
            ]
            told.update(knot)
            quickest = min(knot, key=lambda key: self._times(key)[key][0])
            takes, way = self._times(quickest)[quickest]
            yield Loop(way, takes, tuple(knot))

    def _times(self, start: str) -> dict[str, tuple[timedelta, tuple[str, ...]]]:
        """Return for each step after `start` the least time to it and the way (without its end)."""
        if start in self._known:
            return self._known[start]
        found: dict[str, tuple[timedelta, tuple[str, ...]]] = {}
        ahead: list[tuple[timedelta, tuple[str, ...]]] = [(NO_TIME, (start,))]
        while ahead:
            spent, way = heapq.heappop(ahead)
            for target, takes in self.ways[way[-1]].items():
                at = spent + takes
                if target not in found or at < found[target][0]:
                    found[target] = (at, way)
                    heapq.heappush(ahead, (at, (*way, target)))
        self._known[start] = found
        return found

    def least_time_to(self, key: str) -> timedelta | None:
        """Return the least time from entry to `key`; None when no path leads there."""
        if key == self.sequence.first:
            return NO_TIME
        if any(goal.key == key or key in self.beyond(goal.key) for goal in self.sequence.goals):
            return NO_TIME
        found = self._times(self.sequence.first).get(key)
        return found and found[0]


def minimum_time(sequence: Sequence) -> dict[str, timedelta]:
    """Return the least time from entry to each step that some path leads to."""
    graph = Graph(sequence)
    times = ((step.key, graph.least_time_to(step.key)) for step in sequence.steps)
    return {key: time for key, time in times if time is not None}


def _least(step: Step, path: str) -> timedelta:
    """Return the least time that `step` holds a contact who leaves by `path`.

    A weekday or a time of day may come at once. A wait for the answer to an email passes at
    once when that email could not be sent, so only a wait that names none counts its time-out.
    """
    if isinstance(step, Wait):
        return step.duration
    if isinstance(step, WaitFor) and path != "yes" and not (step.match and step.match.of):
        return step.within
    return NO_TIME


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule: what is wrong, what to do, and where.

    `place` leads to the part as a campaign file writes it, with steps by their number:
    ("steps", 2, "wait_for", "of").
    """

    message: str
    remedy: str
    place: tuple[str | int, ...] = ()


def check_sequence(sequence: Sequence) -> tuple[Fault, ...]:
    """Return every rule that the paths of one sequence break."""
    graph = Graph(sequence)
    return (
        *_paths(sequence, graph),
        *_unreachable(sequence, graph),
        *_loops(sequence, graph),
        *_awaited(sequence, graph),
        *_guessed(sequence),
        *_silent(sequence, graph),
    )


def _place(sequence: Sequence, key: str, *rest: str | int) -> tuple[str | int, ...]:
    return ("steps", [step.key for step in sequence.steps].index(key), *rest)


def _paths(sequence: Sequence, graph: Graph) -> Iterator[Fault]:
    known = {*sequence.by_key, END}
    for step in sequence.steps:
        for path, target in graph.written(step):
            if target and target not in known:
                place = _place(sequence, step.key, *path)
                told = f"there is no step {target!r} to go to"
                yield Fault(told, f"Write the key of a step of this sequence, or {END}.", place)


def _unreachable(sequence: Sequence, graph: Graph) -> Iterator[Fault]:
    for step in sequence.steps:
        if step.key not in graph.reached:
            told = f"no path leads to the step {step.key!r}"
            yield Fault(told, "Lead a path to it, or remove it.", _place(sequence, step.key, "key"))


def _loops(sequence: Sequence, graph: Graph) -> Iterator[Fault]:
    shortest = format_duration(SHORTEST_LOOP)
    for loop in graph.loops():
        way = " → ".join((*loop.way, loop.way[0]))
        if loop.takes < SHORTEST_LOOP:
            told = f"the loop {way} can turn in less than {shortest}"
            remedy = f"Put a `wait` of at least {shortest} on every way round."
            yield Fault(told, remedy, _place(sequence, loop.way[0], "key"))
        for key in loop.steps:
            if sequence.by_key[key].passes == 1:
                told = f"the step {key!r} stands in a loop and may be met only once"
                remedy = "Say how often: `passes: 3`."
                yield Fault(told, remedy, _place(sequence, key, "key"))


def _guessed(sequence: Sequence) -> Iterator[Fault]:
    for step in sequence.steps:
        if not isinstance(step, Branch):
            continue
        place = _place(sequence, step.key, "branch")
        parts = (part for case in step.cases for part in walk(case.when))
        opens = any(isinstance(part, Did) and part.event == Engaged.OPEN for part in parts)
        if opens and not step.unknowable:
            told = "a branch asks for opens, which cannot always be known"
            yield Fault(told, "Add `unknowable:` with the step to go to.", place)
        if step.unknowable and not opens:
            told = "`unknowable` is only for opens: this path is never taken"
            yield Fault(told, "Remove `unknowable`.", (*place, "unknowable"))


def _awaited(sequence: Sequence, graph: Graph) -> Iterator[Fault]:
    for step in sequence.steps:
        if not isinstance(step, WaitFor):
            continue
        place = _place(sequence, step.key, "wait_for")
        opens = step.match is not None and step.match.event == Engaged.OPEN
        if opens and not step.unknowable:
            told = "an open cannot always be known, and no path says what happens then"
            yield Fault(told, "Add `unknowable:` with the step to go to.", place)
        if step.unknowable and not opens:
            told = "`unknowable` is only for opens: this path is never taken"
            yield Fault(told, "Remove `unknowable`.", (*place, "unknowable"))
        of = step.match.of if step.match else ""
        if not of:
            continue
        email = sequence.by_key.get(of)
        before = [one.key for one in sequence.steps if isinstance(one, Email)]
        before = [key for key in before if step.key in graph.beyond(key)]
        remedy = f"Write one of {', '.join(before)}." if before else "Put an email step before it."
        if email is None:
            yield Fault(f"there is no step {of!r}", remedy, (*place, "of"))
        elif not isinstance(email, Email):
            yield Fault(f"the step {of!r} sends no email", remedy, (*place, "of"))
        elif of not in before:
            told = f"the email {of!r} is not sent before this step"
            yield Fault(told, remedy, (*place, "of"))


def _silent(sequence: Sequence, graph: Graph) -> Iterator[Fault]:
    useful = (Email, MoveTo, Enter, Notify, Webhook)
    if not any(isinstance(step, useful) and step.key in graph.reached for step in sequence.steps):
        yield Fault("this sequence can send nothing", "Add an `email` step.", ("steps",))
