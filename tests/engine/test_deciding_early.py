"""What others commit between SQLite's reading and its turn to write: decided again, or as before.

On PostgreSQL there is no such moment for the runs themselves: they are locked when they are read.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.advance import advance
from nurture.engine.pausing import pause
from nurture.engine.record import fallen
from nurture.engine.suppress import unsubscribe
from nurture.store import tables
from nurture.store.database import Database, Transaction
from tests.engine.world import DAY, NOW, S, World, opened, sequence

M = tables.StageChange

CHANGES = sequence(
    "changes",
    [{"key": "patience", "wait": "2d"}, {"key": "up", "change_stage": "sql"}],
    trigger={"event": "asked"},
    reentry="never",
)


class Meanwhile:
    """A database in which somebody else does something as soon as a reader is through."""

    def __init__(self, database: Database, act: Callable[[], object]) -> None:
        self._database = database
        self._act: Callable[[], object] | None = act

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._database.read() as transaction:
            yield transaction
        act, self._act = self._act, None
        if act is not None:
            act()

    @property
    def was_read(self) -> bool:
        return self._act is None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@pytest.fixture
def world(settings: Settings, sqlite_url: str) -> Iterator[World]:
    with opened(settings, sqlite_url) as made:
        yield made


def advanced(world: World, act: Callable[[], object]) -> int:
    """Advance at the world's moment while `act` happens between reading and writing."""
    meanwhile = Meanwhile(world.deps.database, act)
    deps = replace(world.deps, database=cast(Database, meanwhile))
    count = advance(deps, world.now)
    assert meanwhile.was_read
    return count


def test_a_run_whose_sequence_was_paused_meanwhile_stands_still(world: World) -> None:
    ana, bo = world.enroll("ana"), world.enroll("bo")
    world.work()
    world.clock.moment = NOW + 2 * DAY
    assert advanced(world, lambda: pause(world.deps, "welcome", "wait", "lan", world.now)) == 0
    for contact in (ana, bo):
        assert world.states(contact) == [("welcome", "waiting", "pause")]
    world.assert_sound()


def test_an_answer_that_came_meanwhile_is_not_timed_out(world: World) -> None:
    ana, bo = world.enroll("ana"), world.enroll("bo")
    world.work()
    world.drive(NOW + 2 * DAY)
    world.clock.moment = NOW + 6 * DAY

    def clicked() -> None:
        world.happen(ana, "click", at=NOW + 4 * DAY, step="hello", sequence="welcome")

    # Bo's time-out stands though both of them were decided together.
    assert advanced(world, clicked) == 1
    assert world.states(ana) == [("welcome", "sending", "thanks")]
    assert world.states(bo) == [("welcome", "sending", "again")]
    world.assert_sound()


def test_who_unsubscribed_meanwhile_gets_nothing(world: World) -> None:
    world.enroll("ana")
    world.work()
    world.drive(NOW + 2 * DAY)
    (sent,) = world.column(sa.select(S.id))
    world.clock.moment = NOW + 6 * DAY
    advanced(world, lambda: unsubscribe(world.deps, sent, world.now))
    world.work()
    assert world.mailed("ana") == ["hello"]
    world.assert_sound()


def test_who_was_moved_meanwhile_is_not_moved_again(world: World) -> None:
    world.publish(CHANGES)
    ana = world.enroll("ana")
    world.happen(ana, "form")
    world.happen(ana, "demo")
    world.happen(ana, "asked")
    # By now the edge from mql to sql lets them pass, and the step asks for just that.
    world.clock.moment = NOW + 2 * DAY
    advanced(world, lambda: fallen(world.deps, world.now))
    taken = sa.select(M.start, M.to).where(M.refused == "").order_by(M.id)
    assert world.rows(taken) == [("lead", "mql"), ("mql", "sql")]
    world.assert_sound()
