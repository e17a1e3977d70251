"""Wishes to enroll contacts, and the runs that come of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from nurture.domain import enrollment as e
from nurture.domain.contact import NOTHING, Contact, Value
from nurture.domain.enrollment import Enrollment
from nurture.engine.admission import admitted
from nurture.engine.definitions import TRACK, Definition
from nurture.store import runs
from nurture.store.database import Transaction
from nurture.store.runs import Run


@dataclass(frozen=True, slots=True)
class Entry:
    """A wish to enroll a contact, with the event behind it."""

    contact_id: int
    definition: Definition
    entry_key: str = ""
    properties: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    event_id: int | None = None


def admit(
    tx: Transaction, wishes: Sequence[Entry], contacts: Mapping[int, Contact], now: datetime
) -> list[Entry]:
    """Return the wishes of contacts who may enter, by every run they ever had there."""
    sequence_ids = {wish.definition.sequence_id for wish in wishes}
    before: dict[tuple[int, int], list[tuple[str, datetime | None]]] = {}
    contact_ids = {wish.contact_id for wish in wishes}
    for contact_id, sequence_id, key, _, ended in runs.entries_of(tx, contact_ids, sequence_ids):
        before.setdefault((contact_id, sequence_id), []).append((key, ended))
    chosen = []
    for wish in wishes:
        earlier = before.setdefault((wish.contact_id, wish.definition.sequence_id), [])
        contact, sequence = contacts[wish.contact_id], wish.definition.sequence
        if admitted(sequence, contact, wish.entry_key, earlier, now):
            chosen.append(wish)
            # Two events in one transaction must not open what one of them alone may open.
            earlier.append((wish.entry_key, None))
    return chosen


def begin(wish: Entry, now: datetime) -> Run:
    """Return the run that a wish opens: at no step yet, and due at once."""
    sequence = wish.definition.sequence
    return Run(
        Enrollment(
            contact_id=wish.contact_id,
            sequence=sequence.key,
            version=sequence.version,
            state=e.Waiting(now),
            entered_at=now,
            entry_key=wish.entry_key,
            properties=MappingProxyType(dict(wish.properties)),
        ),
        wish.definition.sequence_id,
        wish.definition.version_id,
        TRACK if sequence.stage else "",
    )


def stage_sequence(
    candidates: Iterable[Definition], contact: Contact, now: datetime
) -> Definition | None:
    """Return the first of a stage's sequences that takes the contact, or None."""
    for definition in candidates:
        if admitted(definition.sequence, contact, "", (), now):
            return definition
    return None
