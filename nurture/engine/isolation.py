"""Keeping one bad row from stopping the others that are handled in the same transaction."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from nurture.domain import enrollment as e
from nurture.domain.decide import decide
from nurture.engine import trail
from nurture.engine.dependencies import Dependencies
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Conflict, Retryable
from nurture.store import ledger, runs, sends

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)

# So many runs may all be bad before the fault is taken to be ours.
MOST_ALL_BAD = 5

# These say something about the moment, not about what is handled: trying smaller parts is no help.
OF_THE_MOMENT = (Retryable, Conflict)


@dataclass(frozen=True, slots=True)
class Bad(Generic[Item]):
    """An item that cannot be handled even alone, and why."""

    item: Item
    error: Exception


def isolate(items: Sequence[Item], do: Callable[[Sequence[Item]], object]) -> list[Bad[Item]]:
    """Do `do` to all items, in halves of halves where it fails; return those that fail alone.

    `do` must be all or nothing, as a transaction is. Errors of the moment are raised, and
    what succeeded until then has happened.
    """
    if not items:
        return []
    try:
        do(items)
    except OF_THE_MOMENT:
        raise
    except Exception as error:  # noqa: BLE001 - any error of a rule or a row is meant
        found = error
    else:
        return []
    # Outside the except block, or the errors of all halves would be chained into one long tale.
    if len(items) == 1:
        return [Bad(items[0], found)]
    middle = len(items) // 2
    return [*isolate(items[:middle], do), *isolate(items[middle:], do)]


def break_off(deps: Dependencies, run_id: int, error: Exception, now: datetime) -> None:
    """End a run that the rules cannot be applied to as failed, with the error for a person to see.

    Nothing of the run is read, because reading it may be what fails. Its sends that no worker
    has taken are cancelled.
    """
    committed(deps, now, partial(fail_run, run_id=run_id, error=describe(error)))


def around_bad_runs(
    deps: Dependencies, contact_ids: Iterable[int], now: datetime, do: Callable[[], Result]
) -> Result:
    """Do what concerns these contacts, around runs of theirs that no rule can be applied to.

    Somebody who unsubscribes or complains must be heard though one of their runs is broken.
    When `do` raises, such runs end as failed and `do` is done once more; where there are none
    the error is raised. `do` must be all or nothing.
    """
    try:
        return do()
    except OF_THE_MOMENT:
        raise
    except Exception:
        if not break_off_bad(deps, contact_ids, now):
            raise
    return do()


def break_off_bad(deps: Dependencies, contact_ids: Iterable[int], now: datetime) -> int:
    """End those live runs of the contacts that cannot be read or decided for; return how many.

    When all of many raise, the fault is not theirs: the error is raised and nothing is ended.
    """
    with deps.database.read() as tx:
        ids = runs.live_ids(tx, contact_ids)
    bad: list[Bad[int]] = []
    for run_id in ids:
        with deps.database.read() as tx:
            work = Work(tx, deps.definitions, now, deps.wall.now())
            try:
                work.take_up(runs.by_ids(tx, [run_id]).values())
                for event in (e.Reconsider(), e.Withdrawn("")):
                    decide(work.situation(run_id), event, now)
            except OF_THE_MOMENT:
                raise
            except Exception as error:  # noqa: BLE001 - any error of a rule or a row is meant
                bad.append(Bad(run_id, error))
    if len(bad) == len(ids) > MOST_ALL_BAD:
        raise bad[0].error
    for one in bad:
        log.error("run %d cannot go on and is failed: %r", one.item, one.error)
        break_off(deps, one.item, one.error, now)
    return len(bad)


def fail_run(work: Work, run_id: int, error: str) -> None:
    """Do what `break_off` does inside a transaction that is open."""
    contact_id = runs.fail(work.tx, run_id, error, work.now)
    if contact_id is None:
        return
    sends.cancel_unstarted(work.tx, {run_id: sends.Left("the run failed")}, work.now)
    line = {
        "contact_id": contact_id,
        "enrollment_id": run_id,
        "at": work.now,
        "cause": "BrokenOff",
        "event_id": None,
        "send_id": None,
        "decided": [trail.dump(e.Finish(e.Failed(error)))],
    }
    ledger.add_decisions(work.tx, [line])


def describe(error: Exception) -> str:
    """Return an error in one line, with its kind, for a person who cannot see the log."""
    return f"{type(error).__name__}: {error}"[:500]
