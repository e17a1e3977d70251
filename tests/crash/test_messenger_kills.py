"""Messengers are killed at random moments: counted at a receiver of webhooks and at the sink."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.clock import Pacer
from nurture.config import Settings
from nurture.engine.deliveries import MOST_AT_ONCE
from nurture.engine.notices import PART
from nurture.engine.record import record
from nurture.jobs import presence
from nurture.jobs.presence import new_name, recover_dead
from nurture.store import tables
from tests.crash.nursery import serve
from tests.crash.scene import Sink, sink, until
from tests.engine.telling_world import D, Telling, funnel, telling
from tests.engine.world import sequence
from tests.processes import APART
from tests.providers.receiver import Behaviour, Receiver, answers

# Each is told of to two systems and to one person. So many that something is left to be told at
# the last kill, also where whoever kills is slower than those who tell.
CONTACTS = 80
ENDPOINTS = ("crm", "erp")
MESSENGERS = 2
KILLS = 5
CALLS_BETWEEN_KILLS = (1, 8)
# How long a receiver thinks about a call: most kills then meet some in the middle.
THINKS = (0.03, 0.15)
CONNECTIONS = 4

pytestmark = pytest.mark.crash


class LongAfter:
    """A wall clock on which whoever is not known to live has long been silent."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Office:
    """A world with deliveries that are due, and where they go."""

    world: Telling
    receiver: Receiver
    relay: Sink
    pacer: Pacer
    environment: Mapping[str, str]

    def calls(self) -> Counter[str]:
        """How often each message was told, by its webhook-id."""
        return Counter(one.headers["webhook-id"] for one in list(self.receiver.received))

    def has_been_called(self, times: int) -> bool:
        return len(self.receiver.received) >= times

    def rows(self, kind: str = "webhook") -> dict[str, Any]:
        """The deliveries of a kind, by the id of their message."""
        columns = (D.message_id, D.status, D.attempts, D.code, D.not_before, D.settled_at)
        with self.world.deps.database.read() as tx:
            found = tx.execute(sa.select(*columns).where(D.kind == kind)).all()
        return {row.message_id: row for row in found}

    def statuses(self) -> Counter[str]:
        return Counter(self.world.column(sa.select(D.status)))

    def bury(self) -> None:
        """Settle what the dead left, as the supervisor and the ticker do."""
        recover_dead(replace(self.world.deps, wall=LongAfter()), self.world.now)

    def is_told(self) -> bool:
        """Whether everything is delivered; lets the time of the next try come where it is not."""
        self.bury()
        self.world.clock.moment += timedelta(minutes=2)
        self.pacer.set(self.world.now)
        return set(self.statuses()) == {"delivered"}


def pauses(seconds: float) -> Behaviour:
    """Think about it, and take it."""

    def behave(call: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        answers(204)(call)

    return behave


@contextmanager
def office(
    settings: Settings, url: str, folder: Path, contacts: int, pause: tuple[float, float]
) -> Iterator[Office]:
    dice = random.Random(20261122)  # noqa: S311 - dice, not secrets
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        receiver.behaviours += [pauses(dice.uniform(*pause)) for _ in range(contacts * 4)]
        relay = stack.enter_context(sink(folder / "book", 0.01))
        urls = dict.fromkeys(ENDPOINTS, receiver.url)
        world = stack.enter_context(telling(settings, url, **urls))
        steps = [
            {"key": f"tell-{key}", "webhook": {"endpoint": key, "event": "contact.asked"}}
            for key in ENDPOINTS
        ]
        notify = {"key": "tell-sales", "notify": {"to": "owner", "email": "alert"}}
        trigger = {"event": "asked"}
        world.publish(
            sequence("hand-over", [*steps, notify], trigger=trigger), funnel=funnel(**urls)
        )
        keys = world.add_many([f"p{number}" for number in range(contacts)])
        record(world.deps, [world.event(key, "asked") for key in keys], world.now)
        pacer = Pacer(folder / "clock")
        pacer.set(world.now)
        environment = {
            "NURTURE_HOME": str(settings.home),
            "DATABASE_URL": url,
            "NURTURE_PUBLIC_URL": "https://nurture.test",
            "NURTURE_CLOCK": str(folder / "clock"),
            "NURTURE_PROVIDER": "smtp",
            "NURTURE_SMTP_URL": f"smtp://127.0.0.1:{relay.port}",
            "NURTURE_SMTP_CONNECTIONS": str(CONNECTIONS),
            "NURTURE_PRIVATE_ENDPOINTS": "yes",
            "NURTURE_TICK": "0.1",
        }
        yield Office(world, receiver, relay, pacer, environment)


@contextmanager
def staff(environment: Mapping[str, str], log: Path) -> Iterator["Staff"]:
    line, theirs = APART.Pipe()
    process = APART.Process(target=serve, args=(theirs, dict(environment), log))
    process.start()
    theirs.close()
    made = Staff(line)
    try:
        yield made
    finally:
        for name in tuple(made.living):
            made.kill(name)
        line.close()
        process.join()
        process.close()


class Staff:
    """Messengers that are at work: their process ids by name."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self.living: dict[str, int] = {}

    def hire(self) -> None:
        name = new_name("messenger")
        self.living[name] = self._ask(f"hire {name}")

    def kill(self, name: str) -> None:
        self._end(name, signal.SIGKILL)

    def dismiss(self) -> list[int]:
        """Ask all to stop; return their exit statuses."""
        return [self._end(name, signal.SIGTERM) for name in tuple(self.living)]

    def _end(self, name: str, how: signal.Signals) -> int:
        process = self.living.pop(name)
        os.kill(process, how)
        return self._ask(f"wait {process}")

    def _ask(self, what: str) -> int:
        self._line.send(what)
        answer: int = self._line.recv()
        return answer


def test_nothing_is_lost_and_only_what_was_in_hand_is_told_again(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    dice = random.Random(20261122)  # noqa: S311 - dice, not secrets
    began = time.monotonic()
    with (
        office(settings, database_url, tmp_path, CONTACTS, THINKS) as at,
        staff(at.environment, log) as messengers,
    ):
        for _ in range(MESSENGERS):
            messengers.hire()
        for _ in range(KILLS):
            aim = len(at.receiver.received) + dice.randint(*CALLS_BETWEEN_KILLS)
            until(partial(at.has_been_called, aim), 30, f"{aim} calls {tail(log)}")
            time.sleep(dice.uniform(0, THINKS[1]))
            messengers.kill(dice.choice(at_work(at.world)))
            at.bury()
            messengers.hire()
        in_midst = len(at.receiver.received)
        until(at.is_told, 30, f"{at.statuses()} {tail(log)}")
        until(lambda: len(at_work(at.world)) == MESSENGERS, 30, tail(log))
        assert messengers.dismiss() == [0] * MESSENGERS, tail(log)
        calls, mails = at.calls(), Counter(at.relay.taken())
        print(  # noqa: T201 - the figures that the test is about
            f"\n{at.world.deps.database.engine.dialect.name}: {sum(calls.values())} calls for "
            f"{len(calls)} webhooks, {sum(mails.values())} mails for {len(mails)} notices, "
            f"{KILLS} kills ({in_midst} calls until the last), {time.monotonic() - began:.1f} s"
        )

        told_of, written = at.rows(), at.rows("notice")
        assert len(told_of) == CONTACTS * len(ENDPOINTS)
        assert len(written) == CONTACTS
        # Nothing is lost, and nothing is told that was not there to be told.
        assert calls.keys() == told_of.keys()
        assert {mail for _, mail in mails} == {f"<{key}@lotusdesk.example.com>" for key in written}
        for row in (*told_of.values(), *written.values()):
            assert (row.status, row.not_before) == ("delivered", None)
            assert row.settled_at is not None
        # Each call was a try that had been written down before.
        assert all(count <= told_of[key].attempts for key, count in calls.items())
        assert calls.total() - len(calls) <= KILLS * MOST_AT_ONCE * len(ENDPOINTS)
        assert mails.total() - len(mails) <= KILLS * PART
        # What comes again is the same to the byte.
        bodies = {(one.headers["webhook-id"], one.body) for one in at.receiver.received}
        assert len(bodies) == len(told_of)
        assert_leaves_nothing_behind(at)


def test_asked_to_stop_a_messenger_finishes_what_is_in_hand_and_tells_nothing_twice(
    settings: Settings, sqlite_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        office(settings, sqlite_url, tmp_path, 6, (0.3, 0.4)) as at,
        staff(at.environment, log) as messengers,
    ):
        messengers.hire()
        until(lambda: len(at.receiver.received) >= 5, 30, f"calls {tail(log)}")
        assert messengers.dismiss() == [0], tail(log)
        rows = at.rows()
        assert at.calls() == {key: 1 for key, row in rows.items() if row.status == "delivered"}
        left = [row for row in rows.values() if row.status != "delivered"]
        assert left, "the rest is left for who comes next"
        assert {(row.status, row.attempts) for row in left} == {("waiting", 0)}
        assert_leaves_nothing_behind(at)

        messengers.hire()
        until(at.is_told, 30, f"{at.statuses()} {tail(log)}")
        assert messengers.dismiss() == [0], tail(log)
        assert set(at.calls().values()) == set(at.relay.taken().values()) == {1}
        assert {row.attempts for row in at.rows().values()} == {1}


def at_work(world: Telling) -> list[str]:
    w = tables.Worker
    return world.column(sa.select(w.name).where(w.stopped_at.is_(None)))


def assert_leaves_nothing_behind(at: Office) -> None:
    assert at_work(at.world) == []
    assert at.statuses()["claimed"] == 0
    assert list((at.world.deps.settings.home / presence.FOLDER).iterdir()) == []


def tail(log: Path) -> str:
    return log.read_text()[-3000:] if log.exists() else ""
