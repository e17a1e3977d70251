"""The queue "sends": one job for each batch, which wakes a worker and carries nothing but an id.

The database is the schedule and Redis is only a bell. A wake-up that gets lost, or that cannot be
given because Redis is away, costs seconds: `nurture.engine.advance.wake_waiting` finds the batch.
"""

import logging
import secrets
from collections.abc import Sequence
from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.queue import EnqueueData
from rq.serializers import JSONSerializer

from nurture.config import Settings
from nurture.engine.dependencies import Wake
from nurture.jobs import valkey

log = logging.getLogger(__name__)

QUEUE: Final = "sends"
TASK: Final = "nurture.jobs.tasks.deliver_batch"

# A delivered batch leaves nothing behind, a failed one its traceback for some days: RQ would keep
# both in memory, the latter for a year.
RESULT_TTL: Final = 0
FAILURE_TTL: Final = 3 * 86_400  # seconds

# No batch takes so long; a job that does is stuck, and its worker is better started again.
JOB_TIMEOUT: Final = 3600  # seconds

# Whoever wakes workers has just committed and has better things to do than to wait for a bell.
WAKE_PATIENCE: Final = 2.0  # seconds


def connect(settings: Settings, *, patience: float | None = None) -> Redis:
    """A client of the queue's server; `patience` bounds each exchange, in seconds.

    Every command is tried a second time at once, because the first one after a restart of the
    server meets a connection that is closed.
    """
    return Redis.from_url(
        valkey.address(settings),
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 1),
    )


def sends_queue(connection: Redis) -> Queue:
    """The queue on this connection. Jobs are JSON: access to Redis must not run anybody's code."""
    return Queue(
        QUEUE, connection=connection, serializer=JSONSerializer, default_timeout=JOB_TIMEOUT
    )


def wake_by(settings: Settings) -> Wake:
    """Return the `Wake` that enqueues batches. It never raises: what it cannot tell is found later.

    A batch that waits in the queue already is not enqueued again, so a long backlog stays as
    long as it is however often its batches are found waiting.
    """
    connection = connect(settings, patience=WAKE_PATIENCE)
    queue = sends_queue(connection)

    def wake(batch_ids: Sequence[int]) -> None:
        try:
            waiting = {_batch_of(job) for job in connection.lrange(queue.key, 0, -1)}
            queue.enqueue_many(
                [_job(batch) for batch in dict.fromkeys(batch_ids) if batch not in waiting]
            )
        except (RedisError, OSError) as error:
            log.warning("workers could not be woken for %d batches: %s", len(batch_ids), error)

    return wake


def _job(batch_id: int) -> EnqueueData:
    # A fresh end of the id each time, because RQ removes a finished job by its id and would take
    # the same batch's next one with it.
    return Queue.prepare_data(
        TASK,
        args=(batch_id,),
        job_id=f"{batch_id}-{secrets.token_hex(4)}",
        timeout=JOB_TIMEOUT,
        result_ttl=RESULT_TTL,
        failure_ttl=FAILURE_TTL,
        description=f"batch {batch_id}",
    )


def _batch_of(job_id: bytes | str) -> int:
    text = job_id.decode() if isinstance(job_id, bytes) else job_id
    number = text.partition("-")[0]
    return int(number) if number.isdigit() else 0
