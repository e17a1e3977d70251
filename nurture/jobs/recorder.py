"""The recorder: brings hits from Redis, and from the file of bad times, into the database."""

from collections.abc import Sequence
from typing import Final

from nurture.engine.dependencies import Dependencies
from nurture.engine.hits import record_hits
from nurture.jobs.chores import Chore, Chores
from nurture.jobs.hit_log import SPOOL
from nurture.jobs.hit_queue import HitQueue
from nurture.jobs.lifeline import Stop
from nurture.jobs.presence import Presence
from nurture.jobs.queue import connect
from nurture.jobs.spool import Spool

LOOKS_EVERY: Final = 0.2  # seconds
READS_FILES_EVERY: Final = 2.0  # seconds
PATIENCE: Final = 5.0  # seconds


def run(deps: Dependencies, name: str, stop: Stop) -> int:
    """Record hits until asked to stop, and then what has come until then; return the status."""
    queue = HitQueue(connect(deps.settings, patience=PATIENCE), name)
    spool = Spool(deps.settings.home / SPOOL)

    def record(hits: Sequence[bytes]) -> None:
        record_hits(deps, hits, deps.clock.now())

    turn = Chores(
        [
            Chore("recording hits", lambda: queue.drain(record)),
            Chore("recording hits from files", lambda: spool.drain(record), READS_FILES_EVERY),
        ],
        first_wait=LOOKS_EVERY,
    )
    with Presence(deps, name, "recorder"):
        while not stop():
            turn.round()
            stop.wait(LOOKS_EVERY)
        Chores(
            [
                Chore("recording the last hits", lambda: queue.drain(record)),
                Chore("leaving", queue.leave),
            ]
        ).round()
    deps.database.close()
    return 0
