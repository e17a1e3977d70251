"""Who plays the scenarios. What a player cannot play is tagged, and not collected for them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nurture.config import Settings
from tests.scenarios.player import Player
from tests.scenarios.pure import Pure
from tests.scenarios.real import PostOffice, Real, post_office

EVERYWHERE = ("pure", "sqlite", "postgresql")
STORED = ("sqlite", "postgresql")
# A scenario that needs more than rules is tagged so; its feature says what it needs.
ONLY_STORED = "stored"


def pytest_bdd_apply_tag(tag: str, function: Callable[..., object]) -> bool:
    """Remember the tag of a scenario, which no selection of tests has to know."""
    assert tag == ONLY_STORED, f"the tag {tag} means nothing here"
    vars(function)[ONLY_STORED] = True
    return True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have each scenario played by everybody who can."""
    if "player" in metafunc.fixturenames:
        players = STORED if ONLY_STORED in vars(metafunc.function) else EVERYWHERE
        metafunc.parametrize("player", players, indirect=True)


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostOffice]:
    """The session's inbox: mail of a scenario is told from that before it by its number."""
    with post_office(tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture
def player(request: pytest.FixtureRequest) -> Iterator[Player]:
    """One of those who play. Whatever the scenario was, its books must balance at the end."""
    made = _real(request) if request.param in STORED else Pure()
    try:
        yield made
        made.hold_to_account()
    finally:
        made.close()


def _real(request: pytest.FixtureRequest) -> Real:
    settings: Settings = request.getfixturevalue("settings")
    redis_url: str = request.getfixturevalue("redis_url")
    url: str = request.getfixturevalue(f"{request.param}_url")
    office: PostOffice = request.getfixturevalue("office")
    home: Path = request.getfixturevalue("tmp_path")
    return Real(replace(settings, redis_url=redis_url, home=home / "home"), url, office)
