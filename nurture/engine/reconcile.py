"""After a death: what a worker had claimed is settled from its journal, or queued again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from nurture.domain import enrollment as e
from nurture.engine.dependencies import Dependencies
from nurture.engine.journal import path_of, read_journal
from nurture.engine.receipts import Answer, settle
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.providers.base import Outcome, Receipt
from nurture.store import runs, sends
from nurture.store.sends import Claimed

# A send that was claimed this often and never got anywhere takes its workers down with it.
MOST_CLAIMS = 8


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a dead worker's sends."""

    settled: int = 0
    uncertain: int = 0
    requeued: int = 0
    failed: int = 0


def recover(
    deps: Dependencies, worker: str, now: datetime, *, journal_is_here: bool = True
) -> Recovered:
    """Settle what `worker`, which is dead, had claimed; safe to run twice.

    With its journal: answered sends are recorded, those handed over without an answer become
    uncertain, the rest return to the queue. Without it (`journal_is_here` false: another
    machine's worker) nothing is known, so all of them are uncertain: never resent blindly.
    """
    path = path_of(deps.settings.home, worker)
    in_doubt, receipts = read_journal(path)
    body = partial(
        _recover,
        provider=deps.provider.name,
        worker=worker,
        in_doubt=in_doubt,
        receipts=receipts,
        known=journal_is_here,
    )
    found = committed(deps, now, body)
    if journal_is_here:
        path.unlink(missing_ok=True)
    return found


def _recover(
    work: Work,
    provider: str,
    worker: str,
    in_doubt: frozenset[int],
    receipts: dict[int, Receipt],
    known: bool,  # noqa: FBT001 - passed by name through partial
) -> Recovered:
    claimed = sends.claimed_sends(work.tx, worker)
    answers: list[Answer] = []
    again: list[int] = []
    hopeless: list[Claimed] = []
    for send in claimed:
        receipt = receipts.get(send.id)
        if receipt is not None:
            answers.append(Answer(send, receipt, work.now, send.email_id))
        elif send.id in in_doubt or not known:
            lost = Receipt(send.id, Outcome.UNCERTAIN, detail=f"the worker {worker} died")
            answers.append(Answer(send, lost, work.now, send.email_id))
        elif send.attempts >= MOST_CLAIMS:
            hopeless.append(send)
        else:
            again.append(send.id)
    if answers:
        settle(work, provider, worker, answers)
    sends.back_to_queue(work.tx, again, worker)
    _give_up(work, worker, hopeless)
    uncertain = sum(one.receipt.outcome is Outcome.UNCERTAIN for one in answers)
    return Recovered(len(answers) - uncertain, uncertain, len(again), len(hopeless))


def _give_up(work: Work, worker: str, hopeless: Sequence[Claimed]) -> None:
    error = f"claimed {MOST_CLAIMS} times and never handed over"
    found = runs.by_ids(work.tx, {send.enrollment_id for send in hopeless}, lock=True)
    work.take_up(found.values())
    rows = []
    for send in hopeless:
        row = {"status": "failed", "reason": error, "settled_at": work.now}
        rows.append({"id": send.id, "claimed_by": worker, **row})
        work.tell(send.enrollment_id, e.Broken(send.step, send.pass_no, error), send_id=send.id)
    sends.settle(work.tx, rows)


def decide_uncertain(deps: Dependencies, send_id: int, arrived: bool, now: datetime) -> None:  # noqa: FBT001
    """Settle an uncertain send on the word of a person or a provider.

    Arrived: the run goes on as if the answer had come in time. Not arrived: the run goes on
    without it; it is never sent again.
    """

    def body(work: Work) -> None:
        send = sends.uncertain_send(work.tx, send_id)
        if send is None:
            return
        work.take_up(runs.by_ids(work.tx, [send.enrollment_id], lock=True).values())
        if arrived:
            receipt = Receipt(send.id, Outcome.ACCEPTED, detail="settled afterwards")
            sends.reclaim(work.tx, send.id, "settled")
            settle(
                work,
                deps.provider.name,
                "settled",
                [Answer(send, receipt, work.now, send.email_id)],
            )
        else:
            sends.close_uncertain(work.tx, send.id, "did not arrive", work.now)
            unsent = e.Unsent(send.step, send.pass_no, "did not arrive")
            work.tell(send.enrollment_id, unsent, send_id=send.id)

    committed(deps, now, body)
