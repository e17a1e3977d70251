"""What the demo's team does of its own accord, on a small Nurture."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.config import Settings
from nurture.demo.team import LOOKED_INTO, Team
from nurture.engine.guarding import GUARD
from nurture.engine.pausing import pause
from nurture.store import sequence_reports
from tests.engine.world import DAY, HOUR, NOW, World, opened


@pytest.fixture
def world(settings: Settings, sqlite_url: str) -> Iterator[World]:
    with opened(settings, sqlite_url) as made:
        yield made


def paused(world: World) -> set[str]:
    with world.deps.database.read() as tx:
        return {one.key for one in sequence_reports.sequences(tx) if one.paused_at is not None}


def test_the_team_lets_go_on_what_a_guard_paused_and_not_at_once(
    world: World, tmp_path: Path
) -> None:
    world.enroll("ana")
    pause(world.deps, "welcome", "too many complaints", GUARD, NOW)
    team = Team(world.deps, NOW, tmp_path / "team.json")
    assert list(team.step(NOW + LOOKED_INTO - HOUR)) == []
    assert paused(world) == {"welcome"}
    (told,) = team.step(NOW + LOOKED_INTO)
    assert "too many complaints" in told
    assert told.endswith("1 run goes on")
    assert paused(world) == set()
    assert (team.done, team.failures) == (1, [])
    # After a restart of the demo it is still on record, and done once.
    again = Team(world.deps, NOW, tmp_path / "team.json")
    assert (again.done, list(again.step(NOW + DAY))) == (1, [])


def test_what_the_team_paused_itself_waits_for_its_own_day(world: World, tmp_path: Path) -> None:
    notes = tmp_path / "team.json"
    notes.write_text('["pause welcome"]')
    pause(world.deps, "welcome", "the shop moves house", "team", NOW)
    assert list(Team(world.deps, NOW, notes).step(NOW + 2 * DAY)) == []
    assert paused(world) == {"welcome"}
