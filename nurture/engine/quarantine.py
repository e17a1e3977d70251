"""Events whose time cannot be true: kept aside with the reason, until a person decides."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from nurture.domain.contact import Occurrence
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import around_bad_runs
from nurture.engine.record import take_in
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Conflict, NotFound
from nurture.store import gone, operations, people, quarantine
from nurture.store.ledger import NewEvent

# Clocks of other machines run ahead of ours by this much at most; such an event is taken in, and
# counts when its time comes.
AHEAD = timedelta(minutes=5)
# Nothing that happened longer ago says anything about a contact today, and most such instants
# are a machine's idea of the year it was switched on in.
BEHIND = timedelta(days=3653)
# Years of four digits in every time zone: an instant beyond them is a slip of the pen, too.
MARGIN = timedelta(days=2)

FUTURE = "future"
PAST = "past"
ACCEPTED = "accepted"
DISCARDED = "discarded"


def suspicion(at: datetime, now: datetime) -> str:
    """Return why an instant that somebody told cannot be true: future, past, or empty."""
    if at > now + AHEAD:
        return FUTURE
    return PAST if at < now - BEHIND else ""


def quarantine_events(deps: Dependencies, events: Sequence[NewEvent], now: datetime) -> int:
    """Keep events aside, each with its reason; return how many are new."""
    if not events:
        return 0
    rows = [
        {
            "contact_id": event.contact_id,
            "dedupe_key": event.occurrence.dedupe_key,
            "event": {
                "name": event.occurrence.name,
                "at": event.occurrence.occurred_at.isoformat(),
                "properties": dict(event.occurrence.properties),
                "source": event.source,
            },
            "reason": suspicion(event.occurrence.occurred_at, now),
            "received_at": now,
        }
        for event in events
    ]
    with deps.database.begin() as tx:
        # Whoever is being erased now is waited for, and nothing of theirs is kept.
        ids = {event.contact_id for event in events}
        people.lock(tx, ids)
        erased = gone.among(tx, ids)
        return quarantine.add(tx, [row for row in rows if row["contact_id"] not in erased])


def accept_quarantined(deps: Dependencies, held_id: int, *, by: str, now: datetime) -> datetime:
    """Take an event in after all; return the instant that it counts from.

    That is its own, unless it still lies in the future: then the instant at which it came.
    Raises NotFound for no event, Conflict for one that is settled.
    """
    with deps.database.read() as tx:
        known = quarantine.held(tx, held_id)
    contact_ids = [] if known is None or known.contact_id is None else [known.contact_id]
    body = partial(_accept, held_id=held_id, by=by)
    return around_bad_runs(deps, contact_ids, now, lambda: committed(deps, now, body))


def discard_quarantined(deps: Dependencies, held_id: int, *, by: str, now: datetime) -> None:
    """Leave an event out for good. Raises NotFound for no event, Conflict for a settled one."""
    with deps.database.begin() as tx:
        held = _open(quarantine.held(tx, held_id), held_id)
        quarantine.settle(tx, held.id, DISCARDED, by, now)
        operations.note(tx, by, "discard event", str(held_id), dict(held.event), now)


def _accept(work: Work, held_id: int, by: str) -> datetime:
    held = _open(quarantine.held(work.tx, held_id), held_id)
    claimed = _instant(str(held.event["at"]))
    at = held.received_at if claimed > work.now + AHEAD else claimed
    properties: dict[str, Any] = dict(held.event["properties"])
    occurrence = Occurrence(str(held.event["name"]), at, properties, dedupe_key=held.dedupe_key)
    if held.contact_id is not None:
        take_in(work, [NewEvent(held.contact_id, occurrence, str(held.event["source"]))])
    quarantine.settle(work.tx, held.id, ACCEPTED, by, work.now)
    told = {**held.event, "counts_from": at.isoformat()}
    operations.note(work.tx, by, "accept event", str(held_id), told, work.now)
    return at


def _instant(text: str) -> datetime:
    """Return the instant as it was told, brought to where every database can hold it."""
    at = datetime.fromisoformat(text)
    earliest = datetime.min.replace(tzinfo=UTC) + MARGIN
    return max(at, earliest).astimezone(UTC)


def _open(held: quarantine.Held | None, held_id: int) -> quarantine.Held:
    if held is None:
        raise NotFound(
            f"there is no event {held_id} in quarantine", remedy="See `nurture quarantine list`."
        )
    if held.settled_at is not None:
        raise Conflict(f"event {held_id} is {held.outcome} already", remedy="Look at the list.")
    return held
