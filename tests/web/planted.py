"""The real pages, and an engine with a garden behind them: import what a test module needs."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Blueprint

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.web.app import PAGES
from nurture.wiring import build
from tests.fixtures.gardens import Sown
from tests.web.people import StandingClock


@pytest.fixture
def pages() -> Sequence[Blueprint]:
    """The real pages."""
    return PAGES


@pytest.fixture
def engine(
    settings: Settings, sown: Sown, clock: StandingClock, wall: StandingClock
) -> Iterator[Dependencies]:
    """The engine on a fresh copy of the garden, at the moment it was left."""
    home, left_at = sown
    shutil.copytree(home, settings.home, dirs_exist_ok=True)
    clock.moment = wall.moment = left_at
    built = replace(build(settings), clock=clock, wall=wall)
    yield built
    built.database.close()


@pytest.fixture
def bare(
    settings: Settings, migrated_sqlite: Path, clock: StandingClock, wall: StandingClock
) -> Iterator[Dependencies]:
    """The engine on a database with its tables and nothing in them."""
    home = settings.home.with_name("bare")
    home.mkdir(parents=True)
    shutil.copyfile(migrated_sqlite, home / "nurture.db")
    empty = replace(settings, home=home, database_url=f"sqlite:///{home / 'nurture.db'}")
    built = replace(build(empty), clock=clock, wall=wall)
    yield built
    built.database.close()
