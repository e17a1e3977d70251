"""What tests of the processes ask for."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nurture.config import Settings
from tests.jobs.world import World


@pytest.fixture
def world(settings: Settings, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[World]:
    """A published campaign on both databases, with a real, empty queue."""
    made = World(replace(settings, redis_url=redis_url), database_url, tmp_path)
    yield made
    made.close()
