"""From judged hits to occurrences: one a day for each link, one a day for opening.

An event stands for all hits of its kind on one day, and for a person as soon as one of them was
one. When a later judgement changes that, the event is relabelled and the ledger compensated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from nurture.domain.contact import Engaged, Occurrence
from nurture.domain.contact import Verdict as Who
from nurture.domain.scoring import Entry, compensate
from nurture.engine.record import take_effect, take_in
from nurture.engine.score import rescore
from nurture.engine.trial_words import named
from nurture.engine.work import Work
from nurture.store import hits as store
from nurture.store import ledger, people
from nurture.store.hits import Kept, Standing
from nurture.store.ledger import NewEvent
from nurture.store.places import Place
from nurture.tracking.hits import HitKind
from nurture.tracking.links import HONEYPOT_INDEX
from nurture.tracking.verdicts import Verdict

SOURCE: Final = "tracking"
# The strongest first: one person among machines was a person.
_STRENGTH: Final = (Who.HUMAN, Who.UNKNOWN, Who.MACHINE)


@dataclass(frozen=True, slots=True)
class Origin:
    """The send a hit belongs to, and where the link it followed leads."""

    place: Place
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A hit with what is thought of it now; no origin when its send is not in the database."""

    hit: Kept
    verdict: Verdict
    origin: Origin | None

    @property
    def key(self) -> str:
        """The dedupe key of the event it belongs to; empty when it can never be one."""
        if self.origin is None:
            return ""
        if self.hit.kind == HitKind.OPEN:
            return open_key(self.hit.send_id, self.hit.at)
        if self.hit.link_index == HONEYPOT_INDEX:
            return ""
        return click_key(self.hit.send_id, self.hit.link_index, self.hit.at)


def open_key(send_id: int, at: datetime) -> str:
    """The dedupe key of opening a send on a day (UTC)."""
    return f"open:{send_id}:{at.date().isoformat()}"


def click_key(send_id: int, link: int | str, at: datetime) -> str:
    """The dedupe key of following a link of a send on a day (UTC)."""
    return f"click:{send_id}:{link}:{at.date().isoformat()}"


def become_events(work: Work, members: Sequence[Member]) -> list[int | None]:
    """Make, relabel or leave the events of these hits; return the event of each hit.

    The members must be all judged hits of their sends, and their contacts must be held.
    """
    groups: dict[str, list[Member]] = {}
    for member in members:
        if member.key:
            groups.setdefault(member.key, []).append(member)
    standing = store.events_by_key(work.tx, groups)
    made: list[NewEvent] = []
    changed: list[tuple[Standing, NewEvent]] = []
    for key, group in groups.items():
        event = _event(key, group)
        before = standing.get(key)
        if before is None:
            # Machines alone are no occurrence; the raw hits tell of them.
            if event.occurrence.verdict is not Who.MACHINE:
                made.append(event)
        # What a provider said of a person is not taken back because a machine came here.
        elif before.verdict != event.occurrence.verdict.value and before.source == SOURCE:
            changed.append((before, event))
    _relabel(work, changed)
    take_in(work, made)
    _follow(work, changed)
    standing |= store.events_by_key(work.tx, {one.occurrence.dedupe_key for one in made})
    return [standing[member.key].id if member.key in standing else None for member in members]


def _event(key: str, group: Sequence[Member]) -> NewEvent:
    labels = {member.verdict.label.value for member in group}
    who = next(one for one in _STRENGTH if one.value in labels)
    # The moment is that of the first hit which the verdict rests on.
    first = min(
        (member for member in group if member.verdict.label.value == who.value),
        key=lambda member: (member.hit.at, member.hit.id),
    )
    origin = first.origin
    assert origin is not None  # noqa: S101 - only members with an origin have a key
    place = origin.place
    properties = place.mark
    name: str = Engaged.OPEN
    if first.hit.kind == HitKind.CLICK:
        name = Engaged.CLICK
        properties |= {"link": origin.destination, "link_index": first.hit.link_index}
    name = named(name, trial=place.trial)
    occurrence = Occurrence(name, first.hit.at, properties, who, dedupe_key=key)
    return NewEvent(place.contact_id, occurrence, SOURCE, place.id)


def _relabel(work: Work, changed: Sequence[tuple[Standing, NewEvent]]) -> None:
    if not changed:
        return
    store.relabel(
        work.tx,
        [
            {
                "id": before.id,
                "verdict": event.occurrence.verdict.value,
                "occurred_at": event.occurrence.occurred_at,
            }
            for before, event in changed
        ],
    )
    contact_ids = {event.contact_id for _, event in changed}
    people.lock(work.tx, contact_ids)
    work.see(contact_ids, history=False)
    _balance(work, changed)


def _follow(work: Work, changed: Sequence[tuple[Standing, NewEvent]]) -> None:
    """Let what was relabelled take effect, or be taken out of the scores."""
    now_persons = [
        replace(event, occurrence=replace(event.occurrence, id=before.id))
        for before, event in changed
        if event.occurrence.verdict is Who.HUMAN and event.contact_id in work.contacts
    ]
    take_effect(work, now_persons)
    others = {event.contact_id for _, event in changed}
    others -= {event.contact_id for event in now_persons}
    if others:
        rescore(work, others, event_id=changed[-1][0].id)


def _balance(work: Work, changed: Sequence[tuple[Standing, NewEvent]]) -> None:
    """Write the lines that make the ledger agree with who stood behind these events."""
    by_id = {before.id: event for before, event in changed}
    entries = ledger.entries(work.tx, {event.contact_id for event in by_id.values()}, by_id)
    lines = []
    for contact_id, found in entries.items():
        for event_id in {entry.event_id for entry in found}:
            counts = by_id[event_id].occurrence.verdict is Who.HUMAN
            mine = [entry for entry in found if entry.event_id == event_id]
            lines += [(contact_id, line) for line in balancing(mine, counts=counts)]
    ledger.add_entries(work.tx, lines, work.now)
    work.scores.earned(contact_id for contact_id, _ in lines)


def balancing(entries: Sequence[Entry], *, counts: bool) -> Iterator[Entry]:
    """Yield the lines after which the entries of one event count, or do not.

    A line that was taken back may be taken back in its turn: the chain of compensations tells
    whether the points at its beginning stand.
    """
    undoing = {entry.compensates: entry for entry in entries if entry.compensates}
    for entry in entries:
        if entry.compensates:
            continue
        last, stands = entry, True
        while last.dedupe_key in undoing:
            last, stands = undoing[last.dedupe_key], not stands
        if stands is not counts:
            yield compensate(last)
