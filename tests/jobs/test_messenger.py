"""The messenger: one that hangs holds up no other, and nothing that it has taken is lost."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.deliveries import MOST_AT_ONCE
from nurture.jobs.lifeline import Stop
from nurture.jobs.messenger import Messenger, run
from nurture.store import operations, tables
from tests.engine.telling_world import D, Telling, telling, told
from tests.providers.receiver import Receiver, hangs


@pytest.fixture
def slow() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def quick() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def world(
    settings: Settings, database_url: str, slow: Receiver, quick: Receiver
) -> Iterator[Telling]:
    with telling(settings, database_url, crm=slow.url, erp=quick.url) as made:
        made.open_up(patience=30.0)
        yield made
        slow.over.set()


def until(reached: Callable[[], bool], messenger: Messenger, rounds: int = 400) -> None:
    """Let the messenger work until something is so."""
    for _ in range(rounds):
        messenger.settle()
        messenger.tell_systems()
        messenger.tell_people()
        if reached():
            return
        messenger.wait(0.05)
    raise AssertionError("it never came to that")


def test_a_target_that_hangs_delays_neither_another_target_nor_a_notice(
    world: Telling, slow: Receiver, quick: Receiver
) -> None:
    slow.behaviours += [hangs(slow.over)] * 8
    for number in range(8):
        world.ask(f"p{number}")
    messenger = Messenger(world.deps, "m1")
    until(lambda: len(slow.received) == MOST_AT_ONCE, messenger)
    world.publish(told(webhook="erp"))
    for number in range(8, 16):
        world.ask(f"p{number}")

    def others_are_told() -> bool:
        rows = world.rows(sa.select(D.kind, D.target, D.status))
        return all(one[2] == "delivered" for one in rows if one[:2] != ("webhook", "crm"))

    until(others_are_told, messenger)
    assert len(quick.received) == 8
    assert len(world.post.taken) == 16
    # Meanwhile no more went to the one that hangs than it has room for.
    assert len(slow.received) == MOST_AT_ONCE
    assert not messenger.is_idle
    slow.behaviours.clear()
    slow.over.set()
    until(lambda: messenger.is_idle, messenger)


def test_what_is_under_way_is_no_stray_and_what_nobody_has_is(
    world: Telling, slow: Receiver
) -> None:
    slow.behaviours += [hangs(slow.over)]
    world.ask("ana")
    messenger = Messenger(world.deps, "m1")
    messenger.tell_systems()
    assert messenger.give_back_strays() == 0
    # One whose claim was written, and whose answer from the database was lost.
    with world.deps.database.begin() as tx:
        lost = {"status": "claimed", "claimed_by": "m1", "attempts": 1}
        tx.execute(sa.update(D).where(D.kind == "notice").values(**lost))
    assert messenger.give_back_strays() == 1
    assert world.column(sa.select(D.status).order_by(D.id)) == ["claimed", "waiting"]
    slow.over.set()


def test_the_process_tells_what_is_due_and_leaves_in_order(world: Telling, slow: Receiver) -> None:
    world.ask("ana")
    stop = Stop()
    ended: list[int] = []
    deps = world.deps
    process = threading.Thread(target=lambda: ended.append(run(deps, "m1", stop)), daemon=True)
    process.start()
    deadline = time.monotonic() + 60
    statement = sa.select(D.status).where(D.status != "delivered")
    while world.column(statement) and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.ask()
    process.join(60)
    assert ended == [0]
    assert world.column(statement) == []
    assert len(slow.received) == 1
    with deps.database.read() as tx:
        assert operations.unaccounted(tx) == []


def test_a_process_that_ended_with_deliveries_in_its_hands_is_unaccounted_for(
    world: Telling,
) -> None:
    world.ask("ana")
    with world.deps.database.begin() as tx:
        operations.start_worker(tx, "m1", "messenger", "here", 1, world.now)
        operations.stop_worker(tx, "m1", world.now)
        assert operations.unaccounted(tx) == []
        tx.execute(sa.update(D).values(status="claimed", claimed_by="m1"))
        assert [one.name for one in operations.unaccounted(tx)] == ["m1"]
    assert world.column(sa.select(tables.Worker.name)) == ["m1"]
