"""Occurrences come in: stored once, scored, and told to whoever waits for them."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from nurture.engine.dependencies import Dependencies
from nurture.engine.happenings import award_points, tell_runs
from nurture.engine.isolation import around_bad_runs, isolate
from nurture.engine.qualification import answers_in, note_answers
from nurture.engine.score import rescore
from nurture.engine.transactions import committed
from nurture.engine.triggers import cancel_waiting, wish_triggered
from nurture.engine.work import Work
from nurture.store import ledger, people
from nurture.store.ledger import NewEvent

# Contacts whose events are handled in one transaction; see docs/performance.md.
CHUNK = 200

# A contact whom no rule can be applied to is looked at again after this long.
PATIENCE = timedelta(hours=1)

log = logging.getLogger(__name__)


def record(deps: Dependencies, events: Sequence[NewEvent], now: datetime) -> int:
    """Record what contacts did; return how many of the events were new.

    An event that is there already, by its dedupe key, changes nothing. Contacts that are not
    in the database are passed over: tracking never creates anybody.
    """
    new = 0
    for start in range(0, len(events), CHUNK):
        part = events[start : start + CHUNK]
        chunk = partial(committed, deps, now, partial(take_in, events=part))
        new += around_bad_runs(deps, {event.contact_id for event in part}, now, chunk)
    return new


def take_in(work: Work, events: Sequence[NewEvent]) -> int:
    """Do what `record` does inside a transaction that is open; the caller finishes the work."""
    contact_ids = {event.contact_id for event in events}
    people.lock(work.tx, contact_ids)
    work.see(contact_ids, history=False)
    known = [event for event in events if event.contact_id in work.contacts]
    stored = [_with_id(event, key) for event, key in ledger.add_events(work.tx, known, work.now)]
    take_effect(work, stored)
    return len(stored)


def take_effect(work: Work, stored: Sequence[NewEvent]) -> None:
    """Score events that are in the database, and tell whoever waits for them.

    The contacts must be locked and seen. Events count here when they are new, and when one that
    was held for a machine's turns out to be a person's.
    """
    if not stored:
        return
    award_points(work, stored)
    note_answers(work, answers_in(stored))
    cancel_waiting(work, stored)
    tell_runs(work, stored)
    wish_triggered(work, stored)
    rescore(work, {event.contact_id for event in stored}, event_id=stored[-1].occurrence.id)


def score_again(deps: Dependencies, contact_ids: Sequence[int], now: datetime) -> None:
    """Compute scores anew for contacts whose time has come or whose fields changed."""
    for start in range(0, len(contact_ids), CHUNK):
        part = contact_ids[start : start + CHUNK]
        chunk = partial(committed, deps, now, partial(_score_all, contact_ids=part))
        around_bad_runs(deps, part, now, chunk)


def _score_all(work: Work, contact_ids: Sequence[int]) -> None:
    people.lock(work.tx, contact_ids)
    work.see(contact_ids, history=False)
    rescore(work, contact_ids)


def fallen(deps: Dependencies, now: datetime, limit: int = CHUNK) -> int:
    """Look again at contacts for whom time alone changes something now; return how many.

    Those who wait longest come first, and each of them is looked at for a later time after it, so
    that a backlog drains however often this is called.
    """
    with deps.database.read() as tx:
        ids = ledger.crossing(tx, now, limit)
    bad = isolate(ids, lambda part: score_again(deps, part, now))
    if len(bad) == len(ids) > 1:
        raise bad[0].error
    if bad:
        # One whom no rule can be applied to must not keep all others from being looked at.
        for one in bad:
            log.error("contact %d cannot be looked at: %r", one.item, one.error)
        with deps.database.begin() as tx:
            ledger.look_again(tx, [one.item for one in bad], now + PATIENCE)
    return len(ids)


def _with_id(event: NewEvent, key: int) -> NewEvent:
    return replace(event, occurrence=replace(event.occurrence, id=key))
