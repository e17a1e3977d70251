"""A worker's job: claim a part of a batch, look at every rule again, hand over, write it down.

1. In one transaction: claim up to PART queued sends, and refuse or hold those that may no longer
   go. Commit.
2. With no transaction open: render, compose, and hand to the provider, noting in the journal
   what is about to leave before it leaves.
3. In transactions of RECORD answers: write what became of them, and let the runs go on.

Killed in the middle, everything claimed and not handed over goes back to the queue, and only what
was in the midst of an exchange is uncertain (`nurture.engine.reconcile`).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nurture.domain import enrollment as e
from nurture.domain.contact import refusal
from nurture.domain.decide import exit_reason
from nurture.domain.walk import RECEIVED_BEFORE, WINDOW, opening
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import OF_THE_MOMENT, break_off, describe
from nurture.engine.journal import Journal
from nurture.engine.letters import Letter, Post, choose_email
from nurture.engine.receipts import Answer, record_receipts
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid, NotFound
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.render import TemplateFailed
from nurture.providers.base import HandingOver, OutgoingEmail
from nurture.store import operations, people, runs, sends
from nurture.store.sends import Claimed

log = logging.getLogger(__name__)

# Sends claimed at a time: what a suppression that comes in this moment can no longer stop.
PART = 100
# Answers written in one transaction. Nothing is gained beyond a hundred (docs/performance.md).
RECORD = 100


# So many runs may be broken off in a row before the fault is taken to be ours.
MOST_BROKEN_OFF = 3


def never() -> bool:
    """Say that nobody asks the worker to stop."""
    return False


@dataclass(frozen=True, slots=True)
class Courier:
    """One worker: what it was given, its name, its journal, and whether it is asked to stop."""

    deps: Dependencies
    name: str
    journal: Journal
    stopping: Callable[[], bool] = never


@dataclass(frozen=True, slots=True)
class Bag:
    """Claimed letters that may go, with the compiled emails they need."""

    letters: tuple[Letter, ...]
    emails: dict[int, CompiledEmail]
    post: Post | None
    claimed: int


def deliver(courier: Courier, batch_id: int) -> int:
    """Deliver what is left of a batch; return how many sends were handed to the provider.

    A worker that is asked to stop does so after the part in hand, and another one is woken for
    the rest.
    """
    handed = 0
    while not courier.stopping():
        bag = _next_bag(courier, batch_id)
        if not bag.claimed:
            return handed
        handed += hand_over(courier, bag)
    courier.deps.wake([batch_id])
    return handed


def _next_bag(courier: Courier, batch_id: int) -> Bag:
    """Claim a part; around runs that raise, which are broken off so that the others may go."""
    deps, limit, broken = courier.deps, PART, 0
    while True:
        now = deps.clock.now()
        body = partial(claim, courier=courier, batch_id=batch_id, limit=limit)
        try:
            return committed(deps, now, body)
        except OF_THE_MOMENT:
            raise
        except Exception as error:
            if limit > 1:
                limit //= 2
                continue
            with deps.database.read() as tx:
                run_id = sends.next_run(tx, batch_id, now)
            if run_id is None or broken == MOST_BROKEN_OFF:
                raise
            log.exception("run %d cannot be sent to and is failed", run_id)
            break_off(deps, run_id, error, now)
            limit, broken = PART, broken + 1


def claim(work: Work, courier: Courier, batch_id: int, limit: int = PART) -> Bag:
    """Claim a part of a batch and look at every rule again before anything is handed over."""
    if not _provider_takes_mail(work, courier.deps.provider.name):
        return Bag((), {}, None, 0)
    claimed = sends.claim(work.tx, batch_id, courier.name, work.now, limit)
    found = runs.by_ids(work.tx, {send.enrollment_id for send in claimed})
    work.take_up(found.values())
    refused: list[dict[str, Any]] = []
    going = []
    for send in claimed:
        row = _look_again(work, send)
        if row is None:
            going.append(send)
        else:
            refused.append({"id": send.id, "claimed_by": courier.name, **row})
    sends.settle(work.tx, refused)
    return _pack(work, courier.deps, going, len(claimed))


def hand_over(courier: Courier, bag: Bag) -> int:
    """Render, compose and send; write the answers down in small groups as they come."""
    deps = courier.deps
    now = deps.clock.now()
    by_id = {letter.send.id: letter for letter in bag.letters}
    answers: list[Answer] = []
    emails = [
        email for letter in bag.letters if (email := _written(courier, bag, letter)) is not None
    ]
    for item in deps.provider.send(emails, now):
        if isinstance(item, HandingOver):
            courier.journal.handing_over(item.send_ids)
            continue
        courier.journal.settled(item)
        letter = by_id[item.send_id]
        answers.append(Answer(letter.send, item, deps.clock.now(), letter.email_id))
        if len(answers) >= RECORD:
            record_receipts(deps, courier.name, answers, deps.clock.now())
            answers = []
    record_receipts(deps, courier.name, answers, deps.clock.now())
    courier.journal.empty()
    return len(emails)


def _provider_takes_mail(work: Work, provider: str) -> bool:
    state = operations.provider_health(work.tx, provider)
    if state is None or state.state == "ok":
        return True
    return state.state == "down" and state.until is not None and state.until <= work.now


def _look_again(work: Work, send: Claimed) -> dict[str, Any] | None:
    """Return the columns to settle a send with that may not go now; None when it may."""
    situation = work.situation(send.enrollment_id)
    sequence, contact = situation.sequence, situation.contact
    if situation.enrollment.state != e.Sending(send.step, send.pass_no):
        return _row("cancelled", "the run went on", work)
    reason = exit_reason(situation, work.now)
    if reason is None and (refused := refusal(contact, send.topic)) is not None:
        reason = refused.value
    if reason is not None:
        work.tell(send.enrollment_id, e.Withdrawn(reason), send_id=send.id)
        return _row("skipped", reason, work)
    if send.pass_no == 1 and send.content in contact.received:
        unsent = e.Unsent(send.step, send.pass_no, RECEIVED_BEFORE)
        work.tell(send.enrollment_id, unsent, send_id=send.id)
        return _row("skipped", RECEIVED_BEFORE, work)
    release = opening(sequence, contact, send.step, work.now)
    if release > work.now:
        held = e.Held(send.step, send.pass_no, WINDOW, release)
        work.tell(send.enrollment_id, held, send_id=send.id)
        return {"status": "held", "reason": WINDOW, "settled_at": None}
    return None


def _row(status: str, reason: str, work: Work) -> dict[str, Any]:
    return {"status": status, "reason": reason, "settled_at": work.now}


def _pack(work: Work, deps: Dependencies, going: list[Claimed], claimed: int) -> Bag:
    addressees = people.addressees(work.tx, {send.contact_id for send in going})
    funnel = work.catalog.funnel
    letters = []
    for send in going:
        addressee = addressees[send.contact_id]
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
    return Bag(tuple(letters), emails, Post(deps, funnel), claimed)


def _written(courier: Courier, bag: Bag, letter: Letter) -> OutgoingEmail | None:
    """Return the email, or None after failing its send with the name of what is wrong."""
    if bag.post is None:
        return None
    try:
        return bag.post.write(letter, bag.emails[letter.email_id], courier.deps.clock.now())
    except (TemplateFailed, Invalid, NotFound) as error:
        told = str(error)
    except OF_THE_MOMENT:
        raise
    except Exception as error:
        # One letter that nobody foresaw must not keep the rest of its part from leaving.
        log.exception("send %d cannot be written", letter.send.id)
        told = describe(error)
    fail = partial(_fail, courier=courier, letter=letter, error=told)
    committed(courier.deps, courier.deps.clock.now(), fail)
    return None


def _fail(work: Work, courier: Courier, letter: Letter, error: str) -> None:
    send = letter.send
    row = {"status": "failed", "reason": error[:500], "settled_at": work.now}
    sends.settle(work.tx, [{"id": send.id, "claimed_by": courier.name, **row}])
    work.take_up(runs.by_ids(work.tx, [send.enrollment_id], lock=True).values())
    work.tell(send.enrollment_id, e.Broken(send.step, send.pass_no, error), send_id=send.id)
