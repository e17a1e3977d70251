"""A worker: takes batches from the queue and delivers them, with everything costly kept warm.

RQ's `SimpleWorker` runs jobs in this process, so SMTP connections, database connections and
compiled templates live as long as the worker does. When a delivery breaks off, the worker
settles what it had claimed as if it had died and been recovered; when even that fails it dies,
and its supervisor does it.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from nurture.engine.deliver import Courier, deliver
from nurture.engine.dependencies import Dependencies
from nurture.engine.journal import Journal
from nurture.engine.reconcile import recover
from nurture.jobs import tasks
from nurture.jobs.lifeline import Stop
from nurture.jobs.presence import Presence
from nurture.jobs.queue import QUEUE, connect

log = logging.getLogger(__name__)

# RQ looks after abandoned jobs only when its wait for a job ends, 15 seconds before this.
WORKER_TTL: Final = 25  # seconds
# Between two attempts to reach Redis.
AWAY: Final = 0.5  # seconds
# A worker is replaced after so many batches, so that a leak in any library stays small.
MOST_JOBS: Final = 5000


class Lost(Exception):
    """What this worker had claimed could not be settled; somebody else has to, after its end."""


class Desk:
    """Where the batches of one process are delivered."""

    def __init__(self, deps: Dependencies, name: str, stopping: Callable[[], bool]) -> None:
        self._deps = deps
        self._courier = Courier(deps, name, Journal(deps.settings.home, name), stopping)
        self._sent = 0
        self._counting = threading.Lock()
        #: Set when the process must end without another job.
        self.lost: Exception | None = None

    def deliver(self, batch_id: int) -> int:
        """Deliver a batch; whatever breaks it off, nothing stays claimed."""
        try:
            sent = deliver(self._courier, batch_id)
        except Exception:
            self._start_over()
            raise
        with self._counting:
            self._sent += sent
        return sent

    def take_sent(self) -> int:
        """How many emails were handed over since this was last asked."""
        with self._counting:
            sent, self._sent = self._sent, 0
        return sent

    def close(self) -> None:
        """Leave in order: nothing is claimed, so the journal may go."""
        self._courier.journal.close()
        self._deps.provider.close()

    def _start_over(self) -> None:
        # First the connections, so that nothing more can be accepted on them.
        self._deps.provider.close()
        try:
            recover(self._deps, self._courier.name, self._deps.clock.now())
        except Exception as error:
            self.lost = error
            raise Lost from error
        self._courier.journal.close()
        journal = Journal(self._deps.settings.home, self._courier.name)
        self._courier = replace(self._courier, journal=journal)


class SendWorker(SimpleWorker):
    """RQ's worker with our signals, and without its channel for commands."""

    def __init__(self, connection: Redis, name: str, desk: Desk, stop: Stop) -> None:
        super().__init__(
            [QUEUE],
            name=name,
            connection=connection,
            worker_ttl=WORKER_TTL,
            log_job_description=False,
            serializer=JSONSerializer,
        )
        self._desk = desk
        self._stop = stop
        self._at_work = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job; a signal meanwhile waits until it is done."""
        self._at_work = True
        try:
            super().execute_job(job, queue)
        finally:
            self._at_work = False
        if self._desk.lost is not None or self._stop():
            raise StopRequested

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Stop waiting for a job, or stop after the part in hand.

        RQ's own handler writes to Redis, in the middle of whatever the process was saying there.
        """
        self._stop.on_signal(signum, frame)
        if not self._at_work:
            raise StopRequested

    def check_for_suspension(self, burst: bool) -> None:  # noqa: FBT001 - RQ's signature
        """See a signal that came before RQ listened to any."""
        if self._stop():
            raise StopRequested
        super().check_for_suspension(burst)

    def subscribe(self) -> None:
        """Take no commands through Redis: whoever reaches it need not be able to stop workers."""

    def unsubscribe(self) -> None:
        """Nothing was subscribed to."""

    def procline(self, message: str) -> None:
        """Keep the command line as it is, which is what `ps` and a supervisor are asked for."""


def run(deps: Dependencies, name: str, stop: Stop) -> int:
    """Work until asked to stop; return the exit status."""
    desk = Desk(deps, name, stop)
    tasks.deliver_by(desk.deliver)
    connection = connect(deps.settings)
    with Presence(deps, name, "worker", desk.take_sent):
        rounds = 0
        jobs = 0
        while not stop() and desk.lost is None and jobs < MOST_JOBS:
            rounds += 1
            jobs += _work(connection, f"{name}-{rounds}", desk, stop)
        if desk.lost is not None:
            raise desk.lost
        desk.close()
    deps.database.close()
    return 0


def _work(connection: Redis, name: str, desk: Desk, stop: Stop) -> int:
    """Work until Redis goes away, or the worker is asked to stop; return how many jobs were done.

    RQ gives up when it loses Redis at the wrong moment, so each round has a worker of its own
    to RQ, while everything that is ours goes on.
    """
    try:
        worker: Any = SendWorker(connection, name, desk, stop)
        try:
            worker.work(logging_level="WARNING", max_jobs=MOST_JOBS)
        finally:
            stop.listen()
        return int(worker.successful_job_count + worker.failed_job_count)
    except (RedisError, OSError) as error:
        log.warning("waiting for Redis: %s", error)
        stop.wait(AWAY)
        return 0
    except StopRequested:
        return 0
