"""What follows from a provider's answer to a send, a group of answers in one transaction."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from nurture.domain import enrollment as e
from nurture.domain.contact import GLOBAL, Contact, Engaged, Occurrence
from nurture.engine.definitions import goes_on_unasked
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import describe, fail_run, isolate
from nurture.engine.suppress import suppress
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.providers.base import Outcome, Receipt
from nurture.store import gone, ledger, operations, people, runs, sends, suppressions
from nurture.store.ledger import NewEvent
from nurture.store.operations import Health
from nurture.store.runs import Run
from nurture.store.sends import Claimed
from nurture.store.suppressions import NewSuppression

log = logging.getLogger(__name__)

# A send that is put off waits this long, twice as long each time, up to the longest.
FIRST_DELAY = timedelta(minutes=2)
LONGEST_DELAY = timedelta(hours=6)
# After this many soft refusals the send is given up and counts as one soft bounce.
SOFT_TRIES = 5
# So many soft-bounced sends in a row, with no delivery between, and the address is suppressed.
SOFT_BOUNCES_SUPPRESS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """A receipt with the send it belongs to, the compiled email, and when it was received.

    The instant matters: waits for an answer start there.
    """

    send: Claimed
    receipt: Receipt
    at: datetime
    email_id: int | None = None


def back_off(attempts: int) -> timedelta:
    """Return how long to wait after the `attempts`-th try (from 1)."""
    doublings = max(0, min(attempts, 20) - 1)
    return min(FIRST_DELAY * (1 << doublings), LONGEST_DELAY)


def record_receipts(
    deps: Dependencies, worker: str, answers: Sequence[Answer], now: datetime
) -> None:
    """Write what became of handed-over sends and let their runs go on, in one transaction.

    A run that raises ends as failed, with what became of its send written all the same: that
    a contact was mailed must never be forgotten.
    """
    record = partial(settle, provider=deps.provider.name, worker=worker)
    for one in isolate(answers, lambda some: committed(deps, now, partial(record, answers=some))):
        log.error("the run of send %d is failed: %r", one.item.send.id, one.error)
        last = partial(record, answers=[one.item], broken=describe(one.error))
        committed(deps, now, last)


def settle(
    work: Work, provider: str, worker: str, answers: Sequence[Answer], broken: str = ""
) -> None:
    """Do what `record_receipts` does inside a transaction that is open.

    With `broken` the runs are told nothing and end as failed with that error.
    """
    now = work.now
    # Contacts before runs, as whoever records their events does, so that neither waits for the
    # other in a circle.
    bounced = {one.send.contact_id for one in answers if _is_bounce(one)}
    people.lock(work.tx, bounced)
    erased = gone.among(work.tx, bounced)
    if broken:
        for one in answers:
            fail_run(work, one.send.enrollment_id, broken)
    else:
        found = runs.by_ids(work.tx, {one.send.enrollment_id for one in answers}, lock=True)
        _leave_unread(work, found.values(), answers)
        work.take_up(found.values())
    rows: list[dict[str, Any]] = []
    got: list[tuple[int, str, int, datetime]] = []
    bad: list[NewSuppression] = []
    soft: list[Answer] = []
    events: list[NewEvent] = []
    told: list[tuple[Claimed, e.Accepted | e.Unsent]] = []
    for one in answers:
        send, receipt, at = one.send, one.receipt, one.at
        row = {
            "id": send.id, "claimed_by": worker, "status": "refused", "reason": "",
            "not_before": None, "settled_at": at, "email_id": one.email_id,
            "provider": provider, "provider_message_id": receipt.provider_message_id,
            "code": receipt.code, "detail": receipt.detail[:500], "bounced_at": None,
        }  # fmt: skip
        match receipt.outcome:
            case Outcome.ACCEPTED:
                row["status"] = "accepted"
                got.append((send.contact_id, send.content, send.id, at))
                told.append((send, _accepted(send, at)))
            case Outcome.HARD:
                row |= {"reason": "hard bounce", "bounced_at": at}
                source = f"provider:{provider}" if receipt.mirrored else provider
                detail = f"{receipt.code} {receipt.status} {receipt.detail}".strip()
                bad.append(NewSuppression(send.contact_id, GLOBAL, "hard bounce", source, detail))
                events.append(_bounced(one, "hard"))
            case Outcome.SOFT if send.attempts < SOFT_TRIES:
                row |= _again(work, send, "deferred")
            case Outcome.SOFT:
                row |= {"reason": "soft bounce", "bounced_at": at}
                soft.append(one)
                events.append(_bounced(one, "soft"))
                told.append((send, _unsent(send, "soft bounce")))
            case Outcome.POLICY:
                row["reason"] = "policy"
                events.append(_bounced(one, "policy"))
                told.append((send, _unsent(send, "refused by policy")))
            case Outcome.SENDER | Outcome.LATER:
                # Nothing was handed over, so this was no try.
                row |= {**_again(work, send, receipt.outcome.value), "attempts": send.attempts - 1}
            case Outcome.UNCERTAIN:
                row |= {"status": "uncertain", "reason": "handed over, no answer"}
        rows.append(row)
    for send, outcome in () if broken else told:
        work.tell(send.enrollment_id, outcome, send_id=send.id)
    sends.settle(work.tx, rows)
    tried = {one.send.id for one in answers if _is_trial(work, one.send.version_id)}
    ledger.add_received(work.tx, [one for one in got if one[2] not in tried])
    events = [event for event in events if event.contact_id not in erased]
    ledger.add_events(work.tx, events, now)
    _look_again(work, events, [one[0] for one in got])
    _count_soft(work, soft, bad)
    suppress(work, bad)
    _note_provider(work, provider, _told_of_provider(work, answers))


def _is_trial(work: Work, version_id: int) -> bool:
    definition = work.catalog.versions.get(version_id)
    return definition is not None and definition.trial


def _is_bounce(one: Answer) -> bool:
    soft = one.receipt.outcome is Outcome.SOFT and one.send.attempts >= SOFT_TRIES
    return soft or one.receipt.outcome is Outcome.HARD


def _leave_unread(work: Work, found: Iterable[Run], answers: Sequence[Answer]) -> None:
    """Know contacts by their ids alone where their runs go on the same whatever they are like.

    Most emails have a plain wait behind them, and reading the contact is then a third of the work
    of recording an answer. Only where nothing is told but that emails were accepted.
    """
    if any(one.receipt.outcome is not Outcome.ACCEPTED for one in answers):
        return
    asked: dict[int, bool] = {}
    for run in work.know(found):
        sequence, contact_id = work.definition(run).sequence, run.enrollment.contact_id
        asks = not goes_on_unasked(sequence, run.enrollment.step)
        asked[contact_id] = asks or asked.get(contact_id, False)
    work.contacts.update((key, Contact(key, "")) for key, asks in asked.items() if not asks)


def _accepted(send: Claimed, at: datetime) -> e.Accepted:
    return e.Accepted(send.step, send.pass_no, at)


def _unsent(send: Claimed, reason: str) -> e.Unsent:
    return e.Unsent(send.step, send.pass_no, reason)


def _again(work: Work, send: Claimed, reason: str) -> dict[str, Any]:
    """Put a send off, unless its run went on meanwhile and nobody wants it any more."""
    run = work.runs.get(send.enrollment_id)
    if run is None or run.enrollment.state != e.Sending(send.step, send.pass_no):
        return {"status": "cancelled", "reason": "the run went on"}
    return {
        "status": "queued",
        "reason": reason,
        "not_before": work.now + back_off(send.attempts),
        "settled_at": None,
    }


def _bounced(one: Answer, kind: str) -> NewEvent:
    properties = {"kind": kind, "step": one.send.step, "detail": one.receipt.detail[:200]}
    key = f"bounce:{one.send.id}"
    return NewEvent(
        one.send.contact_id,
        Occurrence(Engaged.BOUNCE, one.at, properties, dedupe_key=key),
        "provider",
        one.send.id,
    )


def _count_soft(work: Work, soft: Sequence[Answer], bad: list[NewSuppression]) -> None:
    counted = suppressions.count_soft_bounces(work.tx, [one.send.contact_id for one in soft])
    bad.extend(
        NewSuppression(contact_id, GLOBAL, "soft bounces", "rules", f"{count} in a row")
        for contact_id, count in counted
        if count >= SOFT_BOUNCES_SUPPRESS
    )


def _look_again(work: Work, events: Sequence[NewEvent], got: Sequence[int]) -> None:
    """Have the rules look at contacts whose segments ask for what the answers told."""
    if work.catalog.segments:
        touched = {event.contact_id for event in events}
        if work.catalog.any_segment_asks("received"):
            touched |= set(got)
        ledger.look_again(work.tx, touched, work.now)


def _told_of_provider(work: Work, answers: Sequence[Answer]) -> list[Receipt]:
    """Return the receipts; what a fault says may quote an address, and not one that was erased."""
    if all(one.receipt.outcome not in (Outcome.SENDER, Outcome.LATER) for one in answers):
        return [one.receipt for one in answers]
    erased = gone.among(work.tx, (one.send.contact_id for one in answers))
    return [
        replace(one.receipt, detail="") if one.send.contact_id in erased else one.receipt
        for one in answers
    ]


def _note_provider(work: Work, provider: str, receipts: Sequence[Receipt]) -> None:
    """Remember that the provider is away or refuses us, and that it is back."""
    fault = next((one for one in receipts if one.outcome is Outcome.SENDER), None)
    away = next((one for one in receipts if one.outcome is Outcome.LATER), None)
    reached = any(one.outcome not in (Outcome.SENDER, Outcome.LATER) for one in receipts)
    before = operations.provider_health(work.tx, provider)
    if before is not None and before.state == "paused":
        return  # Only a person ends that, who has mended the sender.
    after = None
    if fault is not None:
        detail = f"{fault.code} {fault.status} {fault.detail}".strip()
        after = Health("paused", 1, None, detail)
    elif away is not None and not reached:
        failures = (before.failures if before else 0) + 1
        after = Health("down", failures, work.now + back_off(failures), away.detail)
    elif reached and before is not None and before.state == "down":
        after = Health("ok")
    if after is not None:
        operations.set_provider_health(work.tx, provider, after, work.now)
