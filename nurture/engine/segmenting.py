"""Who is in which segment, brought up to date for the contacts that something happened to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from nurture.domain.conditions import holds
from nurture.domain.contact import Contact, Occurrence
from nurture.domain.segments import ENTERED, LEFT, span_of
from nurture.domain.turning import turns_at
from nurture.engine.definitions import SegmentDefinition
from nurture.engine.work import Work
from nurture.store import ledger, people, segments
from nurture.store.ledger import NewEvent

SOURCE = "segment"

Place = tuple[int, int]


@dataclass(slots=True)
class Found:
    """What is to be written for some contacts, as (segment, contact)."""

    entered: list[tuple[SegmentDefinition, int]] = field(default_factory=list)
    left: list[tuple[SegmentDefinition, int]] = field(default_factory=list)
    rechecks: dict[Place, datetime | None] = field(default_factory=dict)


def follow(work: Work, contact_ids: Iterable[int]) -> list[NewEvent]:
    """Bring the segments of these contacts up to date; return what happened at their borders.

    The contacts must be locked and seen; nobody else is looked at. Each border is crossed once in
    a transaction, so that segments whose events change the score cannot turn in a circle.
    """
    defined = work.catalog.segments
    ids = sorted(set(contact_ids) & work.contacts.keys())
    if not defined or not ids:
        return []
    numbers = [one.id for one in defined]
    known = segments.memberships(work.tx, numbers, ids)
    timed = [one.id for one in defined if one.segment.is_timed]
    planned = segments.rechecks(work.tx, timed, ids)
    found = Found()
    for contact in _storied(work, defined, ids, known):
        keys = _look(defined, contact, known.get(contact.id, set()), work.now, found)
        if work.catalog.asks_segments:
            work.contacts[contact.id] = replace(work.contacts[contact.id], segments=keys)
    fresh = [
        (one, contact_id, name)
        for name, some in ((ENTERED, found.entered), (LEFT, found.left))
        for one, contact_id in some
        if (one.id, contact_id) not in work.crossed
    ]
    segments.enter(work.tx, [(one.id, key) for one, key in found.entered], work.now)
    segments.leave(work.tx, [(one.id, key) for one, key in found.left])
    segments.save_rechecks(work.tx, found.rechecks, planned)
    work.crossed.update((one.id, contact_id) for one, contact_id, _ in fresh)
    return _tell(work, fresh)


def _storied(
    work: Work,
    defined: Sequence[SegmentDefinition],
    ids: Sequence[int],
    known: Mapping[int, set[int]],
) -> Iterator[Contact]:
    """Yield the contacts in their segments, with as much history as the segments ask for."""
    names, span = span_of(one.segment for one in defined)
    histories = {}
    if names:
        since = None if span is None else work.now - span
        histories = people.history(work.tx, ids, names=names, since=since)
    keys = {one.id: one.segment.key for one in defined}
    for contact_id in ids:
        yield replace(
            work.contacts[contact_id],
            history=tuple(histories.get(contact_id, ())),
            segments=frozenset(keys[one] for one in known.get(contact_id, ())),
        )


def _look(
    defined: Sequence[SegmentDefinition],
    contact: Contact,
    known: set[int],
    now: datetime,
    found: Found,
) -> frozenset[str]:
    """Look at one contact for every segment, those first that others rest on."""
    for one in defined:
        segment = one.segment
        belongs = holds(segment.when, contact, now)
        if segment.is_timed:
            found.rechecks[one.id, contact.id] = turns_at(segment.when, contact, now)
        if belongs and one.id not in known:
            found.entered.append((one, contact.id))
            contact = replace(contact, segments=contact.segments | {segment.key})
        elif not belongs and one.id in known:
            found.left.append((one, contact.id))
            contact = replace(contact, segments=contact.segments - {segment.key})
    return contact.segments


def _tell(work: Work, fresh: Sequence[tuple[SegmentDefinition, int, str]]) -> list[NewEvent]:
    """Store the events of the borders that were crossed."""
    moment = work.now.isoformat()
    events = [
        NewEvent(
            contact_id,
            Occurrence(
                name,
                work.now,
                {"segment": one.segment.key},
                dedupe_key=f"{name}:{one.segment.key}:{contact_id}:{moment}",
            ),
            SOURCE,
        )
        for one, contact_id, name in fresh
    ]
    stored = [
        replace(event, occurrence=replace(event.occurrence, id=key))
        for event, key in (ledger.add_events(work.tx, events, work.now) if events else ())
    ]
    for event in stored:
        # A history that was read before does not hold it; one that is read later does.
        contact = work.contacts[event.contact_id]
        history = (*contact.history, event.occurrence)
        work.contacts[event.contact_id] = replace(contact, history=history)
    return stored
