"""A hit is kept in Redis, else in the database, else in a file; and nothing is lost on the way."""

import json
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from redis import Redis

from nurture.errors import Retryable
from nurture.jobs.hit_log import HitLog, Place
from nurture.jobs.hit_queue import ALIVE, HITS, TAKEN, HitQueue
from nurture.jobs.spool import Spool
from nurture.jobs.valkey import EmbeddedValkey

NOBODY = "unix:///nonexistent/valkey.sock"


class Store:
    """A database that can be away."""

    def __init__(self) -> None:
        self.hits: list[bytes] = []
        self.away = False
        self.asked = 0

    def __call__(self, hit: bytes) -> None:
        self.take([hit])

    def take(self, hits: Sequence[bytes]) -> None:
        self.asked += 1
        if self.away:
            raise Retryable("away")
        self.hits.extend(hits)


class Watch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


def hit(number: int) -> bytes:
    return json.dumps({"hit_key": f"h{number}"}).encode()


def test_a_hit_goes_to_redis_in_one_append(
    redis: Redis, redis_url: str, store: Store, spool: Spool
) -> None:
    log = HitLog(redis_url, spool, store)
    assert [log.append(hit(n)) for n in range(3)] == [Place.REDIS] * 3
    assert redis.lrange(HITS, 0, -1) == [hit(0), hit(1), hit(2)]
    assert store.asked == 0


def test_without_redis_a_hit_goes_to_the_database_and_without_both_to_a_file(
    store: Store, spool: Spool
) -> None:
    log = HitLog(NOBODY, spool, store)
    assert log.append(hit(1)) is Place.DATABASE
    store.away = True
    assert log.append(hit(2)) is Place.FILE
    assert log.append(b'{"hit_key":\n"h3"}') is Place.FILE
    store.away = False
    found: list[bytes] = []
    assert spool.drain(found.extend) == 2
    assert [json.loads(one)["hit_key"] for one in found] == ["h2", "h3"]
    assert spool.drain(found.extend) == 0
    log.close()


def test_a_database_that_refused_is_left_alone_for_a_while(store: Store, spool: Spool) -> None:
    watch = Watch()
    log = HitLog(NOBODY, spool, store, watch)
    store.away = True
    assert [log.append(hit(n)) for n in range(5)] == [Place.FILE] * 5
    assert store.asked == 1
    store.away = False
    watch.seconds = 6
    assert log.append(hit(6)) is Place.DATABASE
    log.close()


def test_a_dead_redis_costs_no_time_after_the_first_hit(store: Store, spool: Spool) -> None:
    log = HitLog("redis://127.0.0.1:9", spool, store)
    log.append(hit(0))
    began = time.perf_counter()
    for number in range(1000):
        log.append(hit(number))
    assert time.perf_counter() - began < 1.0
    log.close()


def test_redis_is_used_again_soon_after_it_is_back(
    tmp_path: Path, store: Store, spool: Spool
) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    log = HitLog(server.url, spool, store)
    with server:
        assert log.append(hit(1)) is Place.REDIS
    assert log.append(hit(2)) is Place.DATABASE
    with server:
        deadline = time.monotonic() + 10
        while log.append(hit(3)) is not Place.REDIS:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with Redis.from_url(server.url) as client:
            # The first one is still there: the append-only file outlives the server.
            assert client.lindex(HITS, 0) == hit(1)
    log.close()


def test_a_restart_between_two_hits_is_not_noticed(
    tmp_path: Path, store: Store, spool: Spool
) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    log = HitLog(server.url, spool, store)
    with server:
        log.append(hit(1))
    with server:
        assert log.append(hit(2)) is Place.REDIS
    log.close()


def test_a_full_disk_is_told_in_the_log_and_to_nobody_else(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    store.away = True
    log = HitLog(NOBODY, Spool(tmp_path / "file"), store)
    assert log.append(hit(1)) is Place.NOWHERE
    assert "a hit is lost" in caplog.text
    log.close()


def test_the_recorder_gives_hits_in_their_order_and_leaves_nothing(redis: Redis) -> None:
    redis.rpush(HITS, *[hit(n) for n in range(1200)])
    store = Store()
    assert HitQueue(redis, "r1").drain(store.take) == 1200
    assert store.hits == [hit(n) for n in range(1200)]
    assert store.asked == 3
    assert redis.keys("nurture:hits*") == []


def test_hits_that_the_database_does_not_take_stay(redis: Redis) -> None:
    redis.rpush(HITS, *[hit(n) for n in range(10)])
    store = Store()
    store.away = True
    queue = HitQueue(redis, "r1")
    with pytest.raises(Retryable):
        queue.drain(store.take)
    redis.rpush(HITS, hit(10))
    store.away = False
    assert queue.drain(store.take) == 11
    assert sorted(store.hits) == sorted(hit(n) for n in range(11))


def test_what_a_dead_recorder_had_taken_is_taken_over_and_a_living_ones_is_not(
    redis: Redis,
) -> None:
    redis.rpush(HITS, *[hit(n) for n in range(10)])

    class Died(Exception):
        pass

    def die(_hits: Sequence[bytes]) -> None:
        raise Died

    with pytest.raises(Died):
        HitQueue(redis, "r1").drain(die)
    store = Store()
    assert HitQueue(redis, "r2").drain(store.take) == 0
    redis.delete(f"{ALIVE}r1")
    assert HitQueue(redis, "r3").drain(store.take) == 10
    assert redis.smembers(TAKEN) == set()


def test_a_recorder_that_was_only_slow_removes_nothing_that_was_not_stored(redis: Redis) -> None:
    redis.rpush(HITS, *[hit(n) for n in range(700)])
    store = Store()

    def be_overtaken(hits: Sequence[bytes]) -> None:
        store.take(hits)
        redis.delete(f"{ALIVE}slow")

        def see_the_first(more: Sequence[bytes]) -> None:
            store.take(more)

        HitQueue(redis, "quick").drain(see_the_first)

    HitQueue(redis, "slow").drain(be_overtaken)
    assert set(store.hits) == {hit(n) for n in range(700)}


def test_a_file_is_given_again_when_recording_broke_off(spool: Spool) -> None:
    for number in range(3):
        spool.add(hit(number))
    store = Store()
    store.away = True
    with pytest.raises(Retryable):
        spool.drain(store.take)
    spool.add(hit(3))
    store.away = False
    assert spool.drain(store.take) == 4
    assert sorted(store.hits) == [hit(n) for n in range(4)]


def test_nothing_is_lost_while_processes_write_and_others_drain(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    writing = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from nurture.jobs.spool import Spool
        for number in range(2000):
            Spool(Path(sys.argv[1])).add(f"{sys.argv[2]}-{number}".encode())
        """
    )
    writers = [
        Popen([sys.executable, "-c", writing, str(folder), str(n)], stderr=PIPE) for n in range(2)
    ]
    found: list[bytes] = []
    drainer = Spool(folder)
    while any(writer.poll() is None for writer in writers):
        drainer.drain(found.extend)
    drainer.drain(found.extend)
    for writer in writers:
        assert writer.stderr is not None
        assert writer.stderr.read() == b""
        writer.stderr.close()
    assert sorted(found) == sorted(f"{w}-{n}".encode() for w in range(2) for n in range(2000))
