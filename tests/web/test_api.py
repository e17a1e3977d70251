"""Events from sites: taken once, refused whole, and never a way in."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.engine.importing import import_contacts
from nurture.engine.importing_csv import Table
from nurture.engine.importing_plan import ImportOptions
from nurture.engine.intake import MOST_EVENTS, api_key
from nurture.engine.publish import apply
from nurture.store import people
from nurture.wiring import build
from tests.fixtures.gardens import settings_at
from tests.web.people import StandingClock

ANA = "ana@example.com"


@pytest.fixture(scope="module")
def published(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with what ships published in it: to be copied, never to be opened."""
    home = tmp_path_factory.mktemp("published")
    copied = Path(shutil.copyfile(migrated_sqlite, home / "nurture.db"))
    deps = build(settings_at(home))
    apply(deps, "test", StandingClock().now())
    deps.database.close()
    return copied


@pytest.fixture
def settings(settings: Settings, published: Path, tmp_path: Path) -> Settings:
    copied = shutil.copyfile(published, tmp_path / "nurture.db")
    return replace(settings, database_url=f"sqlite:///{copied}")


@pytest.fixture
def shop(engine: Dependencies, clock: StandingClock, tmp_path: Path) -> dict[str, str]:
    """The headers of a site that knows the key, with Ana as a contact."""
    file = tmp_path / "ana.csv"
    file.write_text(f"email,source,language\n{ANA},form,en\n")
    with file.open("rb") as stream:
        import_contacts(engine, Table.open(stream, "ana.csv"), ImportOptions(), clock.now())
    return {"Authorization": f"Bearer {api_key(engine)}"}


def told(engine: Dependencies) -> list[str]:
    """The events that are on record for Ana."""
    with engine.database.read() as tx:
        ids = people.ids_by_address(tx, [ANA])
        return [one.name for one in people.history(tx, ids.values()).get(ids[ANA], [])]


def event(**changes: object) -> dict[str, object]:
    return {"email": ANA, "event": "visit", "id": "one", "properties": {"url": "/x"}, **changes}


def test_an_event_is_taken_once_however_often_it_is_told(
    client: FlaskClient, shop: dict[str, str], engine: Dependencies
) -> None:
    first = client.post("/api/events", json=event(), headers=shop)
    assert (first.status_code, first.json) == (200, {"new": 1, "known": 0, "strangers": 0})
    again = client.post("/api/events", json=[event()], headers=shop)
    assert again.json == {"new": 0, "known": 1, "strangers": 0}
    assert told(engine) == ["visit"]


def test_a_stranger_is_counted_and_never_made_a_contact(
    client: FlaskClient, shop: dict[str, str], engine: Dependencies
) -> None:
    answer = client.post("/api/events", json=event(email="nobody@example.com"), headers=shop)
    assert answer.json == {"new": 0, "known": 0, "strangers": 1}
    with engine.database.read() as tx:
        assert people.ids_by_address(tx, ["nobody@example.com"]) == {}


@pytest.mark.parametrize("key", ["", "Bearer ", "Bearer wrong", "Basic abc"])
def test_without_the_key_nothing_is_taken(
    client: FlaskClient, shop: dict[str, str], engine: Dependencies, key: str
) -> None:
    answer = client.post("/api/events", json=event(), headers={"Authorization": key})
    assert answer.status_code == 401
    assert told(engine) == []


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"event": "click"}, "email itself"),
        ({"event": ""}, "event is missing"),
        ({"email": "no address"}, "email"),
        ({"id": None}, "id is missing"),
        ({"at": "yesterday"}, "no instant"),
        ({"at": "soon"}, "instant"),
        ({"properties": ["a"]}, "properties"),
    ],
)
def test_one_fault_refuses_the_whole_call_and_says_where(
    client: FlaskClient,
    shop: dict[str, str],
    engine: Dependencies,
    wrong: dict[str, object],
    word: str,
) -> None:
    answer = client.post("/api/events", json=[event(), event(**wrong)], headers=shop)
    assert answer.status_code == 400
    assert answer.json is not None
    assert any(word in problem and "[1]" in problem for problem in answer.json["problems"])
    assert told(engine) == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 2000])
def test_what_is_no_json_is_refused(client: FlaskClient, shop: dict[str, str], body: bytes) -> None:
    headers = {**shop, "Content-Type": "application/json"}
    assert client.post("/api/events", data=body, headers=headers).status_code == 400


def test_too_many_events_are_refused(client: FlaskClient, shop: dict[str, str]) -> None:
    many = [event(id=str(number)) for number in range(MOST_EVENTS + 1)]
    assert client.post("/api/events", json=many, headers=shop).status_code == 400


def test_an_event_of_the_past_lands_where_it_happened(
    client: FlaskClient, shop: dict[str, str], engine: Dependencies, clock: StandingClock
) -> None:
    at = clock.now() - timedelta(days=3)
    client.post("/api/events", json=event(at=at.isoformat()), headers=shop)
    with engine.database.read() as tx:
        ids = people.ids_by_address(tx, [ANA])
        assert people.history(tx, ids.values())[ids[ANA]][0].occurred_at == at
