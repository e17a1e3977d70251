"""Erasing a contact: GDPR, article 17, and Vietnam's law 91/2025/QH15, article 4.

What was personal goes, in one transaction; what reports count stays, and belongs to nobody. A keyed
hash of the address stays on the list of suppressions, so that no import mails them again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final

from nurture.domain import enrollment as e
from nurture.domain.contact import GLOBAL, Value
from nurture.domain.erasure import forgotten_decision, forgotten_properties
from nurture.engine.addresses import ERASURE, address_key, parse_address
from nurture.engine.dependencies import Dependencies
from nurture.engine.erasing_copies import in_files, in_inbox
from nurture.engine.experiments import measures_of
from nurture.engine.isolation import around_bad_runs
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid
from nurture.store import erasing, operations, people, runs, wishes
from nurture.store.database import Transaction
from nurture.store.erasing import Known
from nurture.store.erasing_rows import Forgetting, empty
from nurture.store.erasing_traces import Traces, traces, wipe

DEED: Final = "erase contact"
LONGEST_REASON: Final = 500


class Outcome(StrEnum):
    """What came of the wish to erase an address."""

    ERASED = "erased"
    ALREADY = "already erased"
    UNKNOWN = "never known"
    BARRED = "never known, and barred"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, or would be.

    `rows` counts by table what is deleted or emptied, `live_runs` the runs that end and `mails`
    the copies in the local inbox. `at` is since when the address is on the list, if it is.
    `files` are those that imports wrote rejected rows to and that name the address: nobody but a
    person can take it out of them.
    """

    outcome: Outcome
    at: datetime | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    live_runs: int = 0
    mails: int = 0
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """Who is erased, which words elsewhere are about them, and what experiments count by."""

    who: Known
    words: Traces
    measures: Mapping[str, list[Mapping[str, Value]]]
    rows: Mapping[str, int]
    at: datetime


def foresee(deps: Dependencies, address: str) -> Erasure:
    """Return what erasing an address would do; nothing is written. Raises Invalid."""
    compared = parse_address(address).compared
    key = address_key(deps.secrets, compared)
    with deps.database.read() as tx:
        since = erasing.erased_since(tx, key, ERASURE)
        who = erasing.known(tx, compared, key)
        files = in_files(tx, compared)
        if who is None:
            outcome = Outcome.UNKNOWN if since is None else Outcome.ALREADY
            return Erasure(
                outcome, since, mails=in_inbox(deps, compared, [], look=True), files=files
            )
        rows, live = erasing.counts(tx, who), len(runs.live_ids(tx, [who.id]))
        notices = erasing.notices(tx, who.id)
    mails = in_inbox(deps, compared, notices, look=True)
    return Erasure(Outcome.ERASED, None, rows, live, mails, files)


def erase(
    deps: Dependencies, address: str, *, by: str, why: str, now: datetime, bar: bool = False
) -> Erasure:
    """Erase whoever has this address; see `docs/erasure.md` for what becomes of each table.

    Idempotent: a second time changes nothing. With `bar` an address that nobody has is put on the
    list all the same. Raises Invalid for what is no address, and for a reason that names it.
    """
    compared = parse_address(address).compared
    if not by.strip() or len(why) > LONGEST_REASON or "\0" in by + why:
        told = f"Say who does it, and why in at most {LONGEST_REASON} characters."
        raise Invalid("this cannot be put on record", remedy=told)
    if compared in f"{by} {why}".lower():
        told = "The reason stays on record: give the number of the request instead."
        raise Invalid("the reason names the address that is to be erased", remedy=told)
    key = address_key(deps.secrets, compared)
    one = _Erasing(compared, key, by.strip(), why.strip(), now, bar=bar)
    return _carry_out(deps, one)


def forget(
    deps: Dependencies,
    contact_id: int,
    *,
    by: str,
    why: str,
    now: datetime,
    still: Callable[[Transaction], bool],
) -> bool:
    """Erase a contact of whom nothing need be remembered; return whether it was done.

    No hash of the address is left, so that whoever signs up with it again begins as somebody new;
    a wish that they leave at this very moment is answered so.
    `still` is asked, with the contact held, whether there is nothing to be remembered.
    """
    with deps.database.read() as tx:
        who = erasing.by_id(tx, contact_id)
    if who is None:
        return False
    one = _Erasing(who.address, who.key, by, why, now, bar=False, remembers=False, still=still)
    return _carry_out(deps, one).outcome is Outcome.ERASED


def _carry_out(deps: Dependencies, one: "_Erasing") -> Erasure:
    compared, now = one.address, one.now
    with deps.database.read() as tx:
        who = erasing.known(tx, compared, one.key)
        notices = erasing.notices(tx, who.id) if who else []
        files = in_files(tx, compared) if one.remembers else ()
        if not one.still(tx):
            return Erasure(Outcome.UNKNOWN)
    # First, since afterwards nothing leads from the address to the notices any more; a crash in
    # between leaves a contact who is to be erased, and not copies that nobody finds.
    mails = in_inbox(deps, compared, notices, look=False) if who else 0
    once = partial(committed, deps, now, one.body, one.forget)
    done: Erasure = around_bad_runs(deps, [who.id] if who else [], now, once)
    if done.outcome is not Outcome.UNKNOWN:
        # Mail that was on its way arrives afterwards: a second time finds it.
        mails += in_inbox(deps, compared, notices, look=False)
    return Erasure(done.outcome, done.at, done.rows, done.live_runs, mails, files)


@dataclass(slots=True)
class _Erasing:
    """One erasure: `body` finds and ends, and `forget` empties when that is written.

    One that `remembers` leaves the hash of the address on the list of suppressions.
    """

    address: str
    key: str
    by: str
    why: str
    now: datetime
    bar: bool
    remembers: bool = True
    still: Callable[[Transaction], bool] = lambda _: True
    _found: _Found | None = None

    def body(self, work: Work) -> Erasure:
        tx, self._found = work.tx, None
        who = _held(tx, self.address, self.key)
        if not self.still(tx):
            return Erasure(Outcome.UNKNOWN)
        if who is None:
            # A wish that is answered at this moment is waited for, and may have made somebody.
            wishes.forget(tx, self.address)
            who = _held(tx, self.address, self.key)
        if who is None:
            since = erasing.erased_since(tx, self.key, ERASURE)
            if since is not None:
                return Erasure(Outcome.ALREADY, since)
            if not self.bar:
                return Erasure(Outcome.UNKNOWN)
            if erasing.reserve(tx, self.address, self.key, self.now):
                erasing.bar(tx, self.key, ERASURE, self.by, self.now)
                said = {"why": self.why, "known": False}
                operations.note(tx, self.by, DEED, "", said, self.now)
                return Erasure(Outcome.BARRED, self.now)
            who = _held(tx, self.address, self.key)
            if who is None:
                return Erasure(Outcome.ALREADY, erasing.erased_since(tx, self.key, ERASURE))
        return self._end(work, who)

    def forget(self, tx: Transaction) -> None:
        found = self._found
        if found is None:
            return

        def properties(name: str, source: str, given: Mapping[str, Any]) -> dict[str, Any]:
            return forgotten_properties(source, given, found.measures.get(name, ()))

        wipe(tx, found.who, found.words)
        empty(tx, found.who, Forgetting(forgotten_decision, properties), self.now, found.at)
        data = {"why": self.why, "known": True, "rows": dict(found.rows)}
        operations.note(tx, self.by, DEED, str(found.who.id), data, self.now)

    def _end(self, work: Work, who: Known) -> Erasure:
        tx = work.tx
        rows, words = erasing.counts(tx, who), traces(tx, who)
        claimed = erasing.last_claim(tx, who.id)
        # A send that a worker took before was taken before the erasure, whatever their clocks say.
        at = max(self.now, claimed) if claimed else self.now
        erasing.drop_queued(tx, who.id)
        if self.remembers:
            wishes.forget(tx, who.address)
            erasing.bar(tx, who.key, ERASURE, self.by, at)
        live = _end_runs(work, who)
        self._found = _Found(who, words, measures_of(work.catalog), rows, at)
        return Erasure(Outcome.ERASED, at, rows, live)


def _held(tx: Transaction, address: str, key: str) -> Known | None:
    """Return the contact, held until the end, or None; whoever erases them now is waited for."""
    who = erasing.known(tx, address, key)
    if who is None:
        return None
    people.lock(tx, [who.id])
    again = erasing.known(tx, address, key)
    return again if again == who else None


def _end_runs(work: Work, who: Known) -> int:
    """End the live runs, and cancel what no worker has taken; return how many there were."""
    work.see([who.id], history=False)
    contact = work.contacts[who.id]
    # What is decided later in this transaction must know that nothing may be entered any more.
    scopes = contact.suppressions | {GLOBAL}
    work.contacts[who.id] = replace(contact, suppressions=scopes)
    live = work.take_up(runs.live_of(work.tx, [who.id]))
    for run in live:
        if work.runs[run.enrollment.id].enrollment.is_live:
            work.tell(run.enrollment.id, e.Withdrawn(ERASURE))
    return len(live)
