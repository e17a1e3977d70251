"""Events that trigger sequences, and those that cancel what waits to begin."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from nurture.domain.conditions import counts, matches_properties
from nurture.engine.admission import key_of
from nurture.engine.entering import Entry
from nurture.engine.work import Work
from nurture.store import queued
from nurture.store.ledger import NewEvent


def moment(event: NewEvent) -> tuple[datetime, int]:
    """Return what to sort events by: when they happened, whatever the order in which they came."""
    return event.occurrence.occurred_at, event.occurrence.id


def wish_triggered(work: Work, events: Iterable[NewEvent]) -> None:
    """Wish contacts into the sequences that these events trigger, the earliest event first.

    Whether they may enter is looked at in `Work.finish`, where what cancels such a run is seen,
    too: a cart and its purchase may arrive in one call, or in the wrong order.
    """
    for event in sorted(events, key=moment):
        occurrence = event.occurrence
        for definition in work.catalog.by_trigger.get(occurrence.name, ()):
            trigger = definition.sequence.trigger
            if trigger is None or not counts(occurrence, trigger.event):
                continue
            if not matches_properties(trigger.where, occurrence.properties):
                continue
            key = key_of(trigger, occurrence)
            if trigger.key and not key:
                continue
            work.wish(
                Entry(
                    event.contact_id, definition, key, occurrence.properties, occurrence.id,
                    occurrence.occurred_at,
                )
            )  # fmt: skip


def cancel_waiting(work: Work, events: Sequence[NewEvent]) -> None:
    """Drop what waits for a run to end where its counter-event came meanwhile."""
    rows: list[tuple[int, int, str | None, datetime]] = []
    for key in sorted(work.catalog.waited_for):
        definition = work.catalog.current[key]
        trigger = definition.sequence.trigger
        for event in events:
            occurrence = event.occurrence
            if trigger and any(counts(occurrence, name) for name in trigger.cancel):
                which = key_of(trigger, occurrence) if trigger.key else None
                place = event.contact_id, definition.sequence_id
                rows.append((*place, which, occurrence.occurred_at))
    queued.cancel(work.tx, rows)
