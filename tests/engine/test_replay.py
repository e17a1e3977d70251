"""Every score and state is built again from what was recorded, and nothing differs."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.contact import Verdict
from nurture.engine.replay import replay
from nurture.store import tables
from tests.engine.world import DAY, FUNNEL, HOUR, E, World, opened

L, T, X = tables.ScoreEntry, tables.Standing, tables.StageChange


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        ana, bo = made.enroll("ana"), made.enroll("bo")
        made.drive(made.now + HOUR)
        made.click(ana, "hello")
        made.happen(bo, "form")
        made.happen(bo, "click", verdict=Verdict.MACHINE, step="hello", sequence="welcome")
        made.happen(ana, "cart_updated", cart_id="42")
        made.drive(made.now + 20 * DAY)
        yield made


def what(world: World) -> set[str]:
    return {one.what for one in replay(world.deps, world.now).differences}


def test_nothing_differs_in_a_sound_world(world: World) -> None:
    done = replay(world.deps, world.now)
    assert done.differences == ()
    assert (done.contacts, done.runs) == (2, 5)
    assert done.events == 4
    assert done.entries == 2
    assert done.decisions > 10


def test_points_change_and_what_was_earned_before_stays_earned(world: World) -> None:
    rules = [{**rule, "points": 9} for rule in FUNNEL["engagement"]["rules"]]
    world.publish(funnel={**FUNNEL, "engagement": {**FUNNEL["engagement"], "rules": rules}})
    world.happen(1, "form")
    world.work()
    assert replay(world.deps, world.now).differences == ()


def test_one_contact_can_be_replayed_alone(world: World) -> None:
    done = replay(world.deps, world.now, contact_id=1)
    assert (done.contacts, done.events) == (1, 2)


CHANGES: list[tuple[Callable[[], sa.Executable], str]] = [
    (lambda: sa.update(L).where(L.rule == "click").values(points=6), "ledger"),
    (lambda: sa.delete(L).where(L.rule == "form"), "ledger"),
    (lambda: sa.update(T).values(engagement=T.engagement + 1), "score"),
    (lambda: sa.update(T).where(T.contact_id == 2).values(highest="lead"), "stage"),
    (lambda: sa.update(X).where(X.to == "mql").values(to="sql"), "stage"),
    (lambda: sa.update(E).where(E.step == "again").values(step="hello"), "run"),
]


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_what_was_tampered_with_is_told(
    world: World, change: Callable[[], sa.Executable], told: str
) -> None:
    with world.deps.database.begin() as tx:
        tx.execute(change())
    assert told in what(world)
