"""After a death: what a worker had claimed is settled from its journal, or queued again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from nurture.domain import enrollment as e
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import OF_THE_MOMENT, describe, fail_run
from nurture.engine.journal import path_of, read_journal
from nurture.engine.receipts import Answer, record_receipts, settle
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
    """Settle what `worker`, which is dead, had claimed; safe to run twice, or twice at once.

    With its journal: answered sends are recorded, those handed over without an answer become
    uncertain, the rest return to the queue. Without it (`journal_is_here` false: another
    machine's worker) nothing is known, so all of them are uncertain: never resent blindly.

    The journal is kept. PostgreSQL may finish the last claim of a worker after its death, even
    after this, and then it is needed once more (`nurture.engine.presence.forget`).
    """
    in_doubt, receipts = read_journal(path_of(deps.settings.home, worker))
    with deps.database.begin() as tx:
        claimed = sends.claimed_sends(tx, worker)
    answers: list[Answer] = []
    again: list[Claimed] = []
    hopeless: list[Claimed] = []
    for send in claimed:
        receipt = receipts.get(send.id)
        if receipt is not None:
            answers.append(Answer(send, receipt, now, send.email_id))
        elif send.id in in_doubt or not journal_is_here:
            lost = Receipt(send.id, Outcome.UNCERTAIN, detail=f"the worker {worker} died")
            answers.append(Answer(send, lost, now, send.email_id))
        elif send.attempts >= MOST_CLAIMS:
            hopeless.append(send)
        else:
            again.append(send)
    # Each step is conditional on the claim, so a death in between is mended by the next recovery.
    record_receipts(deps, worker, answers, now)
    if hopeless:
        committed(deps, now, partial(_give_up, worker=worker, hopeless=hopeless))
    queued = partial(_queue_again, worker=worker, unstarted=again)
    batches = committed(deps, now, queued) if again else []
    if batches:
        deps.wake(sorted(set(batches)))
    uncertain = sum(one.receipt.outcome is Outcome.UNCERTAIN for one in answers)
    return Recovered(len(answers) - uncertain, uncertain, len(batches), len(hopeless))


def _queue_again(work: Work, worker: str, unstarted: Sequence[Claimed]) -> list[int]:
    """Put sends back, but for those whose runs went on meanwhile; return the batch of each."""
    found = runs.by_ids(work.tx, {send.enrollment_id for send in unstarted}, lock=True)
    wanted: list[int] = []
    unwanted: list[int] = []
    for send in unstarted:
        state = found[send.enrollment_id].enrollment.state
        (wanted if state == e.Sending(send.step, send.pass_no) else unwanted).append(send.id)
    row = {"claimed_by": worker, "status": "cancelled", "reason": "the run went on"}
    sends.settle(work.tx, [{"id": key, **row, "settled_at": work.now} for key in unwanted])
    return sends.back_to_queue(work.tx, wanted, worker)


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


def decide_uncertain(
    deps: Dependencies,
    send_id: int,
    arrived: bool,  # noqa: FBT001 - what the person says, yes or no
    now: datetime,
) -> None:
    """Settle an uncertain send on the word of a person or a provider.

    Arrived: the run goes on as if the answer had come in time. Not arrived: the run goes on
    without it; it is never sent again. A run that no rule can be applied to ends as failed.
    """

    def body(work: Work, broken: str = "") -> None:
        send = sends.uncertain_send(work.tx, send_id)
        if send is None:
            return
        if not broken:
            work.take_up(runs.by_ids(work.tx, [send.enrollment_id], lock=True).values())
        if arrived:
            receipt = Receipt(send.id, Outcome.ACCEPTED, detail="settled afterwards")
            sends.reclaim(work.tx, send.id, "settled")
            settle(
                work,
                deps.provider.name,
                "settled",
                [Answer(send, receipt, work.now, send.email_id)],
                broken,
            )
            return
        sends.close_uncertain(work.tx, send.id, "did not arrive", work.now)
        if broken:
            fail_run(work, send.enrollment_id, broken)
        else:
            unsent = e.Unsent(send.step, send.pass_no, "did not arrive")
            work.tell(send.enrollment_id, unsent, send_id=send.id)

    try:
        committed(deps, now, body)
    except OF_THE_MOMENT:
        raise
    except Exception as error:  # noqa: BLE001 - any error of a rule or a row is meant
        committed(deps, now, partial(body, broken=describe(error)))
