"""Claiming sends: a part of a batch becomes one worker's, and every rule is looked at again."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from nurture.domain import enrollment as e
from nurture.domain.last_look import Touch, hindrance
from nurture.engine.dependencies import Dependencies
from nurture.engine.guarding import Day
from nurture.engine.letters import Letter, Post, choose_email
from nurture.engine.receipts import FIRST_DELAY, LONGEST_DELAY
from nurture.engine.work import Work
from nurture.mailer.compiled import CompiledEmail
from nurture.store import operations, people, runs, sends
from nurture.store.sends import Claimed

# Sends claimed at a time: what a suppression that comes in this moment can no longer stop.
PART = 100
# A send to a contact whom somebody else is writing about is looked at again after this long.
BUSY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Bag:
    """Claimed letters that may go, with the compiled emails they need.

    `more` tells whether the batch may hold another part.
    """

    letters: tuple[Letter, ...]
    emails: dict[int, CompiledEmail]
    post: Post | None
    more: bool


def claim(work: Work, deps: Dependencies, worker: str, batch_id: int, limit: int = PART) -> Bag:
    """Claim a part of a batch and look at every rule again before anything is handed over."""
    if not _provider_takes_mail(work, deps.provider.name):
        return Bag((), {}, None, more=False)
    taken = sends.claim(work.tx, batch_id, worker, work.now, limit)
    claimed = _clear(work, taken)
    work.places.claiming = frozenset(send.id for send in claimed)
    found = runs.by_ids(work.tx, {send.enrollment_id for send in claimed})
    work.take_up(found.values())
    day = Day.of(work, claimed)
    refused: list[dict[str, Any]] = []
    going = []
    for send in sorted(claimed, key=lambda one: work.places.rank(one.contact_id, one.id)):
        row = _look_again(work, send) or _guarded(work, send, day)
        if row is None:
            day.take(send)
            work.places.take(send.contact_id, send.id)
            going.append(send)
        else:
            refused.append({"id": send.id, "claimed_by": worker, **row})
    sends.settle(work.tx, refused)
    return _pack(work, deps, going, more=len(taken) == limit)


def _clear(work: Work, claimed: list[Claimed]) -> list[Claimed]:
    """Return the sends that can be looked at now, and put the others back for a moment.

    Somebody who is being unsubscribed in this moment holds the contact: what they write must be
    seen first. And while content is on its way to a contact, the same content by another door
    waits to hear whether it arrived.
    """
    if not claimed:
        return claimed
    contact_ids = {send.contact_id for send in claimed}
    free = people.lock_free(work.tx, contact_ids)
    own = {send.id for send in claimed}
    flying = {
        (contact_id, content)
        for send_id, contact_id, content in sends.in_flight(work.tx, contact_ids)
        if send_id not in own
    }
    clear, busy = [], []
    for send in claimed:
        if send.contact_id not in free:
            busy.append(send.id)
        elif send.pass_no == 1 and (send.contact_id, send.content) in flying:
            sends.put_back(work.tx, [send.id], work.now + _until_heard(work, send))
        else:
            flying.add((send.contact_id, send.content))
            clear.append(send)
    sends.put_back(work.tx, busy, work.now + BUSY)
    return clear


def _until_heard(work: Work, send: Claimed) -> timedelta:
    """Return how long to wait for news of the same content: as long again as it has waited.

    Mostly an answer comes at once; but what became of it may be for a person to say.
    """
    return min(max(FIRST_DELAY, work.now - send.created_at), LONGEST_DELAY)


def _provider_takes_mail(work: Work, provider: str) -> bool:
    state = operations.provider_health(work.tx, provider)
    if state is None or state.state == "ok":
        return True
    return state.state == "down" and state.until is not None and state.until <= work.now


def _look_again(work: Work, send: Claimed) -> dict[str, Any] | None:
    """Return the columns to settle a send with that may not go now; None when it may."""
    situation = work.situation(send.enrollment_id)
    if situation.enrollment.state != e.Sending(send.step, send.pass_no):
        return _row("cancelled", "the run went on", work)
    touch = Touch(send.step, send.pass_no, send.topic, send.content, send.created_at)
    found = hindrance(situation, touch, work.now)
    if found is None:
        return None
    work.tell(send.enrollment_id, found, send_id=send.id)
    return _held(found) if isinstance(found, e.Held) else _row("skipped", found.reason, work)


def _guarded(work: Work, send: Claimed, day: Day) -> dict[str, Any] | None:
    """Return the columns to settle a send with that a day's maximum holds over."""
    reason = day.forbids(send)
    if not reason or work.definition(work.runs[send.enrollment_id]).trial:
        return None
    release = day.release(work, send)
    event = e.Held(send.step, send.pass_no, reason, release, send.created_at)
    work.tell(send.enrollment_id, event, send_id=send.id)
    return _held(event)


def _held(event: e.Held) -> dict[str, Any]:
    return {"status": "held", "reason": event.reason, "settled_at": None}


def _row(status: str, reason: str, work: Work) -> dict[str, Any]:
    return {"status": status, "reason": reason, "settled_at": work.now}


def _pack(work: Work, deps: Dependencies, going: list[Claimed], *, more: bool) -> Bag:
    funnel = work.catalog.funnel
    letters = []
    for send in going:
        addressee = work.addressees[send.contact_id]
        email_id = choose_email(deps.definitions, work.tx, send, addressee.language, funnel.account)
        standing = work.contacts[send.contact_id].standing
        letters.append(
            Letter(
                send,
                addressee,
                work.runs[send.enrollment_id].enrollment,
                email_id,
                standing.stage if standing else "",
            )
        )
    emails = {
        email_id: deps.definitions.email(work.tx, email_id)
        for email_id in {letter.email_id for letter in letters}
    }
    return Bag(tuple(letters), emails, Post(deps, funnel), more)
