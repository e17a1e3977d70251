"""Hits on their way from Redis to the database: taken as a whole, removed when they are stored.

A recorder renames the list of hits to one of its own, which takes everything there is in one
step. It removes hits from that list only after the database has them. When it is killed in
between, another recorder takes its list over, by renaming again: should the first one still be
alive, what it removes is then gone under its hands, and nothing that was not stored is removed.
Hits may be stored twice for that, and their keys make it once.
"""

from collections.abc import Iterator
from typing import Final

from redis import Redis
from redis.exceptions import ResponseError

from nurture.jobs.spool import Record

HITS: Final = "nurture:hits"
TAKEN: Final = "nurture:hits:taken"  # the set of the lists that recorders have taken
ALIVE: Final = "nurture:recorder:"  # and a recorder's name: exists while it works

BATCH: Final = 500
# A recorder that did not say that it lives for so long has its lists taken over.
SILENCE: Final = 30  # seconds


class HitQueue:
    """The queue as one recorder sees it; `name` is unique among recorders of all times."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis = redis
        self._name = name
        self._count = 0

    def drain(self, record: Record) -> int:
        """Give all hits to `record`, in batches; return how many. What it raises passes through."""
        self._live()
        self._take(HITS)
        return sum(self._give(key, record) for key in list(self._ours()))

    def leave(self) -> int:
        """Let others take over at once what this recorder has left; return 1 if it had lived."""
        return int(self._redis.delete(ALIVE + self._name))

    def _live(self) -> None:
        self._redis.set(ALIVE + self._name, 1, ex=SILENCE)

    def _take(self, key: str) -> str | None:
        """Make a list our own; None when there is none."""
        if not self._redis.exists(key):
            return None
        self._count += 1
        own = f"{HITS}:{self._name}:{self._count}"
        # The set is told first: a list that it does not name would be found by nobody.
        self._redis.sadd(TAKEN, own)
        try:
            self._redis.rename(key, own)
        except ResponseError:  # Somebody else was first.
            self._redis.srem(TAKEN, own)
            return None
        return own

    def _ours(self) -> Iterator[str]:
        """The lists that are ours, with those of recorders that are no more."""
        alive: dict[str, bool] = {self._name: True}
        for member in sorted(self._redis.smembers(TAKEN)):
            key = member.decode() if isinstance(member, bytes) else str(member)
            owner = key.rsplit(":", 2)[1]
            if owner == self._name:
                yield key
                continue
            if owner not in alive:
                alive[owner] = bool(self._redis.exists(ALIVE + owner))
            if not alive[owner]:
                own = self._take(key)
                self._redis.srem(TAKEN, key)
                if own is not None:
                    yield own

    def _give(self, key: str, record: Record) -> int:
        given = 0
        while batch := self._redis.lrange(key, 0, BATCH - 1):
            record([_octets(hit) for hit in batch])
            self._redis.ltrim(key, len(batch), -1)
            given += len(batch)
            self._live()
        self._redis.srem(TAKEN, key)
        return given


def _octets(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
