"""Anything that can happen, in any order: what must never be so never is.

`pytest tests/engine/test_machine.py --hypothesis-profile=long -o faulthandler_timeout=0` drives
thousands of examples, other ones each time.
"""

import itertools
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from nurture.config import Settings
from tests.engine.machine import Machine
from tests.engine.world import World, opened
from tests.fixtures.postgres import Cluster

# As many examples as take seconds; the profile "long" takes its own number of them.
FEW = {"sqlite": 8, "postgresql": 3}
numbers = itertools.count(1)


def drive(place: Callable[[ExitStack], World], few: int) -> None:
    class Here(Machine):
        pass

    Here.place = staticmethod(place)
    long = settings().max_examples > settings.get_profile("nurture").max_examples
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=settings().max_examples if long else few,
            stateful_step_count=60 if long else 25,
            deadline=None,
            derandomize=not long,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Machine.driven["steps"] > 10 * few
    assert Machine.driven["emails"] > few


def test_whatever_happens_the_rules_hold(migrated_sqlite: Path, settings_of_test: Settings) -> None:
    def place(stack: ExitStack) -> World:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "x.db").write_bytes(migrated_sqlite.read_bytes())
        home = replace(settings_of_test, home=folder / "home")
        return stack.enter_context(opened(home, f"sqlite:///{folder / 'x.db'}"))

    drive(place, FEW["sqlite"])


def test_whatever_happens_on_postgresql_the_rules_hold(
    postgres_cluster: Cluster, migrated_postgres: str, settings_of_test: Settings
) -> None:
    def place(stack: ExitStack) -> World:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        name = f"machine_{next(numbers)}"
        url = postgres_cluster.create(name, template=migrated_postgres)
        stack.callback(postgres_cluster.drop, name)
        return stack.enter_context(opened(replace(settings_of_test, home=folder), url))

    drive(place, FEW["postgresql"])


@pytest.fixture
def settings_of_test(request: pytest.FixtureRequest) -> Settings:
    """The settings under another name, for `settings` is Hypothesis' word here."""
    made: Settings = request.getfixturevalue("settings")
    return made
