"""A hit is kept in Redis, else in the database, else in a file; and nothing is lost on the way."""

import asyncio
import json
import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from redis import Redis

from nurture.errors import Retryable
from nurture.jobs.hit_log import HitLog, Place
from nurture.jobs.hit_queue import ALIVE, HITS, TAKEN, HitQueue
from nurture.jobs.spool import Spool
from nurture.jobs.valkey import EmbeddedValkey
from tests.loops import Runner

NOBODY = "unix:///nonexistent/valkey.sock"


class Store:
    """A database that can be away."""

    def __init__(self) -> None:
        self.hits: list[bytes] = []
        self.away = False
        self.asked = 0

    def __call__(self, hits: Sequence[bytes]) -> None:
        self.take(hits)

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


@pytest.fixture
def runner() -> Iterator[Runner]:
    with Runner() as made:
        yield made


class Log:
    """A hit log in a loop that runs only while somebody waits for it."""

    def __init__(self, runner: Runner, log: HitLog) -> None:
        self.run = runner.run
        self.log = log

    def append(self, hit: bytes) -> Place:
        return self.run(self.log.append(hit))

    def append_all(self, hits: Sequence[bytes]) -> list[Place]:
        """All at once, as from as many readers."""

        async def gather() -> list[Place]:
            return await asyncio.gather(*map(self.log.append, hits))

        return self.run(gather())


Opens = Callable[..., Log]


@pytest.fixture
def opened(runner: Runner, store: Store, spool: Spool) -> Iterator[Opens]:
    """Opens a log at an address, with the store behind it and then the spool."""
    logs: list[Log] = []

    def make(
        address: str, spool: Spool = spool, monotonic: Callable[[], float] = time.monotonic
    ) -> Log:
        logs.append(Log(runner, HitLog(address, spool, store, monotonic)))
        return logs[-1]

    yield make
    for one in logs:
        one.run(one.log.close())


def hit(number: int) -> bytes:
    return json.dumps({"hit_key": f"h{number}"}).encode()


def test_a_hit_goes_to_redis_in_one_append(
    redis: Redis, redis_url: str, store: Store, opened: Opens
) -> None:
    log = opened(redis_url)
    assert [log.append(hit(n)) for n in range(3)] == [Place.REDIS] * 3
    assert redis.lrange(HITS, 0, -1) == [hit(0), hit(1), hit(2)]
    assert store.asked == 0


def test_without_redis_a_hit_goes_to_the_database_and_without_both_to_a_file(
    store: Store, spool: Spool, opened: Opens
) -> None:
    log = opened(NOBODY)
    assert log.append(hit(1)) is Place.DATABASE
    store.away = True
    assert log.append(hit(2)) is Place.FILE
    assert log.append(b'{"hit_key":\n"h3"}') is Place.FILE
    store.away = False
    found: list[bytes] = []
    assert spool.drain(found.extend) == 2
    assert [json.loads(one)["hit_key"] for one in found] == ["h2", "h3"]
    assert spool.drain(found.extend) == 0


def test_a_database_that_refused_is_left_alone_for_a_while(store: Store, opened: Opens) -> None:
    watch = Watch()
    log = opened(NOBODY, monotonic=watch)
    store.away = True
    assert [log.append(hit(n)) for n in range(5)] == [Place.FILE] * 5
    assert store.asked == 1
    store.away = False
    watch.seconds = 6
    assert log.append(hit(6)) is Place.DATABASE


def test_a_dead_redis_costs_no_time_after_the_first_hit(opened: Opens) -> None:
    log = opened("redis://127.0.0.1:9")
    log.append(hit(0))
    began = time.perf_counter()
    for number in range(1000):
        log.append(hit(number))
    assert time.perf_counter() - began < 1.0


def test_redis_is_used_again_soon_after_it_is_back(tmp_path: Path, opened: Opens) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    log = opened(server.url)
    with server:
        assert log.append(hit(1)) is Place.REDIS
    assert log.append(hit(2)) is Place.DATABASE
    log.run(asyncio.sleep(1.1))  # A look in vain changes nothing.
    assert log.append(hit(2)) is Place.DATABASE
    with server:
        deadline = time.monotonic() + 10
        while log.append(hit(3)) is not Place.REDIS:
            assert time.monotonic() < deadline
            log.run(asyncio.sleep(0.1))
        with Redis.from_url(server.url) as client:
            # The first one is still there: the append-only file outlives the server.
            assert client.lindex(HITS, 0) == hit(1)


def test_a_restart_between_two_hits_is_not_noticed(tmp_path: Path, opened: Opens) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    log = opened(server.url)
    with server:
        log.append(hit(1))
    with server:
        assert log.append(hit(2)) is Place.REDIS


def test_a_full_disk_is_told_in_the_log_and_to_nobody_else(
    tmp_path: Path, store: Store, opened: Opens, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    store.away = True
    log = opened(NOBODY, Spool(tmp_path / "file"))
    assert log.append(hit(1)) is Place.NOWHERE
    assert "a hit is lost" in caplog.text


def test_what_arrives_together_is_kept_together(
    redis: Redis, redis_url: str, store: Store, opened: Opens
) -> None:
    def appends() -> int:
        told = redis.info("commandstats").get("cmdstat_rpush", {"calls": 0})
        return int(told["calls"])

    log = opened(redis_url)
    log.append(hit(0))
    before = appends()
    many = [hit(n) for n in range(1, 1201)]
    assert log.append_all(many) == [Place.REDIS] * 1200
    assert redis.lrange(HITS, 1, -1) == many
    assert appends() - before == 3, "five hundred at most in each"
    log = opened(NOBODY)
    assert log.append_all(many) == [Place.DATABASE] * 1200
    assert (store.hits, store.asked) == (many, 3)


def test_a_reader_who_goes_away_takes_no_hit_along(
    redis: Redis, redis_url: str, opened: Opens
) -> None:
    log = opened(redis_url)

    async def leave() -> Place:
        gone = [asyncio.create_task(log.log.append(hit(n))) for n in range(3)]
        await asyncio.sleep(0)
        for one in gone:
            one.cancel()
        return await log.log.append(hit(3))

    assert log.run(leave()) is Place.REDIS
    assert redis.lrange(HITS, 0, -1) == [hit(n) for n in range(4)]


def test_a_redis_that_hangs_is_waited_for_once_and_briefly(
    tmp_path: Path, store: Store, opened: Opens, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        log = opened(server.url)
        log.append(hit(0))
        assert server.pid
        os.kill(server.pid, signal.SIGSTOP)
        began = time.perf_counter()
        assert log.append_all([hit(1), hit(2)]) == [Place.DATABASE] * 2
        assert 0.2 < time.perf_counter() - began < 0.8
        began = time.perf_counter()
        assert log.append_all([hit(n) for n in range(3, 9)]) == [Place.DATABASE] * 6
        assert time.perf_counter() - began < 0.2
        assert "Redis is away, hits go to the database: TimeoutError" in caplog.text
        os.kill(server.pid, signal.SIGCONT)
        with Redis.from_url(server.url) as client:
            # Sent and never answered: these are in both, and known by their keys.
            assert client.lrange(HITS, 0, -1) == [hit(0), hit(1), hit(2)]
    assert store.hits == [hit(n) for n in range(1, 9)]


def test_a_loop_that_stood_still_does_not_blame_redis(
    redis: Redis, redis_url: str, opened: Opens
) -> None:
    log = opened(redis_url)
    log.append(hit(0))

    async def stall() -> Place:
        told = asyncio.create_task(log.log.append(hit(1)))
        for _ in range(3):
            await asyncio.sleep(0)
        time.sleep(0.4)
        return await told

    assert log.run(stall()) is Place.REDIS
    assert redis.llen(HITS) == 2


def test_a_slow_database_holds_up_nobody_but_hits(
    runner: Runner, spool: Spool, store: Store
) -> None:
    goes_on = threading.Event()

    def slow(hits: Sequence[bytes]) -> None:
        assert goes_on.wait(10)
        store.take(hits)

    async def watch() -> None:
        log = HitLog(NOBODY, spool, slow)
        waits = [asyncio.create_task(log.append(hit(0)))]
        await asyncio.sleep(0.05)
        waits.append(asyncio.create_task(log.append(hit(1))))
        began = time.perf_counter()
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert time.perf_counter() - began < 1.0
        assert not any(one.done() for one in waits)
        # The process ends now: what is in hand and what waits behind it are in the file.
        log.save()
        log.save()
        goes_on.set()
        await log.close()
        assert await waits[0] is Place.DATABASE
        waits[1].cancel()

    runner.run(watch())
    found: list[bytes] = []
    assert spool.drain(found.extend) == 2
    assert found == [hit(0), hit(1)]
    assert store.hits == [hit(0)], "one more time, under the same key"


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
