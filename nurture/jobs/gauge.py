"""How full the queue is, for a page that must not wait for it."""

from redis.exceptions import RedisError

from nurture.config import Settings
from nurture.jobs.queue import connect, sends_queue

# A page is worth more than this number on it.
PATIENCE = 0.5  # seconds


class Gauge:
    """Asks the queue's server; keeps one connection for the life of the process."""

    def __init__(self, settings: Settings) -> None:
        self._queue = sends_queue(connect(settings, patience=PATIENCE))

    def depth(self) -> int | None:
        """How many batches wait to be taken up; None while the server does not answer."""
        try:
            return int(self._queue.count)
        except (RedisError, OSError):
            return None
