"""Guards outside the journey logic: a day's maximum at the claim, and sequences that pause."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nurture.domain.daily import CONTACT_DAILY, DAILY, AccountDay, account_day, held_over
from nurture.domain.guards import Guards, Pace, Record, bad_record, strange_pace
from nurture.engine.dependencies import Dependencies
from nurture.engine.pausing import pause
from nurture.engine.work import Work
from nurture.store import guarding as store
from nurture.store import published
from nurture.store.database import Transaction
from nurture.store.guarding import Watched
from nurture.store.sends import Claimed

log = logging.getLogger(__name__)

GUARD = "guard"

HOUR = timedelta(hours=1)
BEFORE = timedelta(days=7)


@dataclass(slots=True)
class Day:
    """What may still go out on this day of the account; None where a guard is off."""

    guards: Guards
    day: AccountDay
    room: int | None = None
    _mailed: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, work: Work, claimed: list[Claimed]) -> "Day":
        """Look at what went out today beside the sends that were just claimed."""
        funnel = work.catalog.funnel
        guards = funnel.guards
        day = account_day(funnel.account.timezone, work.now)
        found = cls(guards, day)
        own = [send.id for send in claimed]
        if guards.contact_daily is not None and claimed:
            contacts = {send.contact_id for send in claimed}
            found._mailed.update(store.mailed_since(work.tx, contacts, day.begins, own))
        if guards.daily is not None and claimed:
            store.take_turn(work.tx)
            found.room = guards.daily - store.sent_since(work.tx, day.begins, own)
        return found

    def forbids(self, send: Claimed) -> str:
        """Return which maximum a send would exceed, empty when none."""
        most = self.guards.contact_daily
        if most is not None and self._mailed[send.contact_id] >= most:
            return CONTACT_DAILY
        return DAILY if self.room is not None and self.room <= 0 else ""

    def take(self, send: Claimed) -> None:
        """Count a send that goes."""
        self._mailed[send.contact_id] += 1
        if self.room is not None:
            self.room -= 1

    def release(self, work: Work, send: Claimed) -> datetime:
        """Return when a send may be tried again: tomorrow, when its window is open."""
        situation = work.situation(send.enrollment_id)
        return held_over(situation.sequence, situation.contact, send.step, self.day)


def guard(deps: Dependencies, now: datetime) -> int:
    """Pause each sequence whose sends or pace are not what they should be; return how many.

    A person lets it go on; what was sent before that is not held against it again.
    """
    with deps.database.read() as tx:
        if not published.funnel_number(tx):
            return 0
        guards = deps.definitions.catalog(tx).funnel.guards
        found = [(one.key, _fault(tx, guards, one, now)) for one in store.watched(tx)]
    paused = 0
    for key, fault in found:
        if fault is not None:
            log.error("%s is paused by a guard: %s", key, fault)
            pause(deps, key, fault, GUARD, now)
            paused += 1
    return paused


def _fault(tx: Transaction, guards: Guards, one: Watched, now: datetime) -> str | None:
    record = Record(*store.latest(tx, one.sequence_id, one.resumed_at, guards.sample))
    return bad_record(guards, record) or strange_pace(guards, _pace(tx, guards, one, now))


def _pace(tx: Transaction, guards: Guards, one: Watched, now: datetime) -> Pace:
    hour_ago = now - HOUR
    last = store.sent_between(tx, one.sequence_id, max(hour_ago, one.resumed_at or hour_ago), now)
    # A week of a busy sequence is much to count, and few sequences are ever fast enough to ask.
    is_fast = guards.surge is not None and last >= guards.surge_least
    first = store.first_sent(tx, one.sequence_id) if is_fast else None
    if first is None or first >= hour_ago:
        return Pace(last, 0.0, timedelta())
    since = max(first, hour_ago - BEFORE)
    before = store.sent_between(tx, one.sequence_id, since, hour_ago)
    return Pace(last, before / ((hour_ago - since) / HOUR), hour_ago - first)
