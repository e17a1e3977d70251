"""Who runs out of content when, and what decisions do beside their run, as people read it."""

import html
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from nurture.domain import enrollment as e
from nurture.engine import trail
from nurture.engine.dependencies import Dependencies
from nurture.engine.forecast import forecast
from nurture.web.admin.ways_in import ways_in
from nurture.web.decided import decision_lines
from nurture.web.i18n import use_language
from nurture.web.names import Names
from tests.web.browsing import barriers, overflow
from tests.web.planted import engine, pages

__all__ = ["engine", "pages"]

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
GIVEN: dict[str, Any] = {
    "step": "one", "pass_no": 1, "template": "lead-margin", "topic": "marketing", "at": AT,
    "deadline": AT, "since": AT, "reason": "window", "release": AT, "to": "two", "path": "yes",
    "why": "no key", "stage": "mql", "sequence": "cart-reminder", "experiment": "offer",
    "arm": "a", "fact": "tag", "name": "vip", "kind": "webhook", "version": 2, "passes": {},
    "seconds": 60, "what": "x", "state": e.Completed("end"),
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_sequence_tells_who_runs_out_of_content_when(
    signed_in: FlaskClient, engine: Dependencies, language: str
) -> None:
    signed_in.set_cookie("language", language)
    shown = signed_in.get("/sequences/mql-nurture/forecast")
    assert shown.status_code == 200
    text = html.unescape(shown.text)
    (told,) = forecast(engine, engine.clock.now(), "mql-nurture")
    assert told.going > 0
    assert text.count('<span class="n-week">') == len(told.weeks) > 0
    detail = html.unescape(signed_in.get("/sequences/mql-nurture").text)
    assert 'href="/sequences/mql-nurture/forecast"' in detail


def test_a_triggered_sequence_has_no_forecast(signed_in: FlaskClient) -> None:
    shown = signed_in.get("/sequences/cart-reminder")
    assert "/forecast" not in shown.text
    assert signed_in.get("/sequences/cart-reminder/forecast").status_code == 404


@pytest.mark.parametrize("kind", get_args(e.Decision), ids=lambda kind: kind.__name__)
def test_every_kind_of_decision_has_its_words(app: Flask, kind: Any) -> None:
    decision = kind(**{name: GIVEN[name] for name in kind.__match_args__ if name in GIVEN})
    with app.test_request_context("/"):
        told = {}
        for language in ("en", "vi"):
            use_language(language)
            lines = decision_lines("Entered", [trail.dump(decision)], "Series", Names())
            told[language] = lines[3][0]
    assert told["en"] != told["vi"]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"stage": "lead"}, ()),
        ({"trigger": {"event": "x"}}, (("Comes again", "never"),)),
        ({"trigger": {"event": "x"}, "reentry": {"after": "30d"}, "returning": "resume"},
         (("Comes again", "at the earliest 30 days later"),
          ("Comes back", "goes on where it stopped"))),
        ({"trigger": {"event": "x", "key": "cart_id", "while_active": "restart"},
          "reentry": "keyed", "returning": "restart"},
         (("Comes again", "once for each cart_id"), ("Under way", "the event begins it anew"),
          ("Comes back", "gets everything of this sequence again"))),
        ({"trigger": {"event": "x", "while_active": "queue"}, "reentry": "one_at_a_time"},
         (("Comes again", "every time, one run after the other"),
          ("Under way", "the event waits until the run ends"))),
    ],
)  # fmt: skip
def test_the_ways_in_are_told_in_words(
    app: Flask, document: dict[str, Any], told: tuple[tuple[str, str], ...]
) -> None:
    with app.test_request_context("/"):
        use_language("en")
        assert ways_in(document) == told


@pytest.mark.browser
def test_the_forecast_comes_into_the_page_and_has_no_barriers(
    signed_in_page: Page, signed_in_phone: Page
) -> None:
    for page in (signed_in_page, signed_in_phone):
        page.goto("/sequences/mql-nurture")
        expect(page.locator(".n-week").first).to_be_visible()
        for path in ("/sequences/mql-nurture", "/sequences/mql-nurture/forecast"):
            page.goto(path, wait_until="networkidle")
            assert barriers(page) == []
            assert overflow(page) == 0
