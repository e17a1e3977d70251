"""The real processes together: started, stopped in order, orphaned, started again."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from redis import Redis

from nurture.config import Settings
from nurture.engine.journal import FOLDER
from nurture.jobs import presence, valkey
from nurture.jobs.hit_log import SPOOL
from nurture.jobs.hit_queue import HITS
from nurture.jobs.spool import Spool
from nurture.store import tables
from tests.crash.scene import program, sink, supervisor, until
from tests.crash.test_kills import environment, total
from tests.jobs.world import World

pytestmark = pytest.mark.crash


@pytest.fixture
def home_world(settings: Settings, sqlite_url: str, tmp_path: Path) -> World:
    """With an embedded Valkey of its own, which the supervisor starts."""
    return World(replace(settings, redis_url=""), sqlite_url, tmp_path)


def raw_hit(number: int, world: World) -> bytes:
    told = {"hit_key": f"h{number}", "kind": "open", "send_id": 1, "method": "GET", "ip": ""}
    told |= {"user_agent": "", "headers": {}, "at": world.now().isoformat()}
    return json.dumps(told).encode()


def hits(world: World) -> int:
    return int(world.rows(sa.select(sa.func.count()).select_from(tables.Hit))[0][0])


def threads_and_files(pid: int) -> tuple[int, list[str]]:
    """How many threads a process has, and what it has opened beyond pipes and sockets."""
    links = [path.readlink() for path in Path(f"/proc/{pid}/fd").iterdir() if int(path.name) > 2]
    opened = [str(link) for link in links if not str(link).startswith(("pipe:", "socket:"))]
    return len(list(Path(f"/proc/{pid}/task").iterdir())), opened


def test_sigterm_finishes_what_is_in_hand_and_leaves_nothing_in_doubt(
    home_world: World, tmp_path: Path
) -> None:
    world = home_world
    world.enroll(300)
    with sink(tmp_path / "book", 0.02) as relay:
        log = tmp_path / "log"
        with supervisor(environment(world, relay), log) as running:
            until(lambda: total(relay) > 40, 60, "mail is sent")
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 0, log.read_text()
        sends = world.sends()
        assert sends["claimed"] == sends["uncertain"] == 0
        assert sends["accepted"] == total(relay) < 600
        assert list((world.settings.home / FOLDER).iterdir()) == []
        assert list((world.settings.home / presence.FOLDER).iterdir()) == []
        assert [row for kind in ("worker", "ticker") for row in world.workers(kind)] == []

        # Started again, everything goes on where it stopped.
        with supervisor(environment(world, relay), log):
            until(lambda: world.sends() == {"accepted": 600}, 60, f"the rest: {log.read_text()}")
        assert max(relay.taken().values()) == 1
        assert total(relay) == 600
    world.close()


def test_asked_to_stop_while_it_still_begins_it_ends_in_order(
    home_world: World, tmp_path: Path
) -> None:
    world = home_world
    with sink(tmp_path / "book", 0.0) as relay:
        log = tmp_path / "log"
        with program(environment(world, relay), log) as running:
            until(lambda: bool(world.workers("supervisor")), 60, "it begins")
            assert threads_and_files(running.pid) == (1, []), "what is forked shares nothing"
            # Its children are being started, and none of them listens yet.
            running.terminate()
            assert running.wait(60) == 0, log.read_text()
    assert list((world.settings.home / presence.FOLDER).iterdir()) == []
    world.close()


@pytest.mark.parametrize("dies", ["the nursery", "the supervisor"])
def test_whoever_is_left_by_a_killed_parent_stops_by_themselves(
    home_world: World, tmp_path: Path, dies: str
) -> None:
    world = home_world
    world.enroll(300)
    with sink(tmp_path / "book", 0.02) as relay:
        log = tmp_path / "log"
        with supervisor(environment(world, relay), log) as running:
            until(lambda: total(relay) > 20, 60, "mail is sent")
            above = running.pid if dies == "the nursery" else world.workers("supervisor")[0][1]
            os.kill(above, signal.SIGKILL)
            assert running.wait(60) != 0
            until(lambda: not world.workers(), 60, f"workers leave: {log.read_text()}")
        # A ticker that is still there may take notice of a death before it stops itself; the next
        # supervisor does so at the latest.
        with supervisor(environment(world, relay), log):
            until(lambda: world.sends() == {"accepted": 600}, 60, f"the rest: {log.read_text()}")
            assert len(world.workers("supervisor")) == 1
        assert max(relay.taken().values()) == 1
    world.close()


def test_a_second_signal_ends_everything_at_once_and_loses_nothing(
    home_world: World, tmp_path: Path
) -> None:
    world = home_world
    world.enroll(200)
    with sink(tmp_path / "book", 1.0) as relay:  # Nobody could finish a part in time.
        log = tmp_path / "log"
        with supervisor(environment(world, relay), log) as running:
            until(lambda: total(relay) > 2, 60, "mail is sent")
            running.send_signal(signal.SIGINT)
            until(lambda: not world.workers("ticker"), 30, "the first signal is obeyed")
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 1, log.read_text()
    sends = world.sends()
    assert sends["claimed"] == 0
    assert sends["uncertain"] <= 2 * 3
    assert sum(sends.values()) == 200 + len(
        world.rows(sa.select(tables.Send.id).where(tables.Send.step == "second"))
    )
    world.close()


def test_hits_in_redis_and_in_files_reach_the_database_also_over_a_killed_recorder(
    home_world: World, tmp_path: Path
) -> None:
    world = home_world
    world.enroll(1)
    with sink(tmp_path / "book", 0.0) as relay:
        log = tmp_path / "log"
        with supervisor(environment(world, relay), log):
            until(lambda: bool(world.workers("recorder")), 60, "a recorder is there")
            spool = Spool(world.settings.home / SPOOL)
            with Redis.from_url(valkey.address(world.settings)) as redis:
                for number in range(2000):
                    redis.rpush(HITS, raw_hit(number, world))
                    if number % 100 == 0:
                        spool.add(raw_hit(10_000 + number, world))
                    if number == 1000:
                        os.kill(world.workers("recorder")[0][1], signal.SIGKILL)
            until(lambda: hits(world) == 2020, 90, f"{hits(world)} {log.read_text()}")
    world.close()
