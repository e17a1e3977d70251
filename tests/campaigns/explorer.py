"""Every way through a sequence: each wait answered and not, each date there, past and missing.

The explorer drives the pure core alone. At each place where something could happen to a run it
lets everything happen that the definition names, one after the other, and follows each way to
its end. What it saw is compared with what the definition promises.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from types import MappingProxyType

from nurture.domain import enrollment as e
from nurture.domain.check import Graph
from nurture.domain.conditions import holds
from nurture.domain.contact import Change, Contact, Fact, Occurrence, Standing, Value, Verdict
from nurture.domain.contact import changed as changed_contact
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import Decision, Enrollment, Event
from nurture.domain.evolve import evolve
from nurture.domain.experiments import arm_of, is_held_out
from nurture.domain.invariant import violations
from nurture.domain.sequence import (
    END,
    Branch,
    ChangeStage,
    Email,
    Exit,
    Goal,
    Match,
    MoveTo,
    Sequence,
    Split,
    WaitFor,
    WaitUntil,
)
from tests.campaigns.casting import STAGES, cast, concrete

START = datetime(2026, 11, 3, 1, tzinfo=UTC)  # A Tuesday, 8:00 in Ho Chi Minh City.
KEY = "7"
MOST_TURNS = 100
UNSUBSCRIBED = "exited: unsubscribed"
# Far enough ahead to come after every wait, and far enough behind to be over for any `after`.
DATES = (START + timedelta(days=200), START - timedelta(days=60), None)


@dataclass(frozen=True)
class Place:
    """Where one way through a sequence has come to."""

    run: Enrollment
    contact: Contact
    now: datetime
    mailed: tuple[str, ...] = ()
    turns: int = 0


@dataclass
class Seen:
    """What was seen on all ways: ends, paths, steps, and the emails of each way."""

    ends: set[str] = field(default_factory=set)
    paths: set[tuple[str, str]] = field(default_factory=set)
    steps: set[str] = field(default_factory=set)
    decisions: list[Decision] = field(default_factory=list)
    ways: set[tuple[tuple[str, ...], str]] = field(default_factory=set)


def promised_ends(sequence: Sequence) -> set[str]:
    """Return how a run may end by what the definition says: every exit, move, stage and end."""
    ends = {UNSUBSCRIBED}
    ends |= {f"exited: {reason}" for reason, _ in sequence.exits}
    if sequence.trigger:
        ends |= {f"exited: cancelled by {event}" for event in sequence.trigger.cancel}
    for step in sequence.steps:
        match step:
            case Exit(reason=reason):
                ends.add(f"exited: {reason}")
            case MoveTo(sequence=to):
                ends.add(f"moved: {to}")
            case ChangeStage(stage=stage):
                ends.add(f"stage: {stage}")
            case _:
                pass
        for _, target in Graph.written(step):
            if sequence.after(step.key, target) == END:
                ends.add("exhausted" if sequence.stage else "completed")
    return ends


def promised_paths(sequence: Sequence) -> set[tuple[str, str]]:
    """Return every named path that the steps of the definition write down."""
    paths: set[tuple[str, str]] = set()
    for step in sequence.steps:
        names: tuple[str, ...] = ()
        match step:
            case WaitFor():
                names = ("yes", "no", *(("unknowable",) if step.unknowable else ()))
            case WaitUntil():
                names = tuple(name for name in ("past", "missing") if getattr(step, name))
            case Branch(cases=cases):
                numbered = (f"case {number}" for number in range(1, len(cases) + 1))
                names = (*numbered, "else", *(("unknowable",) if step.unknowable else ()))
            case Split(arms=arms):
                names = tuple(arm.key for arm in arms)
            case _:
                pass
        paths |= {(step.key, name) for name in names}
    # A goal is jumped to from any step before it.
    return paths | {("", f"goal {goal.key}") for goal in sequence.goals}


def explore(sequence: Sequence) -> Seen:
    """Follow every way through `sequence`, by everybody whom its definition tells apart."""
    seen = Seen()
    for contact, properties in _casts(sequence):
        run = Enrollment(
            contact.id, sequence.key, 1, e.Waiting(START), START,
            entry_key=KEY if sequence.trigger and sequence.trigger.key else "",
            properties=MappingProxyType(properties),
        )  # fmt: skip
        _follow(sequence, Place(run, contact, START), e.Entered(), seen)
    return seen


def somebody(sequence: Sequence, number: int = 1, **changes: object) -> Contact:
    """Return a contact who may enter: in the sequence's stage, with consent to marketing."""
    stage = sequence.stage or "lead"
    contact = Contact(
        number, "a@shop.example", timezone="Asia/Ho_Chi_Minh", consents={"marketing": True},
        standing=Standing(stage, stage, START),
    )  # fmt: skip
    made = cast(sequence.entry, replace(contact, **changes), START)  # type: ignore[arg-type]
    for _, when in sequence.exits:
        # Who meets an exit on the way in would see nothing of the sequence.
        made = cast(when, made, START, truth=False)
    return made


def somebody_mailed(sequence: Sequence, arms: dict[str, str] | None = None) -> Contact:
    """Return the first contact who is not held out, and is in these arms of the splits."""
    wanted = arms or {}
    splits = [step for step in sequence.steps if isinstance(step, Split)]
    for number in range(1, 5000):
        contact = somebody(sequence, number)
        if is_held_out(sequence, contact):
            continue
        if all(
            arm_of(sequence, step, contact).key == wanted.get(step.key, step.arms[0].key)
            for step in splits
        ):
            return contact
    raise AssertionError(f"nobody is in {wanted}")


def _casts(sequence: Sequence) -> Iterator[tuple[Contact, dict[str, Value]]]:
    """Yield everybody, with the properties of the event that brought them."""
    splits = [step for step in sequence.steps if isinstance(step, Split)]
    arms = [[(step.key, arm.key) for arm in step.arms] for step in splits]
    dates = [step for step in sequence.steps if isinstance(step, WaitUntil)]
    named = sorted({(step.field, step.property) for step in dates})
    cases = [
        case.when for step in sequence.steps if isinstance(step, Branch) for case in step.cases
    ]
    for chosen in product(*arms):
        person = somebody_mailed(sequence, dict(chosen))
        elsewhere = (replace(person, standing=Standing(one, one, START)) for one in STAGES)
        others = () if sequence.stage else elsewhere
        admitted = [one for one in others if holds(sequence.entry, one, START)]
        people = [person, *admitted, *(cast(when, person, START) for when in cases)]
        for contact, days in product(people, product(DATES, repeat=len(named))):
            one, properties = contact, dict[str, Value]()
            for (own, brought), day in zip(named, days, strict=True):
                if day is not None and own:
                    one = changed_contact(one, Change(Fact.FIELD, own, day.isoformat()))
                elif day is not None:
                    properties[brought] = day.isoformat()
            yield one, properties


def _follow(sequence: Sequence, place: Place, event: Event, seen: Seen) -> None:
    """Let `event` happen at `place`, and then everything that can happen next."""
    assert place.turns < MOST_TURNS, f"{sequence.key} does not end: {place.mailed}"
    situation = Situation(place.run, sequence, place.contact)
    decisions = decide(situation, event, place.now)
    run = evolve(place.run, decisions)
    assert violations(run, sequence) == ()
    contact, mailed = place.contact, place.mailed
    for one in decisions:
        seen.decisions.append(one)
        match one:
            case e.Meet(step):
                seen.steps.add(step)
            case e.Take(step, to, path):
                seen.paths.add(("", f"goal {to}") if path == "goal" else (step, path))
            case e.SetFact(fact=fact, name=name, value=value):
                contact = changed_contact(contact, Change(Fact(fact), name, value))
            case e.Send(template=template):
                mailed = (*mailed, template)
            case _:
                pass
    if run == place.run and not isinstance(event, e.TimerFired):
        return  # A goal that came too late, say: nothing follows, and nothing new can.
    at = Place(run, contact, place.now, mailed, place.turns + 1)
    end = ending(decisions, run)
    if end:
        seen.ends.add(end)
        seen.ways.add((mailed, end))
        return
    for then, what in happenings(sequence, at):
        _follow(sequence, then, what, seen)


def ending(decisions: tuple[Decision, ...], run: Enrollment) -> str:
    match run.state:
        case e.Exited(reason):
            return f"exited: {reason}"
        case e.Moved(to):
            # What a change of stage moves away to is told apart from a move of its own.
            told = any(isinstance(one, e.EnterSequence) for one in decisions)
            return f"moved: {to}" if told else f"stage: {to}"
        case e.Completed():
            return "completed"
        case e.Exhausted():
            return "exhausted"
        case e.Failed(error):
            return f"failed: {error}"
        case _:
            return ""


def happenings(sequence: Sequence, place: Place) -> Iterator[tuple[Place, Event]]:
    """Yield all that can happen to a run at rest, each with the place as it then is."""
    run, step = place.run, sequence.by_key[place.run.step]
    match run.state, step:
        case e.Sending(key, pass_no), Email(template=template):
            received = place.contact.received | {template}
            mailed = (*place.contact.mailed, place.now)
            got = replace(place.contact, received=received, mailed=mailed)
            yield replace(place, contact=got), e.Accepted(key, pass_no, place.now)
            return
        case e.Awaiting(), WaitFor():
            yield from _answers(sequence, place, step)
        case e.Waiting(), ChangeStage(stage=stage):
            yield place, e.MovedAway(stage)
        case _:
            pass
    due = e.wakes_at(run.state)
    assert due is not None
    yield replace(place, now=max(due, place.now)), e.TimerFired()
    yield from _interruptions(sequence, replace(place, now=place.now + timedelta(minutes=7)))


def _answers(sequence: Sequence, place: Place, step: WaitFor) -> Iterator[tuple[Place, Event]]:
    soon = replace(place, now=place.now + min(timedelta(hours=5), step.within / 2))
    if step.match is not None:
        yield _after(soon, _occurrence(sequence, step.match, soon.now))
    if step.when is not None:
        yield replace(soon, contact=cast(step.when, soon.contact, soon.now)), e.Reconsider()
    if step.unknowable and step.match is not None:
        assert isinstance(place.run.state, e.Awaiting)
        hidden = replace(_occurrence(sequence, step.match, soon.now), verdict=Verdict.UNKNOWN)
        unknown, _ = _after(soon, hidden)
        yield replace(unknown, now=place.run.state.deadline), e.TimerFired()


def _interruptions(sequence: Sequence, place: Place) -> Iterator[tuple[Place, Event]]:
    """Yield what takes a run out of its steps: exit rules, counter-events, goals, a goodbye."""
    for _, when in sequence.exits:
        yield replace(place, contact=cast(when, place.contact, place.now)), e.Reconsider()
    for event in sequence.trigger.cancel if sequence.trigger else ():
        yield _after(place, _occurrence(sequence, Match(event), place.now))
    order = list(sequence.by_key)
    for goal in sequence.goals:
        if order.index(place.run.step) < order.index(goal.key):
            yield _reaches(sequence, place, goal)
    yield place, e.Withdrawn("unsubscribed")


def _reaches(sequence: Sequence, place: Place, goal: Goal) -> tuple[Place, Event]:
    if goal.match is not None:
        return _after(place, _occurrence(sequence, goal.match, place.now))
    assert goal.when is not None
    return replace(place, contact=cast(goal.when, place.contact, place.now)), e.Reconsider()


def _after(place: Place, occurrence: Occurrence) -> tuple[Place, Event]:
    history = (*place.contact.history, occurrence)
    return replace(place, contact=replace(place.contact, history=history)), e.Happened(occurrence)


def _occurrence(sequence: Sequence, match: Match, now: datetime) -> Occurrence:
    """Return something a person did that fits `match`, under the run's own key."""
    properties: dict[str, Value] = {name: concrete(value) for name, value in match.where.items()}
    if match.of:
        properties |= {"sequence": sequence.key, "step": match.of}
    if sequence.trigger and sequence.trigger.key and match.event not in ("click", "open"):
        properties[sequence.trigger.key] = KEY
    return Occurrence(match.event, now, properties)
