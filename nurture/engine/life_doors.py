"""The ways into the sequences of a life in memory, and what bars a contact from mail."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from nurture.domain import enrollment as e
from nurture.domain.conditions import counts, matches_properties
from nurture.domain.contact import GLOBAL, Contact, Engaged, Occurrence
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import Email, Reentry, Returning, Sequence
from nurture.domain.text import short_key
from nurture.engine.admission import Answer, admission, key_of
from nurture.engine.coming_back import contents, resumed
from nurture.engine.doors import RESTARTED
from nurture.engine.world import Wish, World
from nurture.store.coming_back import LastRun

if TYPE_CHECKING:
    from nurture.engine.life import Life


def triggered(world: World, occurrence: Occurrence) -> Iterator[Wish]:
    """Yield the wishes to enter the sequences that an occurrence triggers."""
    for sequence in world.sequences.values():
        trigger = sequence.trigger
        if trigger is None or not counts(occurrence, trigger.event):
            continue
        if not matches_properties(trigger.where, occurrence.properties):
            continue
        key = key_of(trigger, occurrence)
        if not trigger.key or key:
            yield Wish(sequence, key, occurrence.properties, occurrence.occurred_at)


def beside(run: Enrollment, sequence: Sequence, now: datetime) -> list[Wish]:
    """Return the wish of a step of `run`: the other sequence sees the event that `run` saw."""
    key = ""
    if sequence.reentry is Reentry.KEYED and sequence.trigger is not None:
        named = run.properties.get(sequence.trigger.key)
        if named is None:
            return []
        key = short_key(str(named))
    return [Wish(sequence, key, run.properties, run.began or now)]


def withdrawal(occurrence: Occurrence) -> tuple[str, str] | None:
    """Return (scope, reason) of the suppression that an occurrence brings, None for none."""
    match occurrence.name:
        case Engaged.UNSUBSCRIBE:
            return str(occurrence.properties.get("topic", "marketing")), "unsubscribed"
        case Engaged.COMPLAINT:
            return GLOBAL, "complaint"
        case Engaged.BOUNCE if occurrence.properties.get("kind") == "hard":
            return GLOBAL, "hard bounce"
        case _:
            return None


def remembering(contact: Contact, occurrence: Occurrence) -> Contact:
    """Return the contact with an occurrence in the history, mostly at its end, and its consent."""
    known, place = contact.history, len(contact.history)
    if known and occurrence.occurred_at < known[-1].occurred_at:
        place = bisect_right(known, occurrence.occurred_at, key=lambda one: one.occurred_at)
    remembered = replace(contact, history=(*known[:place], occurrence, *known[place:]))
    return _consenting(remembered, occurrence) if gives_consent(occurrence) else remembered


def without(contact: Contact, scope: str) -> Contact:
    """Return the contact suppressed in `scope`; a topic's consent is withdrawn with it."""
    consents = dict(contact.consents)
    if scope != GLOBAL:
        consents[scope] = False
    suppressions = contact.suppressions | {scope}
    return replace(contact, consents=MappingProxyType(consents), suppressions=suppressions)


def gives_consent(occurrence: Occurrence) -> bool:
    """Return whether an occurrence gives consent on the topic that it names."""
    return occurrence.name == Engaged.SUBSCRIBED and "topic" in occurrence.properties


def _consenting(contact: Contact, occurrence: Occurrence) -> Contact:
    """Return the contact with the consent given, and back from having unsubscribed."""
    topic = str(occurrence.properties["topic"])
    consents = MappingProxyType({**contact.consents, topic: True})
    return replace(contact, consents=consents, suppressions=contact.suppressions - {topic})


@dataclass(slots=True)
class LifeDoors:
    """Who waits for a run under the same key to end.

    `begun` are the numbers of runs by sequence, and by key where that tells runs apart.
    """

    queue: dict[tuple[str, str], Wish] = field(default_factory=dict)
    begun: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def next_in_line(self, run: Enrollment) -> list[Wish]:
        """Return the wish whose turn has come, because `run` is over."""
        waiting = self.queue.pop((run.sequence, run.entry_key), None)
        return [waiting] if waiting else []

    def open(self, life: "Life", wish: Wish) -> None:
        """Begin a run, remember the wish for later, or let it be: as the rules of entry say."""
        sequence = wish.sequence
        own = self.begun.setdefault(_door(sequence, wish.key), [])
        before = [(life.runs[number].entry_key, life.ended.get(number)) for number in own]
        answer = admission(
            sequence, life.contact, wish.key, before, life.now, at=wish.at, queued=wish.queued
        )
        live = [number for number in own if life.runs[number].is_live]
        match answer.answer:
            case Answer.REFUSE:
                return
            case Answer.QUEUE:
                self.queue[sequence.key, wish.key] = replace(wish, queued=True)
                return
            case Answer.RESTART:
                if any(wish.at and began and wish.at < began for began in _began(life, live)):
                    return
                for number in live:
                    life.tell(number, e.Withdrawn(RESTARTED))
            case Answer.ENTER:
                if any(sequence.shares_track(life.sequence_of(run)) for run in life.live):
                    return
        number, entered = _begin(life, wish)
        own.append(number)
        life.tell(number, entered)


def _door(sequence: Sequence, key: str) -> tuple[str, str]:
    # Runs under another key neither let in nor keep out.
    return sequence.key, key if sequence.reentry is Reentry.KEYED else ""


def _began(life: "Life", numbers: Iterable[int]) -> list[datetime | None]:
    return [life.runs[number].began for number in numbers]


def _begin(life: "Life", wish: Wish) -> tuple[int, e.Entered]:
    """Put a run among those of a life; return its number, and what it is to be told."""
    sequence = wish.sequence
    entered, again = e.Entered(), frozenset[str]()
    if sequence.returning is Returning.RESTART:
        mine = [run for run in life.runs if run.sequence == sequence.key]
        again = frozenset(
            step.content
            for step in sequence.steps
            if isinstance(step, Email) and any(step.key in run.accepted for run in mine)
        )
        if sequence.reentry is Reentry.KEYED:
            again |= contents(sequence) - life.contact.received
    elif sequence.returning is Returning.RESUME:
        own = (run for run in reversed(life.runs) if run.sequence == sequence.key)
        last = next((run for run in own if run.entry_key == wish.key), None)
        entered = resumed(sequence, None if last is None else _stopped(last))
    number = life.add(
        Enrollment(
            contact_id=life.contact.id,
            sequence=sequence.key,
            version=sequence.version,
            state=e.Waiting(life.now),
            entered_at=life.now,
            entry_key=wish.key,
            properties=wish.properties,
            again=again,
            began=wish.at,
        )
    )
    keys = frozenset(run.sequence for run in life.live)
    life.contact = replace(life.contact, sequences=keys)
    return number, entered


def _stopped(run: Enrollment) -> LastRun:
    return LastRun(e.STATE_NAMES[type(run.state)], run.step, dict(run.accepted))
