"""One worker's desk: asked to stop, broken off in the middle; and two tickers side by side."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from nurture.engine.advance import PATIENCE, advance_around, wake_waiting
from nurture.engine.journal import FOLDER
from nurture.errors import Retryable
from nurture.jobs import tasks
from nurture.jobs.worker_process import Desk, Lost
from nurture.providers.base import HandingOver, Outcome, OutgoingEmail, Receipt
from nurture.wiring import build
from tests.engine.sequence_world import Letterbox
from tests.jobs.world import World


class Fragile(Letterbox):
    """Takes so many emails and then breaks in the middle of the next one."""

    def __init__(self, takes: int) -> None:
        super().__init__()
        self.takes = takes

    def send(
        self, batch: Sequence[OutgoingEmail], now: datetime
    ) -> Iterator[HandingOver | Receipt]:
        for email in batch:
            yield HandingOver((email.send_id,))
            if len(self.taken) == self.takes:
                self.takes = 10_000
                raise OSError("the cable was cut")
            self.taken.append(email)
            yield Receipt(email.send_id, Outcome.ACCEPTED, f"m{email.send_id}", 250)


class Ahead:
    """A wall clock past the patience for a batch that nobody took up."""

    def now(self) -> datetime:
        return datetime.now(UTC) + PATIENCE


def desk_of(world: World, stops_after: int = 10_000) -> Desk:
    asked = iter(range(10_000))
    return Desk(world.deps, "w1", lambda: next(asked) >= stops_after)


def test_a_worker_that_is_asked_to_stop_finishes_the_part_in_hand_and_passes_the_rest_on(
    world: World,
) -> None:
    woken: list[int] = []
    world.deps = replace(world.deps, provider=Letterbox(), wake=woken.extend)
    world.enroll(250)
    advance_around(world.deps, world.now())
    woken.clear()
    desk = desk_of(world, stops_after=1)
    assert desk.deliver(1) == 100
    assert woken[-1] == 1
    counted = world.sends()
    assert counted["accepted"] == 100
    assert counted["claimed"] == 0
    desk.close()
    assert list((world.settings.home / FOLDER).iterdir()) == []


def test_a_delivery_that_breaks_off_leaves_nothing_claimed_and_mails_nobody_twice(
    world: World,
) -> None:
    provider = Fragile(30)
    world.deps = replace(world.deps, provider=provider)
    world.enroll(100)
    advance_around(world.deps, world.now())
    desk = desk_of(world)
    with pytest.raises(OSError, match="cable"):
        desk.deliver(1)
    counted = world.sends()
    assert (counted["accepted"], counted["uncertain"], counted["claimed"]) == (30, 1, 0)
    assert desk.deliver(1) == 69
    sent = [email.send_id for email in provider.taken]
    assert len(sent) == len(set(sent)) == 99
    assert desk.take_sent() == 69
    assert desk.take_sent() == 0
    desk.close()


def test_a_worker_that_cannot_settle_what_it_held_is_lost(world: World) -> None:
    world.deps = replace(world.deps, provider=Fragile(3))
    world.enroll(10)
    advance_around(world.deps, world.now())
    desk = desk_of(world)

    class Away(Fragile):
        def close(self) -> None:
            # From now on the database does not answer this process.
            world.deps.database.engine.dispose()
            sa.event.listen(world.deps.database.engine, "do_connect", refuse)

    def refuse(*_: object) -> None:
        raise sa.exc.OperationalError("connect", {}, Exception("gone"))

    desk._deps = replace(world.deps, provider=Away(0))
    desk._courier = replace(desk._courier, deps=desk._deps)
    with pytest.raises((Lost, Retryable)):
        desk.deliver(1)
    assert desk.lost is not None
    sa.event.remove(world.deps.database.engine, "do_connect", refuse)
    assert world.sends()["claimed"] == 10


def test_jobs_run_only_where_somebody_delivers() -> None:
    seen: list[int] = []

    def deliver(batch_id: int) -> int:
        seen.append(batch_id)
        return 5

    tasks.deliver_by(deliver)
    assert tasks.deliver_batch(7) == 5
    assert seen == [7]


def test_two_tickers_at_once_do_everything_once(world: World) -> None:
    world.enroll(1200)
    others = [build(world.settings) for _ in range(2)]
    now = world.now()

    def tick(number: int) -> int:
        moved = 0
        for _ in range(12):
            moved += advance_around(others[number], now, limit=100).moved
        return moved

    with ThreadPoolExecutor(2) as pool:
        moved = list(pool.map(tick, range(2)))
    assert sum(moved) == 1200
    assert world.sends() == {"queued": 1200}
    assert world.runs() == {"sending": 1200}
    for other in others:
        other.database.close()


def test_a_batch_nobody_was_told_of_is_found_in_the_database(world: World) -> None:
    world.enroll(3)
    advance_around(world.deps, world.now())
    woken: list[int] = []
    world.deps = replace(world.deps, wake=woken.extend)
    assert wake_waiting(world.deps, world.now()) == 0, "it was enqueued a moment ago"
    world.deps = replace(world.deps, wall=Ahead())
    assert wake_waiting(world.deps, world.now()) == 1
    assert woken == [1]
