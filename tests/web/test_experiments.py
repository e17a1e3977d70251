"""The page of experiments: what each shows, and the button that stops one."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from nurture.campaigns.parse import parse_sequence
from nurture.engine.dependencies import Dependencies
from nurture.engine.experiments import report
from nurture.engine.publish import publish_sequence
from nurture.store import effects, tables
from nurture.web.app import WebDependencies, create_app
from tests.web.people import StandingClock
from tests.web.planted import bare, engine, pages
from tests.web.signing_in import log_in, post

__all__ = ["bare", "engine", "pages"]

OFFERS = {
    "key": "offers",
    "name": {"vi": "Ưu đãi", "en": "Offers"},
    "trigger": {"event": "visit"},
    "steps": [
        {
            "key": "which",
            "split": {
                "experiment": "offer",
                "arms": [{"key": "price"}, {"key": "help", "hold_out": True}],
                "measure": {"event": "purchase", "within": "7d", "minimum": 200},
            },
        },
        {"key": "later", "wait": "1d"},
        {"key": "told", "notify": {"to": "owner", "email": "owner-hot-lead"}},
    ],
}  # fmt: skip


@pytest.fixture
def running(engine: Dependencies, clock: StandingClock) -> Dependencies:
    """Everybody in the database was shown an arm ten days ago."""
    with engine.database.begin() as tx:
        publish_sequence(tx, parse_sequence(OFFERS), OFFERS, {}, "test", clock.now())
        ids = list(tx.execute(sa.select(tables.Contact.id)).scalars())
        at = clock.now() - timedelta(days=10)
        effects.add_exposures(
            tx,
            [
                {
                    "experiment": "offer", "contact_id": key, "arm": "price" if key % 2 else "help",
                    "enrollment_id": None, "at": at,
                }
                for key in ids
            ],
        )  # fmt: skip
    return engine


def text(client: FlaskClient, language: str = "en") -> str:
    response = client.get("/experiments/", headers={"Accept-Language": language})
    assert response.status_code == 200, response.text
    return response.text


def test_without_an_experiment_the_page_says_how_to_make_one(
    bare: Dependencies, given: WebDependencies
) -> None:
    client = create_app(replace(given, engine=bare, settings=bare.settings)).test_client()
    log_in(client)
    assert "No experiment yet" in text(client)
    assert "hold_out" in text(client)


def test_every_arm_is_shown_with_its_interval(
    running: Dependencies, signed_in: FlaskClient
) -> None:
    shown = text(signed_in)
    assert "Offers" in shown
    assert "price" in shown
    assert "Control group" in shown
    assert "A purchase within 7 days" in shown
    assert "Nothing is concluded before each arm has 200 contacts" in shown
    assert "Ưu đãi" in text(signed_in, "vi")


def test_a_person_stops_it(
    running: Dependencies, signed_in: FlaskClient, clock: StandingClock
) -> None:
    said = {"winner-1": "price", "why-1": "sold"}
    path = "/experiments/offer/stop"
    assert post(signed_in, path, said, form_on="/experiments/").status_code == 303
    found = report(running, "offer", clock.now())
    assert found.decided is not None
    assert (found.decided.winner, found.decided.reason) == ("price", "sold")
    assert "The experiment is stopped." in text(signed_in)
    assert post(signed_in, path, said, form_on="/experiments/").status_code == 303
    assert "over already" in text(signed_in)


def test_nobody_stops_it_without_the_pages_token(
    running: Dependencies, signed_in: FlaskClient, clock: StandingClock
) -> None:
    assert signed_in.post("/experiments/offer/stop", data={}).status_code == 400
    assert not report(running, "offer", clock.now()).is_over
