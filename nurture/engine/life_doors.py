"""The ways into the sequences of a life in memory, and what bars a contact from mail."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from nurture.domain import enrollment as e
from nurture.domain.conditions import counts, matches_properties
from nurture.domain.contact import GLOBAL, Contact, Engaged, Occurrence
from nurture.domain.enrollment import Enrollment
from nurture.domain.history import with_one
from nurture.domain.sequence import Reentry, Returning, Sequence
from nurture.domain.text import short_key
from nurture.engine.admission import Answer, Before, admission, key_of
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


def beside(life: "Life", number: int, sequence: Sequence) -> list[Wish]:
    """Return the wish of a step of a run: the other sequence sees the event that the run saw."""
    run, key = life.runs[number], ""
    if sequence.reentry is Reentry.KEYED and sequence.trigger is not None:
        named = run.properties.get(sequence.trigger.key)
        if named is None:
            return []
        key = short_key(str(named))
    return [Wish(sequence, key, run.properties, run.began or life.now, by=number)]


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
    """Return the contact with an occurrence in the history, and with the consent that it gives."""
    remembered = replace(contact, history=with_one(contact.history, occurrence))
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

    `begun` are by sequence, and by key where that tells runs apart, the numbers of the runs that
    are under way and of the one that ended last: of runs before it no rule of entry asks. `last` is
    the latest run of a sequence and key; `by` says of a run which run's step asked for it. Of runs
    that ended before the life began, `past` is the last of each, and `stopped` where it stood.
    """

    queue: dict[tuple[str, str], Wish] = field(default_factory=dict)
    begun: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    last: dict[tuple[str, str], int] = field(default_factory=dict)
    by: dict[int, int] = field(default_factory=dict)
    past: dict[tuple[str, str], Before] = field(default_factory=dict)
    stopped: dict[tuple[str, str], LastRun] = field(default_factory=dict)

    def know(self, life: "Life", number: int, run: Enrollment) -> None:
        """Note a run that has begun; one of a trial stands in nobody's way."""
        if number not in life.trials:
            sequence = life.world.sequences.get(run.sequence) or life.sequence_of(run)
            self.begun.setdefault(_door(sequence, run.entry_key), []).append(number)
            self.last[run.sequence, run.entry_key] = number
            life.post.know(life.sequence_of(run), run)

    def remember(self, sequence: Sequence, key: str, ended: datetime) -> None:
        """Note a run that ended before the life began."""
        door = _door(sequence, key)
        known = self.past.get(door, (key, None))[1]
        self.past[door] = key, ended if known is None else max(known, ended)

    def next_in_line(self, run: Enrollment) -> list[Wish]:
        """Return the wish whose turn has come, because `run` is over."""
        waiting = self.queue.pop((run.sequence, run.entry_key), None)
        return [waiting] if waiting else []

    def open(self, life: "Life", wish: Wish) -> None:
        """Begin a run, remember the wish for later, or let it be: as the rules of entry say."""
        life.stages.weigh(life, sequence := wish.sequence)
        own = self._those_that_matter(life, _door(sequence, wish.key))
        before = [(life.runs[number].entry_key, life.ended.get(number)) for number in own]
        if (ended := self.past.get(_door(sequence, wish.key))) is not None:
            before.append(ended)
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
                going = (n for n in life.going if n not in life.trials)
                theirs = (life.sequence_of(life.runs[number]) for number in going)
                if any(map(sequence.shares_track, theirs)):
                    return
        number, entered = _begin(life, wish)
        self.know(life, number, life.runs[number])
        if wish.by is not None:
            self.by[number] = wish.by
        if sequence.key in life.world.paused:
            life.still.add(number)
        life.tell(number, entered)

    def _those_that_matter(self, life: "Life", door: tuple[str, str]) -> list[int]:
        own = self.begun.get(door, [])
        over = [number for number in own if number in life.ended]
        newest = max(over, key=lambda number: life.ended[number], default=None)
        kept = [number for number in own if number not in life.ended or number == newest]
        self.begun[door] = kept
        return kept


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
        again = contents(sequence) & life.post.by_door.get(sequence.key, frozenset())
        if sequence.reentry is Reentry.KEYED:
            again |= contents(sequence) - life.contact.received
    elif sequence.returning is Returning.RESUME:
        last, place = life.doors.last, (sequence.key, wish.key)
        stopped = life.doors.stopped.get(place)
        if place in last:
            stopped = _stopped(life.runs[last[place]])
        entered = resumed(sequence, stopped)
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
    life.rooms_changed()
    return number, entered


def _stopped(run: Enrollment) -> LastRun:
    return LastRun(e.STATE_NAMES[type(run.state)], run.step, dict(run.accepted))
