"""Which processes are at work: they arrive, beat, and leave; those that do not leave are dead.

All times here are the wall's: a demo's clock may run a day a second, but processes do not.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.engine.dependencies import Dependencies
from nurture.engine.journal import FOLDER
from nurture.store import operations
from nurture.store.operations import Unaccounted

# A process of another machine that was not heard of for so long is taken for dead. Long, because
# of its sends nothing is known here, and all that it had claimed become uncertain.
SILENCE = timedelta(minutes=15)
# How long the journal of a dead worker is kept: longer than any commit of its can still be late.
KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its unique name; `kind` is worker, ticker, recorder, messenger, supervisor."""

    name: str
    kind: str
    host: str
    pid: int


def arrive(deps: Dependencies, process: Process) -> None:
    """Make a process known. It must have arrived before it claims anything."""
    with deps.database.begin() as tx:
        operations.start_worker(
            tx, process.name, process.kind, process.host, process.pid, deps.wall.now()
        )


def beat(deps: Dependencies, name: str, sent: int = 0) -> None:
    """Say that a process lives, and how many emails it sent since it last said so."""
    with deps.database.begin() as tx:
        operations.beat(tx, name, deps.wall.now(), sent)


def leave(deps: Dependencies, name: str) -> None:
    """Say that a process has ended, in whatever way."""
    with deps.database.begin() as tx:
        operations.stop_worker(tx, name, deps.wall.now())


def unaccounted(deps: Dependencies) -> list[Unaccounted]:
    """Return the processes that have not ended, and those that ended with sends in their hands."""
    with deps.database.read() as tx:
        return operations.unaccounted(tx)


def is_silent(process: Unaccounted, wall: datetime) -> bool:
    """Return whether a process was not heard of for so long that it must be dead."""
    return wall - process.beat_at > SILENCE


def forget(deps: Dependencies) -> int:
    """Remove journals that nobody will ask for again; return how many."""
    folder = deps.settings.home / FOLDER
    wanted = {one.name for one in unaccounted(deps)}
    before = (deps.wall.now() - KEPT).timestamp()
    removed = 0
    for path in folder.glob("*.log"):
        # A worker that ends in good order takes its journal along, in this very moment perhaps.
        with suppress(FileNotFoundError):
            if path.stem not in wanted and path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed
