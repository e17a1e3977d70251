"""Pausing and resuming: nobody mailed meanwhile, nothing lost, no burst after."""

from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from nurture.domain.contact import Occurrence
from nurture.domain.resuming import How, Resumption
from nurture.engine import pausing
from nurture.engine.pausing import pause, resume, standstill
from nurture.engine.publish import place_contacts
from nurture.engine.record import record
from nurture.errors import Invalid, NotFound, Refused
from nurture.store import tables
from nurture.store.ledger import NewEvent
from tests.engine.sequence_world import NOW, World

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
E, S = tables.Enrollment, tables.Send


def enroll(world: World, count: int, *, first: int = 1) -> list[int]:
    ids = world.add_contacts(count, "lead", first=first)
    place_contacts(world.deps, world.clock.now())
    return ids


def happened(world: World, contact_id: int, name: str, key: str, **properties: str) -> None:
    occurrence = Occurrence(name, world.clock.now(), properties, dedupe_key=key)
    record(world.deps, [NewEvent(contact_id, occurrence, "test")], world.clock.now())


def test_nothing_leaves_a_paused_sequence_and_queued_sends_wait_for_it(world: World) -> None:
    enroll(world, 3)
    assert world.column(sa.select(S.status)) == ["queued"] * 3
    assert pause(world.deps, "welcome", "typo in the subject", "lan", NOW).stopped == 3
    world.pass_time(2 * DAY)
    assert world.box.taken == []
    assert world.column(sa.select(S.status)) == ["queued"] * 3
    assert resume(world.deps, "welcome", "lan", world.clock.now()) == 3
    world.work()
    assert world.box.taken == [], "they do not all leave at the stroke of it"
    world.pass_time(HOUR)
    assert len(world.box.taken) == 3


def test_resuming_moves_every_timer_by_as_long_as_its_run_stood_still(world: World) -> None:
    enroll(world, 1)
    world.work()
    world.pass_time(DAY)
    enroll(world, 1, first=2)
    world.work()
    before = world.column(sa.select(E.wake_at).order_by(E.id))
    assert before == [NOW + 3 * DAY, NOW + 4 * DAY]
    pause(world.deps, "welcome", "holiday", "lan", world.clock.now())
    world.pass_time(10 * DAY)
    assert resume(world.deps, "welcome", "lan", world.clock.now()) == 2
    after = world.rows(sa.select(E.wake_at, E.frozen_at, E.state).order_by(E.id))
    assert [tuple(row) for row in after] == [
        (NOW + 13 * DAY, None, "waiting"),
        (NOW + 14 * DAY, None, "waiting"),
    ]
    sent = len(world.box.taken)
    world.work()
    assert len(world.box.taken) == sent, "nothing bursts"


def test_the_deadline_of_what_is_awaited_moves_too(world: World) -> None:
    enroll(world, 1)
    world.work()
    world.pass_time(3 * DAY)
    (row,) = world.rows(sa.select(E.state, E.wake_at))
    assert tuple(row) == ("awaiting", NOW + 7 * DAY)
    pause(world.deps, "welcome", "holiday", "lan", world.clock.now())
    world.pass_time(30 * DAY)
    resume(world.deps, "welcome", "lan", world.clock.now())
    (row,) = world.rows(sa.select(E.state, E.wake_at))
    assert tuple(row) == ("awaiting", NOW + 37 * DAY)


def test_who_comes_during_a_pause_stands_still_and_starts_after_it(world: World) -> None:
    pause(world.deps, "welcome", "not ready", "lan", NOW)
    world.pass_time(DAY)
    enroll(world, 2)
    world.pass_time(DAY)
    assert world.box.taken == []
    assert all(world.column(sa.select(E.frozen_at)))
    assert resume(world.deps, "welcome", "lan", world.clock.now()) == 2
    world.pass_time(HOUR)
    assert len(world.box.taken) == 2


def test_a_cart_bought_during_the_pause_is_not_reminded_of_after_it(world: World) -> None:
    buyer, browser = world.add_contacts(2, "mql")
    for contact_id in (buyer, browser):
        happened(world, contact_id, "cart_updated", f"cart-{contact_id}", cart_id="7")
    pause(world.deps, "cart", "prices change", "lan", world.clock.now())
    world.clock.moment += DAY
    happened(world, buyer, "purchase", "bought", cart_id="7")
    assert world.column(sa.select(E.state)) == ["waiting", "waiting"]
    resume(world.deps, "cart", "lan", world.clock.now())
    ended = {
        row.contact_id: row.end_reason for row in world.rows(sa.select(E.contact_id, E.end_reason))
    }
    assert ended == {buyer: "cancelled by purchase", browser: ""}
    world.pass_time(timedelta(hours=5))
    assert [email.recipient for email in world.box.taken] == ["p2@example.com"]


def test_a_click_during_the_pause_answers_the_wait_after_it(world: World) -> None:
    (contact_id,) = enroll(world, 1)
    world.work()
    world.pass_time(3 * DAY)
    pause(world.deps, "welcome", "holiday", "lan", world.clock.now())
    world.clock.moment += DAY
    happened(world, contact_id, "click", "c1")
    assert world.column(sa.select(E.end_reason)) == [""]
    resume(world.deps, "welcome", "lan", world.clock.now())
    assert world.column(sa.select(E.state)) == ["exhausted"]


def test_runs_are_stopped_and_let_go_in_chunks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pausing, "CHUNK", 2)
    enroll(world, 5)
    assert pause(world.deps, "welcome", "holiday", "lan", NOW).stopped == 5
    assert resume(world.deps, "welcome", "lan", NOW + DAY) == 5
    assert not any(world.column(sa.select(E.frozen_at)))


def test_a_second_pause_keeps_the_first_and_stops_what_still_moves(world: World) -> None:
    enroll(world, 2)
    pause(world.deps, "welcome", "first", "lan", NOW)
    with world.deps.database.begin() as tx:
        # As a crash between two chunks leaves it.
        tx.execute(sa.update(E).values(frozen_at=None))
    again = pause(world.deps, "welcome", "second", "lan", NOW + DAY)
    assert (again.since, again.stopped) == (NOW, 2)
    assert world.column(sa.select(tables.Sequence.pause_reason).filter_by(key="welcome")) == [
        "first"
    ]


def test_a_run_left_frozen_by_a_lifted_pause_is_let_go_by_resuming_again(world: World) -> None:
    enroll(world, 1)
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(E).values(frozen_at=NOW))
    assert resume(world.deps, "welcome", "lan", NOW + DAY) == 1
    assert world.column(sa.select(E.frozen_at)) == [None]


def test_who_paused_and_resumed_is_written_down(world: World) -> None:
    pause(world.deps, "welcome", " holiday ", "lan", NOW)
    resume(world.deps, "welcome", "minh", NOW + DAY)
    t = tables.Audit
    lines = world.rows(sa.select(t.by, t.what, t.subject, t.data).order_by(t.id.desc()).limit(2))
    assert [tuple(line) for line in lines] == [
        (
            "minh",
            "resume",
            "welcome",
            {
                "runs": 0,
                "paused_seconds": 86400,
                "reason": "holiday",
                "how": "shift",
                "over_seconds": 3600,
            },
        ),
        ("lan", "pause", "welcome", {"reason": "holiday"}),
    ]


def test_what_cannot_be_paused_or_resumed_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match="needs a reason"):
        pause(world.deps, "welcome", "  ", "lan", NOW)
    with pytest.raises(NotFound):
        pause(world.deps, "nothing", "why", "lan", NOW)
    with pytest.raises(NotFound):
        resume(world.deps, "nothing", "lan", NOW)
    with pytest.raises(Refused, match="not paused"):
        resume(world.deps, "welcome", "lan", NOW)


def test_how_many_would_be_due_is_counted_before_anybody_resumes(world: World) -> None:
    enroll(world, 2)
    world.work()
    enroll(world, 3, first=3)
    pause(world.deps, "welcome", "holiday", "lan", world.clock.now())
    early = standstill(world.deps, "welcome", world.clock.now() + DAY)
    assert (early.runs, early.due, early.queued) == (5, 0, 3)
    late = standstill(world.deps, "welcome", world.clock.now() + 4 * DAY)
    assert (late.runs, late.due, late.queued) == (5, 2, 3)
    with pytest.raises(NotFound):
        standstill(world.deps, "nothing", NOW)


def test_catching_up_mails_everybody_once_and_keeps_the_gap(world: World) -> None:
    (contact,) = world.add_contacts(1, "mql")
    for cart in ("7", "8", "9"):
        happened(world, contact, "cart_updated", f"cart-{cart}", cart_id=cart)
    pause(world.deps, "cart", "prices change", "lan", world.clock.now())
    world.pass_time(9 * DAY)
    start = world.clock.now()
    plan = Resumption(How.CATCH_UP, HOUR, DAY)
    assert resume(world.deps, "cart", "lan", start, plan) == 3
    world.work()
    assert world.column(sa.select(E.state)) == ["holding"] * 3
    counts = []
    for _ in range(5):
        world.pass_time(HOUR)
        counts.append(len(world.box.taken))
        world.pass_time(DAY - HOUR)
    # The carts hold the same email, which nobody gets twice: the ledger skips it.
    assert counts == [1, 1, 1, 1, 1]
    assert world.column(sa.select(E.state)) == ["completed"] * 3
    assert world.column(sa.select(E.gap_seconds)) == [86400] * 3


def test_what_was_missed_expires_and_nothing_in_the_queue_leaves(world: World) -> None:
    enroll(world, 1)
    world.work()
    world.pass_time(DAY)
    enroll(world, 1, first=2)
    pause(world.deps, "welcome", "holiday", "lan", world.clock.now())
    assert world.column(sa.select(S.status).order_by(S.id)) == ["accepted", "queued"]
    world.pass_time(20 * DAY)
    resume(world.deps, "welcome", "lan", world.clock.now(), Resumption(How.EXPIRE))
    world.pass_time(2 * DAY)
    assert len(world.box.taken) == 1
    assert world.column(sa.select(S.status).order_by(S.id)) == ["accepted", "cancelled"]
    assert world.column(sa.select(E.state)) == ["exhausted"] * 2
    d = tables.Decision
    lines = world.column(sa.select(d.decided).where(d.cause == "Resumed expire"))
    skipped = [one["step"] for line in lines for one in line if one["do"] == "Skip"]
    assert sorted(skipped) == ["again", "again", "hello"]


def test_many_who_catch_up_leave_one_after_the_other(world: World) -> None:
    enroll(world, 40)
    pause(world.deps, "welcome", "holiday", "lan", world.clock.now())
    world.pass_time(3 * DAY)
    resume(world.deps, "welcome", "lan", world.clock.now(), Resumption(How.CATCH_UP))
    releases = world.column(sa.select(S.not_before).where(S.status == "queued"))
    assert len(set(releases)) > 35
    start = world.clock.now()
    assert all(start <= one <= start + HOUR for one in releases)
    counts = []
    for _ in range(4):
        world.pass_time(HOUR / 4)
        counts.append(len(world.box.taken))
    assert counts[-1] == 40
    assert all(later > earlier for earlier, later in pairwise([0, *counts]))
