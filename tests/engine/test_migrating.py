"""Taking runs over to a new version: counted before, done in parts, and never twice."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.migrating import Choices, Waits, Why
from nurture.engine import migrating
from nurture.engine.migrating import carry_out, forecast, overview
from nurture.engine.pausing import pause, resume
from nurture.errors import Invalid, NotFound, Refused
from nurture.store import tables
from tests.engine.world import DAY, HOUR, NOW, E, S, World, opened, sequence

V = tables.SequenceVersion


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def changed(*steps: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """The next version of welcome."""
    return sequence("welcome", list(steps), **{"stage": "lead", **rest})


HELLO = {"key": "hello", "email": "hello"}
LONGER = changed(HELLO, {"key": "pause", "wait": "9d"}, {"key": "again", "email": "again"})
WITHOUT = changed(HELLO, {"key": "again", "email": "again"})


def settle(world: World, count: int = 3) -> list[int]:
    """So many contacts who wait at the step `pause` of version 1, two days from its end."""
    ids = world.add_many([f"p{n}" for n in range(count)])
    world.place()
    world.work()
    return ids


def numbers(world: World) -> list[int]:
    """The versions that live runs are pinned to."""
    return world.column(
        sa.select(V.number).join(E, E.version_id == V.id).where(E.ended_at.is_(None)).order_by(E.id)
    )


def test_publishing_alone_takes_nobody_over(world: World) -> None:
    settle(world)
    world.publish(LONGER)
    assert numbers(world) == [1, 1, 1]
    found = overview(world.deps, "welcome")
    assert [(one.number, one.step, one.state, one.count) for one in found.standing] == [
        (1, "pause", "waiting", 3)
    ]
    assert (found.target.number, dict(found.removed)) == (2, {})


def test_a_dry_run_tells_the_same_as_the_migration_and_changes_nothing(world: World) -> None:
    settle(world)
    world.publish(WITHOUT)
    before = world.rows(sa.select(E.__table__))
    choices = Choices({"pause": "again"})
    dry = forecast(world.deps, "welcome", choices, world.now)
    assert world.rows(sa.select(E.__table__)) == before
    done = carry_out(world.deps, "welcome", choices, "lan", world.now)
    assert dry == done
    (place,) = done.places
    assert (place.version, place.step, place.removed, place.count) == (1, "pause", True, 3)
    assert place.goes == {"again": 3}
    assert place.samples == ["p0@example.com", "p1@example.com", "p2@example.com"]
    assert numbers(world) == [2, 2, 2]


def test_waits_are_kept_or_counted_anew_from_when_they_began(world: World) -> None:
    settle(world, 1)
    world.publish(LONGER)
    carry_out(world.deps, "welcome", Choices(), "lan", world.now)
    assert world.column(sa.select(E.wake_at)) == [NOW + 2 * DAY]
    shorter = {"key": "pause", "wait": "5d"}
    world.publish({**LONGER, "steps": [HELLO, shorter, *LONGER["steps"][2:]]})
    world.clock.moment = NOW + DAY
    carry_out(world.deps, "welcome", Choices(waits=Waits.RECOMPUTE), "lan", world.now)
    assert world.column(sa.select(E.wake_at)) == [NOW + 5 * DAY]
    assert numbers(world) == [3]


def test_a_wait_that_was_moved_by_a_pause_began_later_by_as_much(world: World) -> None:
    days = changed(HELLO, {"key": "pause", "wait": {"until": {"days": ["thu"], "at": "09:00"}}},
                   {"key": "again", "email": "again"})  # fmt: skip
    world.publish(days)
    settle(world, 1)
    pause(world.deps, "welcome", "holiday", "lan", world.now)
    resume(world.deps, "welcome", "lan", world.now + 3 * DAY)
    world.publish(LONGER)
    carry_out(world.deps, "welcome", Choices(waits=Waits.RECOMPUTE), "lan", world.now)
    assert world.column(sa.select(E.wake_at)) == [NOW + 3 * DAY + 9 * DAY]


def test_nobody_is_migrated_while_a_removed_step_has_no_way(world: World) -> None:
    settle(world)
    world.publish(WITHOUT)
    with pytest.raises(Invalid, match="Nobody was migrated") as raised:
        carry_out(world.deps, "welcome", Choices(), "lan", world.now)
    (problem,) = raised.value.problems
    assert problem.field == "pause"
    assert "3 contacts stand on pause" in problem.message
    dry = forecast(world.deps, "welcome", Choices(), world.now)
    assert dry.stays == {Why.UNDECIDED: 3}
    assert numbers(world) == [1, 1, 1]


@pytest.mark.parametrize(
    ("removed", "told"),
    [({"pause": "nowhere"}, "no step of version 2"), ({"hello": "exit"}, "is a step of version 2")],
)
def test_a_choice_that_cannot_be_is_refused(
    world: World, removed: dict[str, str], told: str
) -> None:
    settle(world, 1)
    world.publish(WITHOUT)
    with pytest.raises(Invalid) as raised:
        forecast(world.deps, "welcome", Choices(removed), world.now)
    assert told in raised.value.problems[0].message


def test_who_stays_stays_and_who_leaves_leaves(world: World) -> None:
    settle(world, 2)
    world.publish(WITHOUT)
    stays = carry_out(world.deps, "welcome", Choices({"pause": "stay"}), "lan", world.now)
    assert stays.stays == {Why.CHOSEN: 2}
    assert numbers(world) == [1, 1]
    leaves = carry_out(world.deps, "welcome", Choices({"pause": "exit"}), "lan", world.now)
    assert leaves.leaves == 2
    assert world.column(sa.select(E.end_reason)) == ["step removed"] * 2
    world.place()
    assert len(world.column(sa.select(E.id))) == 2, "who left is not placed again"
    assert not world.examine().violations


def test_a_queued_send_goes_out_as_the_new_version_has_it(world: World) -> None:
    world.add_many(["ana", "ben"])
    world.place()
    world.publish(changed({"key": "hello", "email": "thanks"}))
    assert world.column(sa.select(S.status)) == ["queued"] * 2
    carry_out(world.deps, "welcome", Choices(), "lan", world.now)
    world.work()
    assert [subject for _, subject in world.post.mailed] == ["thanks", "thanks"]
    world.assert_sound()


def test_a_queued_send_whose_step_is_gone_is_cancelled(world: World) -> None:
    world.add_many(["ana", "ben"])
    world.place()
    world.publish(changed({"key": "later", "wait": "2d"}, {"key": "again", "email": "again"}))
    carry_out(world.deps, "welcome", Choices({"hello": "later"}), "lan", world.now)
    assert world.column(sa.select(S.status)) == ["cancelled"] * 2
    world.drive(NOW + 3 * DAY)
    assert [subject for _, subject in world.post.mailed] == ["again", "again"]
    world.assert_sound()


def test_a_send_that_is_in_a_providers_hands_finishes_first(world: World) -> None:
    world.add_many(["ana", "ben"])
    world.place()
    with world.deps.database.begin() as tx:
        first = sa.select(sa.func.min(S.id)).scalar_subquery()
        tx.execute(sa.update(S).where(S.id == first).values(status="claimed", claimed_by="w9"))
    world.publish(WITHOUT)
    done = carry_out(world.deps, "welcome", Choices(), "lan", world.now)
    assert (done.goes, done.stays) == (1, {Why.UNDER_WAY: 1})
    assert numbers(world) == [1, 2]
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(S).where(S.status == "claimed").values(status="queued", claimed_by=""))
    world.work()
    done = carry_out(world.deps, "welcome", Choices({"pause": "again"}), "lan", world.now)
    assert done.goes == 1
    assert numbers(world) == [2, 2]


def test_it_goes_on_where_it_was_broken_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "CHUNK", 2)
    settle(world, 5)
    world.publish(LONGER)
    found = overview(world.deps, "welcome")
    world.do(lambda work: migrating._take_over(work, found, Choices(), 0))
    assert numbers(world) == [2, 2, 1, 1, 1]
    done = carry_out(world.deps, "welcome", Choices(), "lan", world.now)
    assert done.goes == 3
    assert numbers(world) == [2] * 5
    assert carry_out(world.deps, "welcome", Choices(), "lan", world.now).places == ()


def test_every_run_has_a_line_and_every_migration_is_written_down(world: World) -> None:
    settle(world, 2)
    world.publish(LONGER)
    carry_out(world.deps, "welcome", Choices(), "lan", world.now)
    d, a = tables.Decision, tables.Audit
    lines = world.rows(sa.select(d.cause, d.decided).where(d.cause.startswith("Migrated")))
    rebase = {"do": "Rebase", "version": 2, "passes": {}, "step": None}
    assert lines == [("Migrated from v1 to v2", [rebase])] * 2
    told = world.rows(sa.select(a.by, a.what, a.subject).order_by(a.id))
    assert told[-2:] == [("lan", "migrate", "welcome"), ("lan", "migrated", "welcome")]


def test_runs_go_back_to_an_older_version_by_name(world: World) -> None:
    settle(world, 1)
    world.publish(LONGER)
    carry_out(world.deps, "welcome", Choices(), "lan", world.now)
    done = carry_out(world.deps, "welcome", Choices(), "lan", world.now, to=1)
    assert (done.to, done.goes) == (1, 1)
    assert numbers(world) == [1]
    with pytest.raises(NotFound, match="no version 7"):
        overview(world.deps, "welcome", 7)
    with pytest.raises(NotFound, match="no sequence"):
        overview(world.deps, "nothing")


def test_runs_of_another_stage_are_not_taken_over(world: World) -> None:
    settle(world, 1)
    world.publish(changed(HELLO, stage="mql"))
    with pytest.raises(Refused, match="entered in another way"):
        carry_out(world.deps, "welcome", Choices(), "lan", world.now)


def test_a_paused_sequence_is_migrated_standing_still(world: World) -> None:
    settle(world, 1)
    pause(world.deps, "welcome", "typo", "lan", world.now)
    world.publish(LONGER)
    world.clock.moment = NOW + 30 * DAY
    carry_out(world.deps, "welcome", Choices(waits=Waits.RECOMPUTE), "lan", world.now)
    assert all(world.column(sa.select(E.frozen_at)))
    resume(world.deps, "welcome", "lan", world.now)
    assert world.column(sa.select(E.wake_at)) == [NOW + 39 * DAY]


def test_many_who_land_on_an_email_leave_one_after_the_other(world: World) -> None:
    settle(world, 40)
    world.publish(WITHOUT)
    carry_out(world.deps, "welcome", Choices({"pause": "again"}, over=2 * HOUR), "lan", world.now)
    releases = world.column(sa.select(E.wake_at).where(E.state == "holding"))
    assert len(set(releases)) > 35
    assert all(NOW < one <= NOW + 2 * HOUR for one in releases)
    world.drive(NOW + timedelta(hours=3))
    assert len(world.post.mailed) == 80
    world.assert_sound()
