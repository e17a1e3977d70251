"""What the demo's clock waits for: work that somebody will do, and no other."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from nurture.config import Settings
from nurture.engine.pausing import pause
from nurture.store.progress import backlog
from tests.engine.world import HOUR, NOW, World, opened


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def test_a_send_of_a_paused_sequence_waits_for_a_person_and_holds_no_clock(world: World) -> None:
    world.enroll("ana")
    world.clock.moment = NOW + timedelta(minutes=1)
    world.advance()
    later = NOW + HOUR
    with world.deps.database.read() as tx:
        assert backlog(tx, later, later).sends == 1
    pause(world.deps, "welcome", "too many complaints", "guard", world.now)
    with world.deps.database.read() as tx:
        assert backlog(tx, later, later).is_empty
