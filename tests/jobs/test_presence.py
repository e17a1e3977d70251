"""Who is alive, who is dead, and what the dead leave behind."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from nurture.engine.advance import advance
from nurture.engine.deliver import Courier
from nurture.engine.journal import Journal, path_of
from nurture.engine.presence import Process, arrive, forget
from nurture.engine.receipts import Answer, record_receipts
from nurture.jobs.presence import Presence, lock_of, new_name, pulse, recover_dead
from nurture.providers.base import Outcome, Receipt
from nurture.store import sends, tables
from tests.jobs.world import World


class Later:
    """A wall clock that is ahead."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return datetime.now(UTC) + self._by


def claim_some(world: World, name: str, count: int) -> list[int]:
    with world.deps.database.begin() as tx:
        return [send.id for send in sends.claim(tx, 1, name, world.now(), count)]


def die(world: World, name: str, kind: str = "worker") -> None:
    """Be a process that arrives and then dies: its lock is free and its row says nothing."""
    arrive(world.deps, Process(name, kind, "here", os.getpid()))
    lock = lock_of(world.settings.home, name)
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()


def status(world: World) -> dict[int, str]:
    send = tables.Send
    return dict(world.rows(sa.select(send.id, send.status)))


def test_names_are_files_names_and_never_the_same() -> None:
    names = {new_name("worker") for _ in range(100)}
    assert len(names) == 100
    assert all(name == Path(name).name and " " not in name for name in names)


def test_a_process_is_alive_inside_its_block_and_gone_after_it(world: World) -> None:
    with Presence(world.deps, "p1", "worker", lambda: 7):
        assert pulse(world.settings.home, "p1") == "alive"
        assert recover_dead(world.deps, world.now()) == {}
        assert world.workers() == [("p1", os.getpid())]
    assert world.workers() == []
    assert pulse(world.settings.home, "p1") == "unknown"
    assert world.rows(sa.select(tables.Worker.sent)) == [(7,)]


def test_a_killed_process_is_known_to_be_dead_at_once(world: World) -> None:
    program = (
        "import os, sys, signal\n"
        "from nurture.config import Settings\n"
        "from nurture.jobs.presence import Presence\n"
        "from nurture.wiring import build\n"
        "deps = build(Settings.from_environment(os.environ))\n"
        "Presence(deps, 'victim', 'worker').__enter__()\n"
        "print('here', flush=True)\n"
        "signal.pause()\n"
    )
    environment = {
        **os.environ,
        "NURTURE_HOME": str(world.settings.home),
        "DATABASE_URL": world.settings.database_url,
    }
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE
    ) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"here\n"
        assert pulse(world.settings.home, "victim") == "alive"
        victim.kill()
        victim.wait()
    assert pulse(world.settings.home, "victim") == "dead"
    assert set(recover_dead(world.deps, world.now())) == {"victim"}
    assert world.workers() == []


def test_what_a_dead_worker_held_is_settled_by_its_journal(world: World) -> None:
    woken: list[int] = []
    world.deps = replace(world.deps, wake=woken.extend)
    world.enroll(10)
    advance(world.deps, world.now())
    die(world, "w1")
    journal = Journal(world.settings.home, "w1")
    held = claim_some(world, "w1", 10)
    journal.handing_over(held[:4])
    for number in held[:2]:
        journal.settled(Receipt(number, Outcome.ACCEPTED, f"m{number}", 250))
    woken.clear()
    done = recover_dead(world.deps, world.now())["w1"]
    assert (done.settled, done.uncertain, done.requeued) == (2, 2, 6)
    found = status(world)
    assert [found[number] for number in held] == (
        ["accepted"] * 2 + ["uncertain"] * 2 + ["queued"] * 6
    )
    assert woken[-1] == 1, "the rest is delivered at once and not after the patience"
    assert recover_dead(world.deps, world.now()) == {}


def test_a_claim_that_was_committed_after_the_recovery_is_found_with_the_journal(
    world: World,
) -> None:
    world.enroll(3)
    advance(world.deps, world.now())
    die(world, "w1")
    Journal(world.settings.home, "w1")
    assert set(recover_dead(world.deps, world.now())) == {"w1"}
    held = claim_some(world, "w1", 3)
    done = recover_dead(world.deps, world.now())["w1"]
    assert (done.uncertain, done.requeued) == (0, 3)
    assert set(status(world).values()) == {"queued"}
    assert len(held) == 3


def test_another_machines_worker_is_left_alone_until_it_was_silent_for_long(
    world: World,
) -> None:
    world.enroll(2)
    advance(world.deps, world.now())
    arrive(world.deps, Process("far-away", "worker", "elsewhere", 1))
    claim_some(world, "far-away", 2)
    assert recover_dead(world.deps, world.now()) == {}
    world.deps = replace(world.deps, wall=Later(timedelta(minutes=16)))
    done = recover_dead(world.deps, world.now())["far-away"]
    # Nothing is known of what it handed over, so nothing is sent again.
    assert (done.uncertain, done.requeued) == (2, 0)
    assert set(status(world).values()) == {"uncertain"}


def test_journals_are_kept_for_an_hour_and_then_forgotten(world: World) -> None:
    die(world, "w1")
    Journal(world.settings.home, "w1")
    recover_dead(world.deps, world.now())
    assert forget(world.deps) == 0
    assert path_of(world.settings.home, "w1").exists()
    world.deps = replace(world.deps, wall=Later(timedelta(hours=2)))
    assert forget(world.deps) == 1
    assert not path_of(world.settings.home, "w1").exists()


def test_a_journal_that_goes_while_it_is_looked_at_is_nobodys_trouble(world: World) -> None:
    # A worker that ends in good order removes its own: the name is read, and nothing is behind it.
    path = path_of(world.settings.home, "w1")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(path.with_name("gone"))
    assert forget(world.deps) == 0


def test_trying_while_the_provider_was_away_is_not_held_against_a_send(world: World) -> None:
    """Only claims that led nowhere count, so an outage of a day fails nobody."""
    world.enroll(1)
    advance(world.deps, world.now())
    courier = Courier(world.deps, "w1", Journal(world.settings.home, "w1"))
    away = Receipt(1, Outcome.LATER, detail="connection refused")
    for _ in range(12):
        with world.deps.database.begin() as tx:
            tx.execute(sa.update(tables.Send).values(not_before=None))
            (held,) = sends.claim(tx, 1, "w1", world.now(), 1)
        record_receipts(world.deps, "w1", [Answer(held, away, world.now())], world.now())
    assert world.rows(sa.select(tables.Send.attempts, tables.Send.status)) == [(0, "queued")]
    courier.journal.close()
