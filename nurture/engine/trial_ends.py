"""How trials of a draft end: with the draft itself, published or thrown away, or by a new trial."""

from collections.abc import Iterable
from datetime import datetime

from nurture.domain import enrollment as e
from nurture.engine.dependencies import Dependencies
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.store import drafts, runs, trials

PUBLISHED, DISCARDED, STOPPED = "draft published", "draft discarded", "trial stopped"


def end_trials(deps: Dependencies, key: str, why: str, now: datetime) -> int:
    """End every trial of a sequence's draft; return how many runs were under way."""

    def body(work: Work) -> int:
        row = drafts.draft_row(work.tx, key)
        if row is None:
            return 0
        ids = trials.live(work.tx, row.sequence_id)
        withdraw(work, ids, why)
        return len(ids)

    return committed(deps, now, body)


def withdraw(work: Work, run_ids: Iterable[int], why: str) -> None:
    """End the runs with these ids, as part of some work."""
    for run in work.take_up(runs.by_ids(work.tx, run_ids, lock=True).values()):
        if run.enrollment.is_live:
            work.tell(run.enrollment.id, e.Withdrawn(why))
