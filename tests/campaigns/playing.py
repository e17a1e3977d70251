"""One contact's way through a sequence, played by what they do and leave undone."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

from nurture.domain import enrollment as e
from nurture.domain.contact import Change, Contact, Fact, Occurrence, Value
from nurture.domain.contact import changed as changed_contact
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import Decision, Enrollment, Event
from nurture.domain.evolve import evolve
from nurture.domain.sequence import Sequence
from tests.campaigns.explorer import (
    KEY,
    MOST_TURNS,
    START,
    Place,
    ending,
    happenings,
    somebody_mailed,
)

D = TypeVar("D", bound=Decision)


@dataclass(frozen=True)
class Played:
    """What came of it: the emails with their instants, the end, the contact as they then are."""

    mailed: tuple[tuple[str, datetime], ...]
    end: str
    contact: Contact
    decisions: tuple[Decision, ...] = field(default=(), repr=False)

    @property
    def emails(self) -> list[str]:
        """The emails in their order."""
        return [template for template, _ in self.mailed]

    def after(self, template: str, other: str) -> timedelta:
        """Return how long after the email `template` the email `other` was sent."""
        times = dict(self.mailed)
        return times[other] - times[template]

    def all(self, kind: type[D]) -> list[D]:
        """Return every decision of one kind, in order."""
        return [one for one in self.decisions if isinstance(one, kind)]


def play(
    sequence: Sequence,
    contact: Contact | None = None,
    *,
    yes: Collection[str] = (),
    meanwhile: Mapping[str, tuple[str, Mapping[str, Value]]] = MappingProxyType({}),
    properties: Mapping[str, Value] = MappingProxyType({}),
) -> Played:
    """Return what came of one run.

    Waits whose step is in `yes` are answered, all others time out. At a step in `meanwhile` an
    event happens first: its name and properties.
    """
    person = contact or somebody_mailed(sequence)
    key = KEY if sequence.trigger and sequence.trigger.key else ""
    run = Enrollment(
        person.id, sequence.key, 1, e.Waiting(START), START, entry_key=key,
        properties=MappingProxyType(dict(properties)),
    )  # fmt: skip
    place = Place(run, person, START)
    event: Event = e.Entered()
    told: list[Decision] = []
    mailed: list[tuple[str, datetime]] = []
    pending = dict(meanwhile)
    for _ in range(MOST_TURNS):
        decisions = decide(Situation(place.run, sequence, place.contact), event, place.now)
        place = replace(
            place, run=evolve(place.run, decisions), contact=_as_decided(place.contact, decisions)
        )
        told += decisions
        mailed += [(one.template, place.now) for one in decisions if isinstance(one, e.Send)]
        end = ending(decisions, place.run)
        if end:
            return Played(tuple(mailed), end, place.contact, tuple(told))
        if place.run.step in pending:
            name, with_ = pending.pop(place.run.step)
            now = place.now + timedelta(hours=1)
            done = Occurrence(name, now, MappingProxyType(dict(with_)))
            history = (*place.contact.history, done)
            place = replace(place, now=now, contact=replace(place.contact, history=history))
            event = e.Happened(done)
        else:
            place, event = _next(sequence, place, yes)
    raise AssertionError("the run does not end")


def _next(sequence: Sequence, place: Place, yes: Collection[str]) -> tuple[Place, Event]:
    ways: Iterator[tuple[Place, Event]] = happenings(sequence, place)
    if isinstance(place.run.state, e.Awaiting) and place.run.step not in yes:
        return next(way for way in ways if isinstance(way[1], e.TimerFired))
    return next(ways)


def _as_decided(contact: Contact, decisions: tuple[Decision, ...]) -> Contact:
    for one in decisions:
        if isinstance(one, e.SetFact):
            contact = changed_contact(contact, Change(Fact(one.fact), one.name, one.value))
    return contact
