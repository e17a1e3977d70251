"""Running a piece of work in one transaction, again when somebody else was first."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from nurture.engine.dependencies import Dependencies
from nurture.engine.work import Work
from nurture.errors import Conflict
from nurture.store.database import Transaction

MOST_ATTEMPTS = 6

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


def committed(
    deps: Dependencies,
    now: datetime,
    body: Callable[[Work], Result],
    last: Callable[[Transaction], None] | None = None,
    *,
    holds: Callable[[Work], None] | None = None,
) -> Result:
    """Run `body` on fresh work, write what it decided, commit, and wake the workers.

    When another transaction changed one of the runs meanwhile, everything is read again and
    decided again: whoever commits first wins, and the other one sees it. `last` is done before the
    commit, when everything else is written. Raises Conflict only when that happens MOST_ATTEMPTS
    times in a row.

    In SQLite one transaction writes at a time, and all others wait for their turn. With `holds`,
    a `body` that only reads is run before that turn comes. As in PostgreSQL it does not see what
    others commit meanwhile; `holds` looks, once it is our turn, at what PostgreSQL's locks would
    have kept as it was, and raises Conflict where it is not. What has lost that way once reads in
    its turn, so that it cannot lose again.
    """
    for attempt in range(1, MOST_ATTEMPTS + 1):
        early = holds if deps.database.is_sqlite and attempt == 1 else None
        try:
            if early is not None:
                with deps.database.read() as tx:
                    work = Work(tx, deps.definitions, now, deps.wall.now())
                    result = body(work)
            with deps.database.begin() as tx:
                if early is None:
                    work = Work(tx, deps.definitions, now, deps.wall.now())
                    result = body(work)
                else:
                    work.tx = tx
                    early(work)
                batches = work.finish()
                if last is not None:
                    last(tx)
        except Conflict:
            if attempt == MOST_ATTEMPTS:
                raise
        else:
            if batches:
                _wake(deps, batches)
            return result
    raise AssertionError("unreachable")


def _wake(deps: Dependencies, batches: Sequence[int]) -> None:
    """Wake the workers. What was committed stands though nobody could be told of it.

    Whoever called must not hear of a failure that would make them do it all again; the ticker
    finds the batches in the database.
    """
    try:
        deps.wake(batches)
    except Exception as error:  # noqa: BLE001 - the queue's client raises what it likes
        _log.warning("nobody was told of %d batches: %s", len(batches), error)
