"""Who runs dry when: whole sequences, walked ahead from the database."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.forecast import Week, forecast, monday_of
from nurture.engine.pausing import pause
from nurture.errors import NotFound
from tests.engine.world import DAY, NOW, WELCOME, E, World, opened


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def weeks(world: World, key: str = "welcome") -> dict[date, int]:
    (found,) = forecast(world.deps, world.now, key)
    return {one.monday: one.contacts for one in found.weeks}


def test_each_contact_is_counted_in_the_week_in_which_nothing_is_left(world: World) -> None:
    for name in ("ana", "bo"):
        world.enroll(name)
        world.work()
        world.clock.moment += DAY
    world.enroll("cy")
    (found,) = forecast(world.deps, world.now, "welcome")
    # Five days after the first email nobody has answered: the last one goes, and that was it.
    assert found.weeks == (Week(date(2026, 3, 2), 2), Week(date(2026, 3, 9), 1))
    assert (found.going, found.looked_at, found.dry, found.over, found.later) == (3, 3, 0, 0, 0)
    world.drive(NOW + 60 * DAY)
    (found,) = forecast(world.deps, world.now, "welcome")
    assert (found.dry, found.going, found.weeks) == (3, 0, ())


def test_the_forecast_comes_true(world: World) -> None:
    for number in range(6):
        world.enroll(f"p{number}")
        world.clock.moment += 3 * DAY
        world.work()
    told, moment = weeks(world), world.now
    world.drive(moment + 90 * DAY)
    since = world.column(sa.select(E.exhausted_at).where(E.state == "exhausted"))
    mondays = Counter(monday_of(one.date()) for one in since if one > moment)
    assert len(since) == 6
    assert mondays == {monday: count for monday, count in told.items() if count}


def test_some_runs_stand_for_all_where_there_are_many(world: World) -> None:
    world.add_many([f"p{n}" for n in range(40)])
    world.place()
    world.work()
    (found,) = forecast(world.deps, world.now, "welcome", sample=10)
    assert found.is_estimate
    assert (found.going, found.looked_at) == (40, 10)
    assert sum(week.contacts for week in found.weeks) == 40


def test_every_stage_has_its_forecast_and_a_pause_is_told(world: World) -> None:
    world.enroll("ana")
    pause(world.deps, "welcome", "a test", "test", world.now)
    found = {one.sequence: one for one in forecast(world.deps, world.now)}
    assert found.keys() == {"welcome", "deepen"}
    assert (found["welcome"].paused, found["deepen"].paused) == (True, False)
    assert (found["deepen"].going, found["deepen"].weeks) == (0, ())


def test_a_long_sequence_has_enough_until_later_and_an_exit_is_told(world: World) -> None:
    long = {**WELCOME, "steps": [{"key": "rest", "wait": "30w"}, *WELCOME["steps"]]}
    world.publish(long)
    world.enroll("ana")
    (found,) = forecast(world.deps, world.now, "welcome")
    assert (found.later, found.weeks) == (1, ())
    leaving = [{"key": "hello", "email": "hello"}, {"key": "bye", "exit": "enough"}]
    world.publish({**WELCOME, "steps": leaving})
    world.enroll("bo")
    (found,) = forecast(world.deps, world.now, "welcome")
    assert (found.over, found.later) == (1, 1)


def test_what_has_no_forecast_says_so(world: World) -> None:
    with pytest.raises(NotFound):
        forecast(world.deps, world.now, "nowhere")
    with pytest.raises(NotFound, match="started by an event"):
        forecast(world.deps, world.now, "cart")
