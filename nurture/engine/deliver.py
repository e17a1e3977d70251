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

from nurture.domain import enrollment as e
from nurture.engine.claiming import PART, Bag, claim
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import OF_THE_MOMENT, break_off, describe
from nurture.engine.journal import Journal
from nurture.engine.letters import Letter
from nurture.engine.receipts import Answer, record_receipts
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid, NotFound
from nurture.mailer.render import TemplateFailed
from nurture.providers.base import HandingOver, Outcome, OutgoingEmail, Receipt
from nurture.store import runs, sends
from nurture.store.batches import next_run

log = logging.getLogger(__name__)

# Answers written in one transaction; more would leave more to the journal (docs/performance.md).
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


def deliver(courier: Courier, batch_id: int) -> int:
    """Deliver what is left of a batch; return how many sends were handed to the provider.

    A worker that is asked to stop does so after the part in hand, and another one is woken for
    the rest.
    """
    handed = 0
    while not courier.stopping():
        bag = _next_bag(courier, batch_id)
        if bag.letters:
            handed += hand_over(courier, bag)
        if not bag.more:
            return handed
    courier.deps.wake([batch_id])
    return handed


def _next_bag(courier: Courier, batch_id: int) -> Bag:
    """Claim a part; around runs that raise, which are broken off so that the others may go."""
    deps, limit, broken = courier.deps, PART, 0
    while True:
        now = deps.clock.now()
        body = partial(claim, deps=deps, worker=courier.name, batch_id=batch_id, limit=limit)
        try:
            return committed(deps, now, body)
        except OF_THE_MOMENT:
            raise
        except Exception as error:
            if limit > 1:
                limit //= 2
                continue
            with deps.database.read() as tx:
                run_id = next_run(tx, batch_id, now)
            if run_id is None or broken == MOST_BROKEN_OFF:
                raise
            log.exception("run %d cannot be sent to and is failed", run_id)
            break_off(deps, run_id, error, now)
            limit, broken = PART, broken + 1


def hand_over(courier: Courier, bag: Bag) -> int:
    """Render, compose and send; write the answers down in small groups as they come."""
    deps = courier.deps
    now = deps.clock.now()
    by_id = {letter.send.id: letter for letter in bag.letters}
    answers: list[Answer] = []
    emails = [
        email for letter in bag.letters if (email := _written(courier, bag, letter)) is not None
    ]
    handed: set[int] = set()
    open_ids = {email.send_id for email in emails}
    for item in deps.provider.send(emails, now):
        if isinstance(item, HandingOver):
            courier.journal.handing_over(item.send_ids)
            handed.update(item.send_ids)
            continue
        open_ids.discard(item.send_id)
        courier.journal.settled(item)
        letter = by_id[item.send_id]
        answers.append(Answer(letter.send, item, deps.clock.now(), letter.email_id))
        if len(answers) >= RECORD:
            record_receipts(deps, courier.name, answers, deps.clock.now())
            answers = []
    for send_id in sorted(open_ids):
        # A provider that broke its promise of one receipt for each: nothing stays claimed by it.
        outcome = Outcome.UNCERTAIN if send_id in handed else Outcome.LATER
        lost = Receipt(send_id, outcome, detail="the provider gave no receipt")
        letter = by_id[send_id]
        answers.append(Answer(letter.send, lost, deps.clock.now(), letter.email_id))
    record_receipts(deps, courier.name, answers, deps.clock.now())
    courier.journal.empty()
    return len(emails)


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
