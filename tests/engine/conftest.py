"""What tests of use cases ask for."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nurture.config import Settings
from nurture.engine.publish import apply
from tests.engine.sequence_world import NOW, World, write_campaigns


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[World]:
    """A published funnel with two small sequences and their emails, on both databases."""
    campaigns, templates = write_campaigns(tmp_path)
    made = World(replace(settings, campaigns=campaigns, templates=templates), database_url)
    apply(made.deps, "test", NOW)
    yield made
    made.close()
