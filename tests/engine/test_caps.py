"""Frequency caps across sequences, with the queue in between, on both databases."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.deliver import Courier, deliver
from nurture.engine.journal import Journal
from nurture.engine.pausing import pause, resume
from nurture.engine.places import rank_of
from nurture.engine.work import Work
from nurture.store import tables
from nurture.wiring import build
from tests.engine.scripted_post import POLICY, ScriptedPost
from tests.engine.world import (
    DAY,
    FUNNEL,
    HOUR,
    MINUTE,
    NOW,
    E,
    S,
    SetClock,
    World,
    opened,
    sequence,
)
from tests.processes import APART


def capped(*caps: dict[str, Any]) -> dict[str, Any]:
    topics = [
        *FUNNEL["topics"],
        {"key": "orders", "name": {"vi": "Đơn", "en": "Orders"}, "transactional": True},
    ]
    return {**FUNNEL, "topics": topics, "caps": list(caps)}


def on(event: str, email: str, **rest: Any) -> dict[str, Any]:
    """A sequence of one email, started by an event and ended by its contrary."""
    step = {"key": "mail", "email": email, **rest.pop("step", {})}
    trigger = {"event": event, "cancel": [f"no_{event}"]}
    return sequence(event, [step], trigger=trigger, **rest)


DAILY = {"times": 1, "per": "1d"}
LEAD = sequence("welcome", [{"key": "hello", "email": "hello"}], stage="lead")
MQL = sequence("deepen", [{"key": "case", "email": "case"}], stage="mql")
NUDGE = on("nudge", "thanks")
LETTER = on("letter", "offer", priority=5)
ORDER = on("order", "basket", step={"topic": "orders"})


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        made.publish(LEAD, MQL, NUDGE, LETTER, ORDER, funnel=capped(DAILY))
        yield made


def state_of(world: World, contact_id: int, key: str) -> tuple[str, Any, Any]:
    """(state, wakes at, reason) of the run through a sequence."""
    name = tables.Sequence.key
    ((state, wakes, data),) = world.rows(
        sa.select(E.state, E.wake_at, E.state_data)
        .join(tables.Sequence, tables.Sequence.id == E.sequence_id)
        .where(E.contact_id == contact_id, name == key)
    )
    return state, wakes, data.get("reason")


def test_a_second_email_is_held_in_sight_and_leaves_when_the_first_is_a_day_old(
    world: World,
) -> None:
    ana = world.enroll("ana")
    world.work()
    world.clock.moment = NOW + HOUR
    world.happen(ana, "nudge")
    assert state_of(world, ana, "nudge") == ("holding", NOW + DAY, "cap")
    d = tables.Decision
    decided = world.column(sa.select(d.decided).where(d.contact_id == ana).order_by(d.id))
    held = decided[-1][-1]
    assert (held["do"], held["reason"], held["zone"]) == ("Hold", "cap", "contact")
    world.drive(NOW + DAY - MINUTE)
    assert world.mailed("ana") == ["hello"]
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["hello", "thanks"]
    world.assert_sound()


def test_what_a_cap_would_hold_too_long_is_passed_over(world: World) -> None:
    world.publish(funnel=capped({**DAILY, "shift": "6h"}))
    ana = world.enroll("ana")
    world.work()
    world.clock.moment = NOW + HOUR
    world.happen(ana, "nudge")
    assert state_of(world, ana, "nudge")[0] == "completed"
    world.clock.moment = NOW + 20 * HOUR
    world.happen(ana, "letter")
    world.drive(NOW + 3 * DAY)
    assert world.mailed("ana") == ["hello", "offer"]
    world.assert_sound()


def test_what_is_transactional_goes_at_once_and_takes_a_place(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    world.clock.moment = NOW + 12 * HOUR
    world.happen(ana, "order")
    world.happen(ana, "nudge")
    world.work()
    assert world.mailed("ana") == ["hello", "basket"]
    world.drive(NOW + DAY + 12 * HOUR - MINUTE)
    assert world.mailed("ana") == ["hello", "basket"]
    world.drive(NOW + DAY + 12 * HOUR)
    assert world.mailed("ana") == ["hello", "basket", "thanks"]


@pytest.mark.parametrize("events", [("nudge", "letter"), ("letter", "nudge")])
def test_of_two_in_the_queue_the_higher_priority_goes_first(
    world: World, events: tuple[str, str]
) -> None:
    ana = world.add("ana")
    for event in events:
        world.happen(ana, event)
    world.work()
    assert world.mailed("ana") == ["offer"]
    assert state_of(world, ana, "nudge") == ("holding", NOW + DAY, "cap")
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["offer", "thanks"]
    world.assert_sound()


def test_of_equals_what_is_due_for_longer_goes_first(world: World) -> None:
    world.publish(on("early", "again"), on("late", "case"))
    ana = world.add("ana")
    world.happen(ana, "late")
    world.clock.moment = NOW + MINUTE
    world.happen(ana, "early")
    # Decided last, it already gives way: it never entered the queue.
    assert state_of(world, ana, "early") == ("holding", NOW + DAY + MINUTE, "cap")
    world.work()
    assert world.mailed("ana") == ["case"]


def test_the_later_stage_goes_first(world: World) -> None:
    # Its sequence is for an earlier stage, and its priority does not help it.
    other = sequence(
        "other", [{"key": "a", "email": "again"}], stage="lead", track="side", priority=9
    )  # fmt: skip
    world.publish(other)
    ana = world.add("ana", "mql")

    def in_turn(work: Work) -> list[str]:
        work.see([ana], history=False)
        current, contact = work.catalog.current, work.contacts[ana]
        return sorted(
            ("other", "deepen", "letter"),
            key=lambda key: rank_of(work.catalog, contact, current[key].sequence, "", NOW, 1),
        )

    # What an event triggers counts for the stage that Ana is in, and goes first by its priority.
    assert world.do(in_turn) == ["letter", "deepen", "other"]


def test_two_that_fall_due_in_one_tick_go_by_their_rank(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    world.clock.moment = NOW + HOUR
    world.happen(ana, "nudge")
    world.happen(ana, "letter")
    assert {state_of(world, ana, key)[0] for key in ("nudge", "letter")} == {"holding"}
    world.clock.moment = NOW + DAY
    assert world.advance() == 2
    world.work()
    assert world.mailed("ana") == ["hello", "offer"]
    assert state_of(world, ana, "nudge") == ("holding", NOW + 2 * DAY, "cap")
    world.drive(NOW + 2 * DAY)
    assert world.mailed("ana") == ["hello", "offer", "thanks"]
    world.assert_sound()


def test_a_place_that_is_given_up_is_taken_at_once(world: World) -> None:
    ana = world.add("ana")
    world.happen(ana, "letter")
    world.happen(ana, "nudge")
    assert state_of(world, ana, "nudge")[0] == "holding"
    world.clock.moment = NOW + MINUTE
    world.happen(ana, "no_letter")
    assert state_of(world, ana, "nudge")[0] == "sending"
    world.work()
    assert world.mailed("ana") == ["thanks"]
    world.assert_sound()


def test_a_refused_email_gives_its_place_to_the_next(world: World) -> None:
    ana = world.add("ana")
    world.happen(ana, "letter")
    world.happen(ana, "nudge")
    world.post.script["ana@example.com"].append(POLICY)
    world.deliver()
    assert state_of(world, ana, "nudge")[0] == "sending"
    world.work()
    assert world.mailed("ana") == ["thanks"]
    world.assert_sound()


def test_a_move_takes_the_place_of_the_email_it_cancels(world: World) -> None:
    ana = world.enroll("ana")
    world.happen(ana, "form")
    world.work()
    assert world.stage(ana) == "mql"
    assert world.mailed("ana") == ["case"]
    world.assert_sound()


def test_what_stands_still_in_a_paused_sequence_takes_nobodys_place(world: World) -> None:
    ana = world.add("ana")
    world.happen(ana, "letter")
    pause(world.deps, "letter", "a wrong price", "test", world.now)
    world.happen(ana, "nudge")
    world.work()
    assert world.mailed("ana") == ["thanks"]
    world.clock.moment = NOW + HOUR
    resume(world.deps, "letter", "test", world.now)
    world.drive(NOW + 3 * HOUR)
    assert world.mailed("ana") == ["thanks"]
    assert state_of(world, ana, "letter") == ("holding", NOW + DAY, "cap")
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["thanks", "offer"]


def test_trials_of_drafts_count_for_nothing(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    v = tables.SequenceVersion
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(v).values(trial=True))
    world.happen(ana, "nudge")
    world.work()
    assert world.mailed("ana") == ["hello", "thanks"]


def test_several_caps_hold_together(world: World) -> None:
    world.publish(
        on("e1", "again"), on("e2", "case"), funnel=capped(DAILY, {"times": 2, "per": "7d"})
    )
    ana = world.add("ana")
    for event in ("e1", "e2", "nudge"):
        world.happen(ana, event)
    times: dict[str, Any] = {}
    moment = NOW
    while moment <= NOW + 8 * DAY:
        world.drive(moment)
        for subject in world.mailed("ana"):
            times.setdefault(subject, world.now)
        moment += 6 * HOUR
    assert times == {"again": NOW, "case": NOW + DAY, "thanks": NOW + 7 * DAY}


def test_without_caps_nothing_is_asked_about_places(world: World) -> None:
    asked: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_rest: Any) -> None:
        if "FROM send" in statement and "sequence.stage" in statement:
            asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        ana = world.enroll("ana")
        world.work()
        assert asked
        world.publish(funnel=FUNNEL)
        asked.clear()
        world.happen(ana, "nudge")
        world.work()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert world.mailed("ana") == ["hello", "thanks"]
    assert asked == []


def deliver_in_a_process(settings: Settings, url: str, name: str, days: int) -> list[str]:
    """Deliver whatever is queued as one of several workers; return whom this one mailed."""
    post = ScriptedPost()
    clock = SetClock(NOW + timedelta(days=days))
    built = build(replace(settings, database_url=url, public_url="https://nurture.test"))
    deps = replace(built, clock=clock, wall=clock, provider=post, wake=lambda _: None)
    courier = Courier(deps, name, Journal(settings.home, name))
    try:
        for _ in range(12):
            with deps.database.read() as tx:
                batches = list(
                    tx.execute(sa.select(S.batch_id).where(S.status == "queued").distinct())
                    .scalars()
                )  # fmt: skip
            for batch in batches:
                deliver(courier, batch or 0)
            clock.moment += timedelta(seconds=6)
    finally:
        deps.database.close()
    return [email.recipient for email in post.taken]


PEOPLE = 40


def test_workers_at_once_never_pass_a_cap_together(settings: Settings, postgresql_url: str) -> None:
    names = [f"p{number}" for number in range(PEOPLE)]
    with opened(settings, postgresql_url) as world:
        # Queued while there was no cap, so that nothing but the claim keeps them apart.
        world.publish(LEAD, NUDGE, LETTER, funnel=capped())
        ids = world.add_many(names)
        world.place()
        for event in ("nudge", "letter"):
            for key in ids:
                world.happen(key, event)
        world.publish(funnel=capped(DAILY))
        with ProcessPoolExecutor(3, mp_context=APART) as pool:
            for days in range(3):
                world.clock.moment = NOW + timedelta(days=days, minutes=2 * days)
                world.advance()
                workers = [f"w{days}{number}" for number in range(3)]
                told = [settings] * 3, [postgresql_url] * 3, workers, [days] * 3
                mailed = Counter(
                    one for part in pool.map(deliver_in_a_process, *told) for one in part
                )
                assert mailed == {f"{name}@example.com": 1 for name in names}, days
        content = world.rows(sa.select(S.content, S.contact_id).order_by(S.settled_at, S.id))
        order: dict[int, list[str]] = {}
        for subject, key in content:
            order.setdefault(key, []).append(subject)
        assert {tuple(some) for some in order.values()} == {("offer", "hello", "thanks")}
        assert not world.examine().violations
        assert set(world.column(sa.select(S.status))) == {"accepted"}
