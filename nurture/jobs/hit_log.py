"""Where the tracking endpoint puts a hit before it answers: Redis, else the database, else a file.

Redis keeps an append-only file, so one append there is all that a recipient waits for; hits that
arrive while an append is under way share the next one. While Redis is away no hit waits for it
again: a task of its own looks whether it is back.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Final

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import RedisError

from nurture.engine.dependencies import Dependencies
from nurture.engine.hits import record_hits
from nurture.jobs import valkey
from nurture.jobs.hit_queue import HITS
from nurture.jobs.spool import Spool

log = logging.getLogger(__name__)

# A recipient waits for the redirect: what takes longer than this is treated as away.
PATIENCE: Final = 0.25  # seconds
PROBES_EVERY: Final = 1.0  # seconds
# After the database refused hits, the next ones go to the file at once for so long.
DATABASE_RESTS: Final = 5.0  # seconds
# The most that goes to Redis or into a transaction at once.
BATCH: Final = 500
SPOOL: Final = "spool"


class Place(StrEnum):
    """Where a hit was kept."""

    REDIS = "redis"
    DATABASE = "database"
    FILE = "file"
    NOWHERE = "nowhere"


class HitLog:
    """Keeps hits, each compact JSON with a key of its own; belongs to one event loop.

    `on_database` stores a batch in one transaction, idempotently by the keys, and raises when it
    cannot. It is called in a thread, never twice at once.
    """

    def __init__(
        self,
        address: str,
        spool: Spool,
        on_database: Callable[[Sequence[bytes]], object],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        # Patience is counted here, over an append in all, and not again over each of its parts.
        self._pool = ConnectionPool.from_url(
            address, socket_timeout=None, socket_connect_timeout=None
        )
        self._spool = spool
        self._on_database = on_database
        self._now = monotonic
        self._connection: AbstractConnection | None = None
        self._waiting: list[tuple[bytes, asyncio.Future[Place]]] = []
        self._in_hand: list[tuple[bytes, asyncio.Future[Place]]] = []
        self._keeping: asyncio.Task[None] | None = None
        # There as long as Redis is away.
        self._probing: asyncio.Task[None] | None = None
        # Not one of the loop's threads, all of which may be waiting for a slow database.
        self._thread = ThreadPoolExecutor(1, "hits")
        self._database_rests_until = float("-inf")

    async def append(self, hit: bytes) -> Place:
        """Keep a hit and say where. Never raises; NOWHERE (disk full, too) is in the log.

        The hit is kept, too, when whoever waits here is cancelled.
        """
        told: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        self._waiting.append((hit, told))
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_all())
        return await told

    async def close(self) -> None:
        """Keep what still waits, then let go of Redis and of the thread."""
        if self._keeping is not None:
            await self._keeping
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None
        await self._disconnect()
        self._thread.shutdown(wait=False)

    def save(self) -> None:
        """Put what nobody has kept yet into the file: for a process whose loop has stopped.

        What was on its way may have arrived as well; its key makes it one.
        """
        left = [hit for hit, _ in (*self._in_hand, *self._waiting)]
        self._in_hand, self._waiting = [], []
        for hit in left:
            self._add(hit)

    async def _keep_all(self) -> None:
        """Keep what waits, a batch after the other, until nothing does."""
        try:
            while self._waiting:
                batch = self._in_hand = self._waiting[:BATCH]
                del self._waiting[:BATCH]
                places = await self._keep([hit for hit, _ in batch])
                for (_, told), place in zip(batch, places, strict=True):
                    if not told.done():  # Cancelled: nobody waits for this answer any more.
                        told.set_result(place)
                self._in_hand = []
        finally:
            self._keeping = None

    async def _keep(self, hits: Sequence[bytes]) -> Sequence[Place]:
        if self._probing is None:
            try:
                await self._push_patiently(hits)
            except Exception as error:  # noqa: BLE001 - whatever it is, readers wait and hits must be kept
                await self._lose_redis(error)
            else:
                return [Place.REDIS] * len(hits)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._keep_here, hits)

    def _keep_here(self, hits: Sequence[bytes]) -> Sequence[Place]:
        """Keep hits without Redis, in the thread."""
        if self._now() >= self._database_rests_until:
            try:
                self._on_database(hits)
            except Exception as error:  # noqa: BLE001 - nothing may come between a link and its target
                log.warning("the database does not take hits: %s", error)
                self._database_rests_until = self._now() + DATABASE_RESTS
            else:
                return [Place.DATABASE] * len(hits)
        return [self._add(hit) for hit in hits]

    def _add(self, hit: bytes) -> Place:
        try:
            self._spool.add(hit)
        except OSError:
            log.exception("a hit is lost: %r", hit)
            return Place.NOWHERE
        return Place.FILE

    async def _push_patiently(self, hits: Sequence[bytes]) -> None:
        """Append, or raise TimeoutError when Redis does not answer in time.

        Where it was this loop that stood still, an answer that came meanwhile is read first.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as patience:
            late = loop.call_later(PATIENCE, patience.reschedule, loop.time())
            try:
                await self._push(hits)
            finally:
                late.cancel()

    async def _push(self, hits: Sequence[bytes]) -> None:
        """Append on the connection, once more on a new one when the server was restarted.

        What runs out of patience is cancelled and not tried again: it might hang again.
        """
        if self._connection is not None:
            try:
                return await _push_on(self._connection, hits)
            except (RedisError, OSError):
                await self._disconnect()
        self._connection = await self._connected()
        return await _push_on(self._connection, hits)

    async def _connected(self) -> AbstractConnection:
        connection = self._pool.connection_class(**self._pool.connection_kwargs)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # The library has no types here.
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _lose_redis(self, error: Exception) -> None:
        told = str(error) or type(error).__name__
        log.warning("Redis is away, hits go to the database: %s", told)
        self._probing = asyncio.create_task(self._probe())
        await self._disconnect()

    async def _probe(self) -> None:
        while True:
            await asyncio.sleep(PROBES_EVERY)
            try:
                async with asyncio.timeout(PATIENCE):
                    # Connecting is an exchange: a server that hangs does not pass.
                    self._connection = await self._connected()
            except (RedisError, OSError):
                continue
            self._probing = None
            log.warning("Redis is back")
            return


async def _push_on(connection: AbstractConnection, hits: Sequence[bytes]) -> None:
    # The client object adds a pool and retries to every command, which cost more than the rest.
    await connection.send_command("RPUSH", HITS, *hits)
    await connection.read_response()


def hit_log(deps: Dependencies) -> HitLog:
    """The hit log of this process. Make it after forking, since it may start a thread."""

    def on_database(hits: Sequence[bytes]) -> None:
        record_hits(deps, hits, deps.clock.now())

    return HitLog(valkey.address(deps.settings), Spool(deps.settings.home / SPOOL), on_database)
