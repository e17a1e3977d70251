"""The pages of segments: the list, one segment with its members, and a contact's own."""

import pytest
from flask.testing import FlaskClient

from nurture.campaigns.parse import parse_segments
from nurture.engine.dependencies import Dependencies
from nurture.engine.segment_building import build, publish_segments
from tests.web.people import StandingClock
from tests.web.planted import bare, engine, pages

__all__ = ["bare", "engine", "pages"]


def text(client: FlaskClient, path: str, language: str = "en") -> str:
    response = client.get(path, headers={"Accept-Language": language})
    assert response.status_code == 200, response.text
    return response.text


@pytest.fixture
def published(engine: Dependencies, clock: StandingClock) -> Dependencies:
    everybody = {"any": [{"language": ["vi", "en"]}]}
    documents = [
        {"key": "all", "name": {"vi": "Mọi người", "en": "Everybody"}, "when": everybody},
        {
            "key": "nobody", "name": {"vi": "Không ai", "en": "Nobody"},
            "description": {"vi": "Trống", "en": "Empty on purpose"},
            "when": {
                "all": [
                    {"not": {"segment": "all"}}, {"did": "visit", "at_most": 2, "within": "30d"},
                    {"field": "city", "in_next": "7d"},
                ]
            },
        },
    ]  # fmt: skip
    with engine.database.begin() as tx:
        publish_segments(tx, parse_segments({"segments": documents}), "test", clock.now())
    build(engine, clock.now())
    return engine


def test_without_a_segment_the_page_teaches_how_to_write_one(signed_in: FlaskClient) -> None:
    shown = text(signed_in, "/segments/")
    assert "No segments yet" in shown
    assert "did: visit" in shown
    assert "nurture apply" in shown


def test_the_list_counts_members_and_says_the_condition(
    published: Dependencies, signed_in: FlaskClient
) -> None:
    shown = text(signed_in, "/segments/")
    assert "Everybody" in shown
    assert "Empty on purpose" in shown
    assert "Visited the site at most 2 times in the last 30 days" in shown
    assert "comes in the next 7 days" in shown
    # The other segment is called by its name, and not by its key.
    assert "Is in the segment is not Everybody" in shown
    assert "Mọi người" in text(signed_in, "/segments/", "vi")


def test_a_segment_that_is_being_built_says_how_far_it_is(
    published: Dependencies, signed_in: FlaskClient, clock: StandingClock
) -> None:
    assert "eing built" not in text(signed_in, "/segments/")
    everybody = {"key": "all", "name": {"vi": "a", "en": "a"}, "when": {"language": ["en"]}}
    with published.database.begin() as tx:
        publish_segments(tx, parse_segments({"segments": [everybody]}), "test", clock.now())
    assert "Being built: 0%" in text(signed_in, "/segments/")
    build(published, clock.now(), size=11, most=1)
    assert "Being built: 2" in text(signed_in, "/segments/")
    assert "of all contacts were looked at" in text(signed_in, "/segments/all")
    assert "tổng số liên hệ" in text(signed_in, "/segments/all", "vi")


def test_members_are_searched_and_paged(published: Dependencies, signed_in: FlaskClient) -> None:
    shown = text(signed_in, "/segments/all")
    assert shown.count('href="/contacts/') >= 44
    one = text(signed_in, "/segments/all?before=3")
    assert 'href="/contacts/2"' in one
    assert 'href="/contacts/3"' not in one
    assert 'rel="prev"' in one
    assert "Nobody is like that" in text(signed_in, "/segments/all?q=xyzzy")
    assert "Nobody is in this segment" in text(signed_in, "/segments/nobody")
    assert signed_in.get("/segments/alll").status_code == 404


def test_a_contact_shows_the_segments_they_are_in(
    published: Dependencies, signed_in: FlaskClient
) -> None:
    assert 'href="/segments/all"' in text(signed_in, "/contacts/31")
