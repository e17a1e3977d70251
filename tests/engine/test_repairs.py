"""What the doctor found is kept, shown until it is gone, and mended where that is safe."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.pausing import pause
from nurture.engine.repairs import check_all, check_everybody, check_up, repair, repair_all
from nurture.errors import NotFound, Refused
from nurture.store import findings, tables
from tests.engine.world import DAY, HOUR, NOW, E, S, World, opened

T, F, Q = tables.Standing, tables.Finding, tables.QueuedEntry


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        for name in ("ana", "bo"):
            made.enroll(name)
        made.drive(NOW + HOUR)
        yield made


def plant(world: World, *statements: Any) -> None:
    with world.deps.database.begin() as tx:
        for statement in statements:
            tx.execute(statement)


def standing(world: World) -> list[tuple[str, int]]:
    with world.deps.database.read() as tx:
        return [(one.code, one.subject) for one in findings.standing(tx)]


def lost_receipt(world: World) -> None:
    """Ana's run waits for a send that was accepted long ago."""
    state = {"state": "sending", "state_data": {"step": "hello", "pass": 1}, "step": "hello"}
    plant(
        world,
        sa.update(E).where(E.contact_id == 1).values(**state, wake_at=None, accepted={}),
        sa.delete(tables.Decision).where(tables.Decision.cause == "Accepted"),
    )


def left_in_the_queue(world: World) -> None:
    plant(world, sa.update(S).where(S.contact_id == 1).values(status="queued", settled_at=None))


def wrong_score(world: World) -> None:
    plant(world, sa.update(T).where(T.contact_id == 1).values(engagement=7.5))


def stands_still(world: World) -> None:
    plant(world, sa.update(E).where(E.contact_id == 1).values(frozen_at=NOW - DAY))


def other_stage(world: World) -> None:
    plant(world, sa.update(T).where(T.contact_id == 1).values(stage="mql"))


def waits_for_nothing(world: World) -> None:
    sequence_id = sa.select(tables.Sequence.id).where(tables.Sequence.key == "cart")
    row = {"contact_id": 1, "entry_key": "9", "properties": {}, "at": NOW - DAY}
    plant(world, sa.insert(Q).values(**row, sequence_id=sequence_id.scalar_subquery()))


MENDED: list[tuple[str, Callable[[World], None]]] = [
    ("sending_without_send", lost_receipt),
    ("send_without_run", left_in_the_queue),
    ("score_differs", wrong_score),
    ("frozen_without_pause", stands_still),
    ("run_of_another_stage", other_stage),
    ("waiting_for_nothing", waits_for_nothing),
]


@pytest.mark.parametrize(("code", "spoil"), MENDED)
def test_what_may_be_mended_is_mended_and_mails_nobody_twice(
    world: World, code: str, spoil: Callable[[World], None]
) -> None:
    spoil(world)
    done = repair_all(world.deps, "lan", world.now)
    assert code in {one.code for one in done.mended}
    world.work()
    assert code not in {finding.code for finding in world.examine().findings}
    world.drive(world.now + 20 * DAY)
    assert world.mailed("ana").count("hello") == 1
    said = world.rows(sa.select(tables.Audit.by, tables.Audit.what))
    assert ("lan", "repair") in said
    check_all(world.deps, world.now)
    assert code not in {found for found, _ in standing(world)}


def test_a_sound_world_keeps_no_findings(world: World) -> None:
    assert check_up(world.deps, world.now) == 0
    assert check_everybody(world.deps, world.now) == 0
    assert standing(world) == []


def test_a_finding_is_kept_once_and_cleared_when_it_is_gone(world: World) -> None:
    stands_still(world)
    assert check_everybody(world.deps, world.now) == 1
    assert check_everybody(world.deps, world.now + HOUR) == 1
    first, last = world.rows(sa.select(F.first_seen_at, F.last_seen_at))[0]
    assert (first, last) == (world.now, world.now + HOUR)
    plant(world, sa.update(E).where(E.contact_id == 1).values(frozen_at=None))
    assert check_everybody(world.deps, world.now + 2 * HOUR) == 0
    assert world.column(sa.select(F.repaired_by)) == [""]


def test_what_was_found_at_depth_is_not_cleared_by_a_glance(world: World) -> None:
    wrong_score(world)
    check_all(world.deps, world.now)
    check_up(world.deps, world.now)
    assert standing(world) == [("score_differs", 1)]


def test_what_needs_a_person_is_refused(world: World) -> None:
    plant(world, sa.update(S).where(S.contact_id == 1).values(status="uncertain"))
    check_up(world.deps, world.now)
    (kept,) = [one for one in _kept(world) if one.code == "uncertain"]
    with pytest.raises(Refused):
        repair(world.deps, kept.id, "lan", world.now)
    with pytest.raises(NotFound):
        repair(world.deps, 999, "lan", world.now)


def _kept(world: World) -> list[findings.Kept]:
    with world.deps.database.read() as tx:
        return findings.standing(tx)


def mailed_while_suppressed(world: World) -> None:
    row = {"address_key": "key-ana", "scope": "global", "reason": "list", "source": "test"}
    plant(world, sa.insert(tables.Suppression).values(**row, at=NOW - DAY))


def got_it_twice(world: World) -> None:
    plant(world, sa.update(S).where(S.status == "accepted").values(contact_id=1))


@pytest.mark.parametrize("spoil", [mailed_while_suppressed, got_it_twice])
def test_what_was_sent_of_late_is_looked_at_every_few_minutes_and_stays_on_record(
    world: World, spoil: Callable[[World], None]
) -> None:
    spoil(world)
    assert check_up(world.deps, world.now) == 1
    kept = standing(world)
    assert check_up(world.deps, world.now + DAY) == 1, "it is not lately any more"
    assert check_all(world.deps, world.now) == 1
    assert standing(world) == kept


@pytest.mark.parametrize("spoil", [mailed_while_suppressed, got_it_twice])
def test_what_was_sent_long_ago_is_found_by_a_look_at_all(
    world: World, spoil: Callable[[World], None]
) -> None:
    spoil(world)
    assert check_up(world.deps, world.now + DAY) == 0
    assert check_all(world.deps, world.now + DAY) >= 1


def planted(world: World, code: str, subject: int) -> int:
    """A finding on record that is not so any more when somebody has it mended."""
    row = {
        "kind": code, "subject": str(subject), "first_seen_at": NOW, "last_seen_at": NOW,
    }  # fmt: skip
    plant(world, sa.insert(F).values(**row))
    return next(one.id for one in _kept(world) if one.code == code)


@pytest.mark.parametrize("status", ["queued", "claimed", "uncertain"])
def test_a_run_whose_send_is_under_way_by_now_is_left_waiting_for_it(
    world: World, status: str
) -> None:
    cleo = world.enroll("cleo")
    (run_id,) = world.column(sa.select(E.id).where(E.contact_id == cleo))
    plant(world, sa.update(S).where(S.contact_id == cleo).values(status=status))
    kept = planted(world, "sending_without_send", run_id)
    repair(world.deps, kept, "lan", world.now)
    assert world.column(sa.select(E.state).where(E.id == run_id)) == ["sending"]
    assert world.column(sa.select(S.status).where(S.contact_id == cleo)) == [status]


def test_a_send_that_its_run_waits_for_by_now_is_not_cancelled(world: World) -> None:
    cleo = world.enroll("cleo")
    (send_id,) = world.column(sa.select(S.id).where(S.contact_id == cleo))
    repair(world.deps, planted(world, "send_without_run", send_id), "lan", world.now)
    world.work()
    assert world.mailed("cleo") == ["hello"]


def test_a_run_of_the_right_stage_by_now_goes_on(world: World) -> None:
    (run_id,) = world.column(sa.select(E.id).where(E.contact_id == 1))
    repair(world.deps, planted(world, "run_of_another_stage", run_id), "lan", world.now)
    assert world.column(sa.select(E.state).where(E.contact_id == 1)) == ["waiting"]


def test_a_run_of_a_sequence_that_is_paused_by_now_stands_still(world: World) -> None:
    (run_id,) = world.column(sa.select(E.id).where(E.contact_id == 1))
    pause(world.deps, "welcome", "a mistake", "lan", world.now)
    repair(world.deps, planted(world, "frozen_without_pause", run_id), "lan", world.now)
    assert world.column(sa.select(E.frozen_at).where(E.id == run_id)) == [world.now]


def test_a_run_that_stood_still_waits_on_for_what_was_left_of_its_wait(world: World) -> None:
    (due,) = world.column(sa.select(E.wake_at).where(E.contact_id == 1))
    stands_still(world)
    later = world.now + 5 * DAY
    check_everybody(world.deps, later)
    (kept,) = _kept(world)
    repair(world.deps, kept.id, "lan", later)
    assert world.column(sa.select(E.wake_at).where(E.contact_id == 1)) == [
        due + (later - (NOW - DAY))
    ]
