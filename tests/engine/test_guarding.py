"""Guards: a day's maximum holds over to tomorrow, and a bad or strange sequence pauses itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.deliver import Courier, deliver
from nurture.engine.guarding import guard
from nurture.engine.pausing import resume
from nurture.store import bulk, tables, trials
from tests.engine.world import CART, DAY, FUNNEL, HOUR, NOW, E, S, World, compiled, opened, sequence

# Local midnight in Ho Chi Minh City, after NOW.
MIDNIGHT = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


def guarded(**guards: Any) -> dict[str, Any]:
    return {**deepcopy(dict(FUNNEL)), "guards": guards}


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def test_a_contact_gets_no_more_than_a_days_maximum(world: World) -> None:
    names = ("hello", "thanks", "again", "case", "offer")
    steps = [{"key": f"s{number}", "email": name} for number, name in enumerate(names)]
    world.emails = compiled(*names, "basket")
    world.publish(
        sequence("rush", steps, stage="lead", priority=9), funnel=guarded(contact_daily=2)
    )
    ana = world.enroll("ana")
    world.work()
    assert world.mailed("ana") == ["hello", "thanks"]
    (held,) = [one for one in world.sends(ana) if one[1] == "held"]
    assert held == ("s2", "held", "daily maximum of the contact")
    (wakes,) = world.column(sa.select(E.wake_at).where(E.contact_id == ana))
    assert MIDNIGHT <= wakes < MIDNIGHT + HOUR
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["hello", "thanks", "again", "case"]
    world.drive(NOW + 3 * DAY)
    assert world.mailed("ana") == list(names)
    world.assert_sound()


def test_the_account_sends_no_more_than_a_days_maximum(world: World) -> None:
    world.publish(funnel=guarded(daily=3))
    world.add_many([f"p{number}" for number in range(5)])
    world.place()
    world.work()
    assert len(world.post.mailed) == 3
    assert world.column(sa.select(S.reason).where(S.status == "held")) == ["daily maximum"] * 2
    world.drive(NOW + DAY)
    assert len(world.post.mailed) == 5
    world.assert_sound()


@pytest.mark.parametrize("status", ["claimed", "uncertain"])
def test_what_another_worker_has_in_hand_counts_for_the_days_maximum(
    world: World, status: str
) -> None:
    world.publish(funnel=guarded(daily=3))
    world.add_many([f"p{number}" for number in range(5)])
    world.place()
    settled = NOW if status == "uncertain" else None
    with world.deps.database.begin() as tx:
        first = sa.select(S.id).order_by(S.id).limit(2).scalar_subquery()
        tx.execute(
            sa.update(S)
            .where(S.id.in_(first))
            .values(status=status, claimed_by="other", claimed_at=NOW, settled_at=settled)
        )
    world.work()
    assert len(world.post.mailed) == 1
    assert world.column(sa.select(S.reason).where(S.status == "held")) == ["daily maximum"] * 2


def test_workers_at_once_never_pass_the_accounts_maximum(world: World) -> None:
    world.publish(funnel=guarded(daily=50))
    world.add_many([f"p{number}" for number in range(240)])
    world.place()
    world.advance()
    batches = world.column(sa.select(S.batch_id).where(S.status == "queued").distinct())
    couriers = [world.courier(name) for name in ("w1", "w2", "w3")]
    together = Barrier(len(couriers))

    def work(courier: Courier) -> None:
        together.wait(30)
        for batch in batches:
            deliver(courier, batch)

    with ThreadPoolExecutor(len(couriers)) as pool:
        list(pool.map(work, couriers))
    assert len(world.post.mailed) == 50
    assert world.column(sa.select(S.status).where(S.status != "accepted")) == ["held"] * 190


def test_a_trial_takes_no_place_of_a_contacts_day(world: World) -> None:
    world.publish(funnel=guarded(contact_daily=1))
    ana = world.enroll("ana")
    sent(world, 1, NOW)
    with world.deps.database.begin() as tx:
        cart = tx.execute(sa.select(tables.Sequence.id).where(tables.Sequence.key == "cart"))
        trial, _ = trials.add_version(tx, cart.scalar_one(), CART, "d", "lan", NOW)
        latest = sa.select(sa.func.max(S.id)).scalar_subquery()
        tx.execute(
            sa.update(S).where(S.id == latest)
            .values(contact_id=ana, claimed_at=NOW, version_id=trial)
        )  # fmt: skip
    world.work()
    assert world.mailed("ana") == ["hello"]


def sent(world: World, many: int, at: datetime, **columns: Any) -> None:
    """Put sends of the sequence `welcome` on record, as they were settled at `at`."""
    contact_id = world.add(f"r{world.column(sa.select(sa.func.count(S.id)))[0]}")
    with world.deps.database.begin() as tx:
        q = tables.Sequence
        sequence_id, version_id = tx.execute(
            sa.select(q.id, q.current_id).where(q.key == "welcome")
        ).one()
        runs = bulk.insert(
            tx,
            E,
            [
                {
                    "contact_id": contact_id, "sequence_id": sequence_id, "track": "",
                    "version_id": version_id, "entry_key": f"{at}{number}", "state": "completed",
                    "state_data": {}, "step": "hello", "passes": {"hello": 1}, "accepted": {},
                    "properties": {}, "again": [], "entered_at": at, "ended_at": at,
                    "end_reason": "", "revision": 0,
                }
                for number in range(many)
            ],
            returning=("id",),
        )  # fmt: skip
        row = {
            "contact_id": contact_id, "sequence_id": sequence_id, "version_id": version_id,
            "step": "hello", "pass_no": 1, "content": "hello", "topic": "marketing",
            "status": "accepted", "reason": "", "created_at": at, "settled_at": at,
            "attempts": 1, "claimed_by": "", "provider": "", "provider_message_id": "",
            "code": 250, "detail": "", **columns,
        }  # fmt: skip
        bulk.insert(tx, S, [{"enrollment_id": run.id, **row} for run in runs])


def paused(world: World) -> list[tuple[str, str]]:
    q = tables.Sequence
    found = world.rows(sa.select(q.key, q.pause_reason).where(q.paused_at.is_not(None)))
    return [(key, reason) for key, reason in found]


def test_complaints_pause_the_sequence_and_say_why(world: World) -> None:
    sent(world, 199, NOW)
    sent(world, 1, NOW, complained_at=NOW)
    assert guard(world.deps, NOW + HOUR) == 1
    assert paused(world) == [("welcome", "complaints:1:200")]
    assert guard(world.deps, NOW + HOUR) == 0


def test_hard_bounces_pause_the_sequence_and_soft_ones_do_not(world: World) -> None:
    sent(world, 190, NOW)
    sent(world, 10, NOW, status="refused", reason="soft bounce", bounced_at=NOW)
    assert guard(world.deps, NOW + HOUR) == 0
    sent(world, 10, NOW, status="refused", reason="hard bounce", bounced_at=NOW)
    assert guard(world.deps, NOW + HOUR) == 1
    assert paused(world) == [("welcome", "bounces:10:210")]


def test_what_was_sent_before_a_person_resumed_is_not_held_against_it(world: World) -> None:
    sent(world, 200, NOW, complained_at=NOW)
    assert guard(world.deps, NOW + HOUR) == 1
    resume(world.deps, "welcome", "lan", NOW + 2 * HOUR)
    assert guard(world.deps, NOW + 3 * HOUR) == 0
    sent(world, 200, NOW + 3 * HOUR, complained_at=NOW + 3 * HOUR)
    assert guard(world.deps, NOW + 4 * HOUR) == 1


def test_a_strange_pace_pauses_and_a_first_mailing_does_not(world: World) -> None:
    world.publish(funnel=guarded(surge_least=50, complaints=None, bounces=None))
    sent(world, 60, NOW)
    assert guard(world.deps, NOW + HOUR / 2) == 0
    sent(world, 60, NOW + 4 * DAY)
    assert guard(world.deps, NOW + 4 * DAY + HOUR / 2) == 1
    assert paused(world) == [("welcome", "surge:60:1")]


def test_guards_that_are_switched_off_pause_nothing(world: World) -> None:
    world.publish(funnel=guarded(complaints=None, bounces=None, surge=None, contact_daily=None))
    sent(world, 300, NOW, complained_at=NOW, bounced_at=NOW, reason="hard bounce")
    assert guard(world.deps, NOW + HOUR) == 0
