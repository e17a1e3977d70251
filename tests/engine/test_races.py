"""Two at once: one outcome, whoever is first, and never both branches."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from nurture.clock import Clock
from nurture.config import Settings
from nurture.domain import enrollment as e
from nurture.domain.migrating import Choices, Waits
from nurture.domain.resuming import How, Resumption
from nurture.engine.advance import advance
from nurture.engine.deliver import Courier, deliver
from nurture.engine.journal import Journal
from nurture.engine.migrating import carry_out
from nurture.engine.migration_tally import Migration
from nurture.engine.pausing import pause, resume
from nurture.engine.publish import place_contacts
from nurture.engine.record import record
from nurture.engine.suppress import unsubscribe
from nurture.engine.work import Work
from nurture.errors import Refused
from nurture.store import runs, tables
from nurture.wiring import build
from tests.engine.scripted_post import ScriptedPost
from tests.engine.world import DAY, NOW, WELCOME, E, S, SetClock, World, opened
from tests.processes import APART

PEOPLE = 24


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all of these at the same moment, each in a thread; return what they return."""
    start = threading.Barrier(len(acts))

    def do(act: Callable[[], object]) -> object:
        start.wait(10)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(do, acts))


def delivering(world: World, name: str) -> Callable[[], int]:
    """Deliver everything as a worker with a provider of its own, as each process has one."""
    post = ScriptedPost()
    deps = replace(world.deps, provider=post)
    courier = Courier(deps, name, Journal(deps.settings.home, name))

    def act() -> int:
        batches = world.column(sa.select(tables.Batch.id).order_by(tables.Batch.id))
        handed = sum(deliver(courier, batch) for batch in batches)
        world.post.taken += post.taken
        return handed

    return act


def test_a_time_out_and_the_awaited_click_take_one_path(world: World) -> None:
    ids = world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    world.drive(NOW + 3 * DAY)
    world.clock.moment = NOW + 5 * DAY
    clicks = [
        world.event(key, "click", at=NOW + 4 * DAY, step="hello", sequence="welcome")
        for key in ids
    ]  # fmt: skip
    at_once(world.advance, lambda: record(world.deps, clicks, world.now), world.advance)
    world.drive(NOW + 20 * DAY)
    for key, n in zip(ids, range(PEOPLE), strict=True):
        assert world.mailed(f"p{n}") in (["hello", "thanks"], ["hello", "again"])
        assert len(world.states(key)) == 1
    world.assert_sound()


def test_a_move_and_a_send_at_once_leave_one_stage_and_no_double(world: World) -> None:
    ids = world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    forms = [world.event(key, "form") for key in ids]
    at_once(
        delivering(world, "w1"), lambda: record(world.deps, forms, world.now),
        delivering(world, "w2"),
    )  # fmt: skip
    assert {world.stage(key) for key in ids} == {"mql"}
    world.work("w3")
    live = world.rows(sa.select(E.contact_id, E.state).where(E.ended_at.is_(None)))
    assert len(live) == PEOPLE
    for n in range(PEOPLE):
        assert world.mailed(f"p{n}") in (["hello", "case"], ["case"])
    world.assert_sound()


def test_two_tickers_advance_everybody_once(world: World) -> None:
    world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    world.work()
    world.clock.moment = NOW + 2 * DAY

    def tick() -> int:
        moved = 0
        while part := advance(world.deps, world.now, 7):
            moved += part
        return moved

    moved = at_once(tick, tick, tick)
    assert sum(int(str(one)) for one in moved) == PEOPLE
    d = tables.Decision
    timers = sa.select(d.enrollment_id).where(d.cause == "TimerFired")
    assert set(Counter(world.column(timers)).values()) == {1}


def test_everybody_is_placed_once_though_two_place_them(world: World) -> None:
    world.add_many([f"p{n}" for n in range(PEOPLE)])
    at_once(*[lambda: place_contacts(world.deps, world.now, 9)] * 3)
    assert len(world.column(sa.select(E.id))) == PEOPLE
    world.work()
    assert len(world.post.taken) == PEOPLE
    world.assert_sound()


def test_who_is_moved_while_they_are_placed_ends_up_in_one_place(world: World) -> None:
    ids = world.add_many([f"p{n}" for n in range(PEOPLE)])
    forms = [world.event(key, "form") for key in ids]
    at_once(
        lambda: place_contacts(world.deps, world.now, 5),
        lambda: record(world.deps, forms, world.now),
        lambda: place_contacts(world.deps, world.now, 7),
    )
    world.work()
    assert {world.stage(key) for key in ids} == {"mql"}
    world.assert_sound()


def test_nobody_is_mailed_after_an_unsubscribe_that_came_first(world: World) -> None:
    world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    world.work()
    first = {email.recipient: email.send_id for email in world.post.taken}
    world.clock.moment = NOW + 5 * DAY
    world.advance()
    world.clock.moment = NOW + 8 * DAY
    world.advance()
    leaving = [key for number, key in enumerate(sorted(first.values())) if number % 2]
    at_once(
        delivering(world, "w1"),
        lambda: [unsubscribe(world.deps, key, world.now) for key in leaving],
        lambda: [unsubscribe(world.deps, key, world.now) for key in reversed(leaving)],
        delivering(world, "w2"),
    )
    world.drive(NOW + 20 * DAY)
    world.assert_sound()
    kept = {name for name, key in first.items() if key not in leaving}
    again = {email.recipient for email in world.post.taken if email.subject == "again"}
    assert kept <= again


def test_publishing_while_workers_claim_keeps_everybody_on_their_version(world: World) -> None:
    world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    steps = [{"key": "hello", "email": "thanks"}]
    changed = {**WELCOME, "steps": steps}
    at_once(
        delivering(world, "w1"), lambda: world.publish(changed), delivering(world, "w2")
    )  # fmt: skip
    world.work("w3")
    assert {email.subject for email in world.post.taken} == {"hello"}
    assert len(world.post.taken) == PEOPLE
    world.assert_sound()


def work_in_a_process(settings: Settings, url: str, name: str) -> list[tuple[str, int]]:
    """Advance and deliver until nothing is left; return what this process mailed."""
    post = ScriptedPost()
    clock: Clock = SetClock(NOW)
    built = build(replace(settings, database_url=url, public_url="https://nurture.test"))
    deps = replace(built, clock=clock, wall=clock, provider=post)
    courier = Courier(deps, name, Journal(settings.home, name))
    try:
        for _ in range(5):
            advance(deps, NOW)
            with deps.database.read() as tx:
                batches = list(tx.execute(sa.select(tables.Batch.id)).scalars())
            for batch in batches:
                deliver(courier, batch)
    finally:
        deps.database.close()
    return [(email.recipient, email.send_id) for email in post.taken]


def test_processes_share_the_work_and_nobody_is_mailed_twice(
    world: World, settings: Settings, database_url: str
) -> None:
    world.add_many([f"p{n}" for n in range(150)])
    world.place()
    with ProcessPoolExecutor(2, mp_context=APART) as pool:
        parts = pool.map(work_in_a_process, [settings] * 2, [database_url] * 2, ["w1", "w2"])
        mailed = [one for part in parts for one in part]
    assert len(mailed) == len(set(mailed)) == 150
    assert set(world.column(sa.select(S.status))) == {"accepted"}
    assert not world.examine().violations


def test_what_loses_a_race_is_done_again_on_what_is_then_true(
    settings: Settings, postgresql_url: str
) -> None:
    # In SQLite nobody else can commit while somebody writes; see test_deciding_early.
    with opened(settings, postgresql_url) as world:
        _lose_a_race(world)


def _lose_a_race(world: World) -> None:
    ana = world.enroll("ana")
    seen: list[str] = []

    def slow(work: Work) -> None:
        (run,) = work.take_up(runs.live_of(work.tx, [ana]))
        seen.append(run.enrollment.sequence)
        if len(seen) == 1:
            # Meanwhile somebody else moves the contact on, and commits first.
            at_once(lambda: world.happen(ana, "form"))
        work.tell(run.enrollment.id, e.Withdrawn("too late?"))

    world.do(slow)
    assert seen == ["welcome", "deepen"]
    assert [state for _, state, _ in world.states(ana)] == ["moved", "exited"]
    assert not world.examine().violations


LATER = {
    **WELCOME,
    "steps": [{"key": "later", "wait": "2d"}, {"key": "again", "email": "again"}],
}


def test_migrating_while_workers_claim_mails_each_step_once(world: World) -> None:
    world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    world.publish(LATER)
    # Whom a worker mails first stands on the pause by then, which is gone as well.
    choices = Choices({"hello": "later", "pause": "later"})
    _, done, _ = at_once(
        delivering(world, "w1"),
        lambda: carry_out(world.deps, "welcome", choices, "lan", world.now),
        delivering(world, "w2"),
    )
    assert isinstance(done, Migration)
    # Who was mailed after that goes with the next migration.
    carry_out(world.deps, "welcome", choices, "lan", world.now)
    statuses = world.rows(sa.select(S.step, S.status))
    assert set(statuses) <= {("hello", "accepted"), ("hello", "cancelled")}
    assert statuses.count(("hello", "accepted")) == len(world.post.mailed)
    world.drive(NOW + 9 * DAY)
    number = sa.select(tables.SequenceVersion.number).join(
        E, E.version_id == tables.SequenceVersion.id
    )
    assert set(world.column(number)) == {2}
    assert Counter(subject for _, subject in world.post.mailed)["again"] == PEOPLE
    world.assert_sound()


def test_migrating_while_tickers_advance_takes_everybody_over_once(world: World) -> None:
    world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    world.work()
    world.clock.moment = NOW + 2 * DAY
    longer = [{"key": "hello", "email": "hello"}, {"key": "pause", "wait": "4d"}]
    world.publish({**WELCOME, "steps": [*longer, *WELCOME["steps"][2:]]})

    def tick() -> None:
        while advance(world.deps, world.now, 5):
            pass

    recompute = Choices(waits=Waits.RECOMPUTE)
    at_once(tick, lambda: carry_out(world.deps, "welcome", recompute, "lan", world.now), tick)
    d = tables.Decision
    moved = world.column(sa.select(d.enrollment_id).where(d.cause.startswith("Migrated")))
    assert len(moved) == len(set(moved)) == PEOPLE
    # Either the time-out was first, and they await the answer; or they wait two days more.
    states = set(world.rows(sa.select(E.step, E.state)))
    assert states <= {("pause", "waiting"), ("answer", "awaiting")}
    world.drive(NOW + 20 * DAY)
    for n in range(PEOPLE):
        assert world.mailed(f"p{n}") == ["hello", "again"]
    world.assert_sound()


def test_nothing_is_claimed_after_a_pause_has_been_written(world: World) -> None:
    world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    at_once(
        delivering(world, "w1"),
        lambda: pause(world.deps, "welcome", "a typo", "lan", world.now),
        delivering(world, "w2"),
    )
    mailed = len(world.post.mailed)
    world.work("w3")
    assert len(world.post.mailed) == mailed
    assert world.column(sa.select(S.status)).count("queued") == PEOPLE - mailed
    assert all(world.column(sa.select(E.frozen_at)))
    resume(world.deps, "welcome", "lan", world.now)
    world.drive(NOW + DAY)
    assert Counter(subject for _, subject in world.post.mailed) == {"hello": PEOPLE}
    world.assert_sound()


def test_a_pause_and_two_who_resume_leave_nobody_behind(world: World) -> None:
    world.add_many([f"p{n}" for n in range(PEOPLE)])
    world.place()
    pause(world.deps, "welcome", "a typo", "lan", world.now)
    plan = Resumption(How.CATCH_UP)

    def go_on() -> int:
        try:
            return resume(world.deps, "welcome", "lan", world.now, plan)
        except Refused:
            return 0

    at_once(go_on, go_on, world.advance)
    assert not any(world.column(sa.select(E.frozen_at)))
    world.drive(NOW + DAY)
    assert Counter(subject for _, subject in world.post.mailed) == {"hello": PEOPLE}
    world.assert_sound()
