"""Splits and hold-outs: who was shown what, what it did, and what everybody gets after it."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.experiments import HELD_OUT, MAILED, hold_out_key
from nurture.engine.experiments import look, report, reports, stop
from nurture.errors import Invalid, NotFound, Refused
from nurture.store import tables
from tests.engine.world import DAY, FUNNEL, HOUR, MINUTE, NOW, World, compiled, opened, sequence

X = tables.Exposure

TRIED = sequence(
    "tried",
    [
        {
            "key": "which",
            "split": {
                "experiment": "greeting",
                "arms": [{"key": "short", "to": "hello"}, {"key": "long", "to": "case"}],
                "measure": {"event": "click", "within": "2d", "minimum": 20, "stop": "30d"},
            },
        },
        {"key": "hello", "email": "hello", "next": "end"},
        {"key": "case", "email": "case"},
    ],
    stage="lead",
)  # fmt: skip


def held_out(percent: float) -> dict[str, Any]:
    return {**deepcopy(dict(FUNNEL)), "hold_out": {"default": percent}}


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def enter(world: World, many: int, start: int = 0) -> dict[int, str]:
    """Let contacts enter the tried sequence; return the arm of each."""
    world.add_many([f"p{number}" for number in range(start, start + many)])
    world.place()
    world.work()
    return dict(world.rows(sa.select(X.contact_id, X.arm).where(X.experiment == "greeting")))


def try_it(world: World) -> None:
    world.emails = compiled("hello", "case", "thanks", "again", "offer", "basket")
    world.publish({**TRIED, "priority": 9})


def test_every_contact_is_in_one_arm_and_stays_in_it(world: World) -> None:
    try_it(world)
    arms = enter(world, 60)
    assert set(arms.values()) == {"short", "long"}
    sent = world.rows(sa.select(tables.Send.contact_id, tables.Send.content))
    assert dict(sent) == {key: "hello" if arm == "short" else "case" for key, arm in arms.items()}


def test_successes_count_in_their_time_and_only_a_persons(world: World) -> None:
    try_it(world)
    arms = enter(world, 40)
    first, second, *_ = sorted(arms)
    world.clock.moment += DAY
    world.click(first, "hello", "tried")
    world.click(first, "hello", "tried")
    world.clock.moment += 2 * DAY
    world.click(second, "hello", "tried")
    found = report(world.deps, "greeting", world.now)
    (shown,) = found.measured
    assert sum(seen.successes for seen in shown.seen) == 1
    assert sum(seen.contacts for seen in shown.seen) == 40
    assert dict(found.shown) == {seen.arm: seen.shown for seen in shown.seen}


def test_nobody_counts_before_their_time_is_over(world: World) -> None:
    try_it(world)
    enter(world, 10)
    (shown,) = report(world.deps, "greeting", world.now + HOUR).measured
    assert [seen.contacts for seen in shown.seen] == [0, 0]


def win(world: World) -> None:
    """Let everybody in the long arm click, and nobody else."""
    for contact_id, arm in enter(world, 80).items():
        if arm == "long":
            world.click(contact_id, "case", "tried")
    world.clock.moment += 3 * DAY


def test_it_stops_by_its_rule_and_everybody_goes_the_winners_way(world: World) -> None:
    try_it(world)
    win(world)
    assert look(world.deps, world.now) == 1
    found = report(world.deps, "greeting", world.now)
    assert found.is_over
    assert found.decided is not None
    assert (found.decided.reason, found.decided.winner) == ("better", "long")
    before = len(world.rows(sa.select(X.contact_id).where(X.experiment == "greeting")))
    arms = enter(world, 20, start=500)
    assert len(arms) == before
    latest = world.rows(sa.select(tables.Send.content).order_by(tables.Send.id.desc()).limit(20))
    assert {content for (content,) in latest} == {"case"}
    assert look(world.deps, world.now + DAY) == 0


def test_it_is_not_stopped_between_two_looks(world: World) -> None:
    try_it(world)
    enter(world, 80)
    world.clock.moment += 3 * DAY
    assert look(world.deps, world.now) == 0
    looked = report(world.deps, "greeting", world.now).decided
    assert looked is not None
    assert looked.result["look"] >= 1
    assert look(world.deps, world.now + 31 * DAY) == 1
    over = report(world.deps, "greeting", world.now).decided
    assert over is not None
    assert (over.reason, over.winner) == ("time", "")


def test_the_longer_it_runs_the_seldomer_it_is_looked_at(world: World) -> None:
    try_it(world)
    enter(world, 40)
    looked = []
    for passed in (HOUR, HOUR + MINUTE / 2, 10 * DAY, 10 * DAY + HOUR, 10 * DAY + 5 * HOUR):
        look(world.deps, NOW + passed)
        decided = report(world.deps, "greeting", NOW + passed).decided
        assert decided is not None
        assert decided.looked_at is not None
        looked.append(decided.looked_at - NOW)
    assert looked == [HOUR, HOUR, 10 * DAY, 10 * DAY, 10 * DAY + 5 * HOUR]


def test_a_person_may_stop_it_with_or_without_a_winner(world: World) -> None:
    try_it(world)
    enter(world, 10)
    with pytest.raises(Invalid, match="no arm"):
        stop(world.deps, "greeting", "loud", "lan", "", world.now)
    stop(world.deps, "greeting", "short", "lan", "we like it", world.now)
    with pytest.raises(Refused):
        stop(world.deps, "greeting", "", "lan", "", world.now)
    with pytest.raises(NotFound):
        stop(world.deps, "nothing", "", "lan", "", world.now)
    (one,) = reports(world.deps, world.now)
    assert one.decided is not None
    assert (one.decided.winner, one.decided.decided_by) == ("short", "lan")


def test_a_hold_out_gets_nothing_and_what_it_would_have_got_is_on_record(world: World) -> None:
    world.publish(funnel=held_out(50))
    world.add_many([f"h{number}" for number in range(60)])
    world.place()
    world.drive(world.now + 9 * DAY)
    key = hold_out_key("default")
    arms = dict(world.rows(sa.select(X.contact_id, X.arm).where(X.experiment == key)))
    assert set(arms.values()) == {HELD_OUT, MAILED}
    mailed = {contact for (contact,) in world.rows(sa.select(tables.Send.contact_id))}
    assert mailed == {contact for contact, arm in arms.items() if arm == MAILED}
    lines = world.column(sa.select(tables.Decision.decided))
    would = [one for line in lines for one in line if one["do"] == "WouldSend"]
    held = [contact for contact, arm in arms.items() if arm == HELD_OUT]
    # Both emails of the sequence, for each of them.
    assert len(would) == 2 * len(held)


def test_lift_is_measured_on_stages_and_purchases_not_on_opens(world: World) -> None:
    world.publish(funnel=held_out(50))
    world.add_many([f"h{number}" for number in range(60)])
    world.place()
    world.work()
    key = hold_out_key("default")
    arms = dict(world.rows(sa.select(X.contact_id, X.arm).where(X.experiment == key)))
    for contact_id, arm in arms.items():
        world.happen(contact_id, "open", step="hello", sequence="welcome")
        if arm == MAILED:
            world.happen(contact_id, "form")
    world.clock.moment += timedelta(days=31)
    progress, bought = report(world.deps, key, world.now).measured
    by_arm = {seen.arm: (seen.contacts, seen.successes) for seen in progress.seen}
    mailed = sum(arm == MAILED for arm in arms.values())
    assert by_arm == {HELD_OUT: (60 - mailed, 0), MAILED: (mailed, mailed)}
    assert [seen.successes for seen in bought.seen] == [0, 0]
    lift = next(one for one in progress.verdict.lifts if one.arm == MAILED)
    assert lift.is_better
    # A hold-out is never over by itself.
    assert look(world.deps, world.now) == 0
