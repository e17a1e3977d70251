"""What a stranger, or a careless hand, may type into an address, and what must not come of it."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from nurture.providers.base import WebhookRequest
from nurture.providers.inbox_mail import FILE, Arrival, Inbox
from nurture.web.app import WebDependencies
from nurture.web.doors import WITHOUT_FORGERY_TOKEN
from nurture.web.sign_in import Credentials
from tests.web.planted import engine, pages

__all__ = ["engine", "pages"]

NUMBERS = ("99000000000000000000", "9" * 30, "-" + "9" * 30, "9" * 5000, "9223372036854775807", "0")


@pytest.mark.parametrize(
    "path",
    [
        "/contacts/?before={}", "/contacts/?after={}", "/contacts/{}",
        "/contacts/{}/timeline?before=1.1.1", "/contacts/1/timeline?before=1.1.{}",
        "/contacts/1/timeline?before={}.1.1", "/inbox/?before={}", "/inbox/{}", "/inbox/{}/html",
        "/health/?after={}", "/sequences/welcome/steps/{}",
    ],
)  # fmt: skip
def test_a_number_that_no_database_knows_is_no_fault_of_ours(
    signed_in: FlaskClient, path: str
) -> None:
    statuses = {number[:24]: signed_in.get(path.format(number)).status_code for number in NUMBERS}
    assert set(statuses.values()) <= {200, 404}, statuses


@pytest.mark.parametrize(
    "path",
    [
        "/contacts/?q=%00", "/segments/%00", "/segments/?q=a&q=%00", "/sequences/wel%00come",
        "/deliveries/?status=%00", "/login?next=%00",
    ],
)  # fmt: skip
def test_an_address_with_a_nul_leads_nowhere(signed_in: FlaskClient, path: str) -> None:
    assert signed_in.get(path).status_code == 404


def test_no_change_is_made_without_a_forgery_token(app: Flask, signed_in: FlaskClient) -> None:
    asked = 0
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.endpoint in WITHOUT_FORGERY_TOKEN:
            continue
        values: dict[str, object] = {
            name: 1 if name.endswith("_id") or name in ("number", "step") else "welcome"
            for name in rule.arguments
        }
        if "what" in values:
            values["what"] = "complaint"
        with app.test_request_context():
            path = app.url_map.bind("localhost").build(rule.endpoint, values, method="POST")
        answer = signed_in.post(path, data={"arrived": "yes", "email": "a@b.example"})
        assert answer.status_code == 400, (path, answer.status_code)
        asked += 1
    assert asked > 10


def test_a_mail_that_cannot_be_taken_apart_is_shown_as_far_as_it_can(
    signed_in: FlaskClient, given: WebDependencies
) -> None:
    raw = (
        b'From: "\r\nMessage-ID: <[>@\r\nTo: \xff\xfe <\r\nSubject: =?x-none?q?=00?=\r\n'
        b'Content-Type: text/html; charset="no-such"\r\n\r\n<script>alert(1)</script>'
    )
    with Inbox(given.settings.home / FILE) as inbox:
        inbox.keep([Arrival(given.wall.now(), "a@b.example", ("c@d.example",), raw)])
        (mail,) = inbox.newest(limit=1)
    for place in ("", f"{mail.id}", f"{mail.id}/html", f"{mail.id}/source"):
        answer = signed_in.get(f"/inbox/{place}")
        assert answer.status_code == 200, place
    shown = signed_in.get(f"/inbox/{mail.id}")
    assert "<script>alert(1)" not in shown.text


def test_what_is_written_to_a_log_tells_no_password() -> None:
    assert "hush" not in repr(Credentials("a@b.example", "hush", "192.0.2.1"))
    assert "hush" not in repr(WebhookRequest("POST", {"Authorization": "Basic hush"}, b"hush"))
