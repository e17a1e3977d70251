"""Where the tracking endpoint puts a hit before it answers: Redis, else the database, else a file.

One append to Redis, which keeps an append-only file, is all that a recipient waits for. While
Redis is away no hit waits for it again: a thread of its own looks whether it is back.
"""

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from redis.connection import Connection, ConnectionPool
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from nurture.engine.dependencies import Dependencies
from nurture.engine.hits import record_hits
from nurture.jobs import valkey
from nurture.jobs.hit_queue import HITS
from nurture.jobs.spool import Spool

log = logging.getLogger(__name__)

# A recipient waits for the redirect: what takes longer than this is treated as away.
PATIENCE: Final = 0.25  # seconds
PROBES_EVERY: Final = 1.0  # seconds
# After the database refused a hit, the next ones go to the file at once for so long.
DATABASE_RESTS: Final = 5.0  # seconds
SPOOL: Final = "spool"


class Place(StrEnum):
    """Where a hit was kept."""

    REDIS = "redis"
    DATABASE = "database"
    FILE = "file"
    NOWHERE = "nowhere"


class HitLog:
    """Keeps hits, each compact JSON with a key of its own; threads may share one.

    `on_database` stores a hit idempotently by its key, and raises when it cannot.
    """

    def __init__(
        self,
        address: str,
        spool: Spool,
        on_database: Callable[[bytes], object],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = ConnectionPool.from_url(
            address, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        )
        self._spool = spool
        self._on_database = on_database
        self._now = monotonic
        self._mine = threading.local()
        self._redis_away = threading.Event()
        self._closed = threading.Event()
        self._probing = threading.Lock()
        self._database_rests_until = float("-inf")

    def append(self, hit: bytes) -> Place:
        """Keep a hit and say where. Never raises; NOWHERE (disk full, too) is in the log."""
        if not self._redis_away.is_set():
            try:
                self._push(hit)
            except (RedisError, OSError) as error:
                self._lose_redis(error)
            else:
                return Place.REDIS
        if self._now() >= self._database_rests_until:
            try:
                self._on_database(hit)
            except Exception as error:  # noqa: BLE001 - nothing may come between a link and its target
                log.warning("the database does not take hits: %s", error)
                self._database_rests_until = self._now() + DATABASE_RESTS
            else:
                return Place.DATABASE
        try:
            self._spool.add(hit)
        except OSError:
            log.exception("a hit is lost: %r", hit)
            return Place.NOWHERE
        return Place.FILE

    def close(self) -> None:
        """End the probing; connections go with their threads."""
        self._closed.set()

    def _push(self, hit: bytes) -> None:
        """Append on this thread's own connection, on a new one when the server was restarted."""
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is not None:
            try:
                return self._push_on(connection, hit)
            except (RedisError, OSError) as error:
                connection.disconnect()  # type: ignore[no-untyped-call]
                if isinstance(error, RedisTimeout):  # It may hang again, and somebody waits.
                    raise
        connection = self._pool.connection_class(**self._pool.connection_kwargs)
        connection.connect()
        self._push_on(connection, hit)
        self._mine.connection = connection
        return None

    @staticmethod
    def _push_on(connection: Connection, hit: bytes) -> None:
        # The client object adds a pool and retries to every command; here that is half its price.
        connection.send_command("RPUSH", HITS, hit)  # type: ignore[no-untyped-call]
        connection.read_response()

    def _lose_redis(self, error: Exception) -> None:
        self._mine.connection = None
        with self._probing:
            if self._redis_away.is_set():
                return
            self._redis_away.set()
        log.warning("Redis is away, hits go to the database: %s", error)
        threading.Thread(target=self._probe, name="redis probe", daemon=True).start()

    def _probe(self) -> None:
        while not self._closed.wait(PROBES_EVERY):
            connection = self._pool.connection_class(**self._pool.connection_kwargs)
            try:
                connection.connect()
                connection.send_command("PING")
                connection.read_response()
            except (RedisError, OSError):
                continue
            finally:
                connection.disconnect()
            self._redis_away.clear()
            log.warning("Redis is back")
            return


def hit_log(deps: Dependencies) -> HitLog:
    """The hit log of this process. Make it after forking, since it may start a thread."""

    def on_database(hit: bytes) -> None:
        record_hits(deps, [hit], deps.clock.now())

    return HitLog(valkey.address(deps.settings), Spool(deps.settings.home / SPOOL), on_database)
