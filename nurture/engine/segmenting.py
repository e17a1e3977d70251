"""Who is in which segment, brought up to date for the contacts that something happened to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from nurture.domain.contact import Contact, Occurrence, recalling
from nurture.domain.segments import ENTERED, LEFT
from nurture.domain.turning import holds_until
from nurture.engine.definitions import SegmentDefinition
from nurture.engine.work import Work
from nurture.store import ledger, segment_looks
from nurture.store.ledger import NewEvent
from nurture.store.segment_looks import Place

SOURCE = "segment"


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
    members, rechecks = segment_looks.places(work.tx, ids)
    histories = segment_looks.recalled(work.tx, ids, work.catalog.recall, work.now)
    keys = {one.id: one.segment.key for one in defined}
    found = Found()
    for contact_id in ids:
        known = members.get(contact_id, set()) & keys.keys()
        contact = recalling(
            work.contacts[contact_id],
            histories.get(contact_id, ()),
            frozenset(keys[one] for one in known),
        )
        now_in = _look(defined, contact, known, work.now, found)
        if work.catalog.asks_segments and now_in != work.contacts[contact_id].segments:
            work.contacts[contact_id] = replace(work.contacts[contact_id], segments=now_in)
    segment_looks.enter(work.tx, ((one.id, key) for one, key in found.entered), work.now)
    segment_looks.leave(work.tx, ((one.id, key) for one, key in found.left))
    # What a segment asked of the clock before it was published anew is forgotten when it comes.
    never: dict[Place, datetime | None] = dict.fromkeys(rechecks)
    segment_looks.plan(work.tx, never | found.rechecks, rechecks, work.now)
    fresh = [
        (one, contact_id, name)
        for name, some in ((ENTERED, found.entered), (LEFT, found.left))
        for one, contact_id in some
        if (one.id, contact_id) not in work.crossed
    ]
    work.crossed.update((one.id, contact_id) for one, contact_id, _ in fresh)
    return _tell(work, fresh)


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
        belongs, turn = holds_until(segment.when, segment.timed_parts, contact, now)
        if segment.timed_parts:
            found.rechecks[one.id, contact.id] = turn
        if belongs == (one.id in known):
            continue
        (found.entered if belongs else found.left).append((one, contact.id))
        contact = recalling(contact, contact.history, contact.segments ^ {segment.key})
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
