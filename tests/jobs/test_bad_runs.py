"""One run that the rules cannot be applied to ends as failed, and stops nobody else."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from nurture.engine.advance import advance_around
from nurture.engine.deliver import Courier, deliver
from nurture.engine.isolation import Bad, isolate
from nurture.engine.journal import Journal
from nurture.engine.receipts import Answer, record_receipts
from nurture.errors import Retryable
from nurture.providers.base import Outcome, Receipt
from nurture.store import sends, tables
from tests.engine.sequence_world import Letterbox
from tests.jobs.world import World


def break_runs(world: World, contacts: Sequence[int]) -> None:
    """Give the runs of these contacts a time that no rule can read."""
    run = tables.Enrollment
    with world.deps.database.begin() as tx:
        tx.execute(
            sa.update(run).where(run.contact_id.in_(contacts)).values(accepted={"first": "soon"})
        )


def failures(world: World) -> dict[int, str]:
    run = tables.Enrollment
    found = world.rows(sa.select(run.contact_id, run.end_reason).where(run.state == "failed"))
    return dict(found)


@pytest.fixture
def boxed(world: World) -> World:
    """The world with a provider that takes everything at once."""
    world.deps = replace(world.deps, provider=Letterbox())
    return world


def test_items_that_fail_alone_are_told_from_those_that_fail_in_company() -> None:
    done: list[int] = []

    def do(some: Sequence[int]) -> None:
        if 3 in some or 8 in some:
            raise ValueError(some)
        done.extend(some)

    bad = isolate(range(10), do)
    assert [one.item for one in bad] == [3, 8]
    assert done == [0, 1, 2, 4, 5, 6, 7, 9]
    assert isolate([], do) == []
    assert isinstance(bad[0], Bad)


def test_an_error_of_the_moment_is_nobodys_fault() -> None:
    def do(_some: Sequence[int]) -> None:
        raise Retryable("locked")

    with pytest.raises(Retryable):
        isolate(range(4), do)


def test_a_due_run_that_raises_fails_alone_and_says_why(world: World) -> None:
    ids = world.enroll(20)
    break_runs(world, ids[7:9])
    done = advance_around(world.deps, world.now())
    assert (done.moved, done.failed) == (18, 2)
    assert world.sends() == {"queued": 18}
    assert world.runs() == {"sending": 18, "failed": 2}
    assert set(failures(world)) == set(ids[7:9])
    assert all("ValueError" in why for why in failures(world).values())
    line = tables.Decision
    decided = world.rows(sa.select(line.contact_id).where(line.cause == "BrokenOff"))
    assert sorted(decided) == [(ids[7],), (ids[8],)]
    assert advance_around(world.deps, world.now()).moved == 0


def test_when_every_run_raises_none_is_failed(world: World) -> None:
    ids = world.enroll(8)
    break_runs(world, ids)
    with pytest.raises(ValueError, match="soon"):
        advance_around(world.deps, world.now())
    assert world.runs() == {"waiting": 8}


def test_a_send_whose_run_raises_is_cancelled_and_the_rest_of_its_batch_leaves(
    boxed: World,
) -> None:
    ids = boxed.enroll(150)
    advance_around(boxed.deps, boxed.now())
    break_runs(boxed, ids[70:72])
    courier = Courier(boxed.deps, "w1", Journal(boxed.settings.home, "w1"))
    assert deliver(courier, 1) == 148
    assert set(failures(boxed)) == set(ids[70:72])
    counted = boxed.sends()
    assert counted["accepted"] == 148
    assert counted["cancelled"] == 2
    courier.journal.close()


def test_that_a_contact_was_mailed_is_written_even_when_their_run_raises(boxed: World) -> None:
    ids = boxed.enroll(6)
    advance_around(boxed.deps, boxed.now())
    with boxed.deps.database.begin() as tx:
        claimed = sends.claim(tx, 1, "w1", boxed.now(), 10)
    break_runs(boxed, ids[2:3])
    answers = [
        Answer(send, Receipt(send.id, Outcome.ACCEPTED, f"m{send.id}", 250), boxed.now())
        for send in claimed
    ]
    record_receipts(boxed.deps, "w1", answers, boxed.now())
    assert boxed.sends()["accepted"] == 6
    assert set(failures(boxed)) == {ids[2]}
    assert len(boxed.rows(sa.select(tables.Received.contact_id))) == 6
