"""Headers, forgery tokens and closed doors."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from nurture.web.doors import PUBLIC, WITHOUT_FORGERY_TOKEN, local_path
from tests.web.signing_in import post


def policy_of(client: FlaskClient, path: str) -> str:
    return client.get(path).headers["Content-Security-Policy"]


def test_every_page_carries_the_strict_policy(client: FlaskClient) -> None:
    directives = dict(part.split(" ", 1) for part in policy_of(client, "/login").split("; "))
    assert directives.pop("style-src").startswith("'self' 'nonce-")
    assert directives == {
        "default-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self' data:",
        "frame-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }


def test_the_nonce_is_another_one_each_time(client: FlaskClient) -> None:
    assert policy_of(client, "/login") != policy_of(client, "/login")


@pytest.mark.parametrize("path", ["/login", "/nothing", "/static/nothing.js"])
def test_answers_of_every_kind_carry_the_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_pages_are_not_kept_by_the_browser(signed_in: FlaskClient) -> None:
    assert signed_in.get("/").headers["Cache-Control"] == "no-store"


def test_a_mail_is_shown_in_a_sandbox_that_only_we_may_frame(signed_in: FlaskClient) -> None:
    headers = signed_in.get("/mail").headers
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "allow-scripts" not in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "SAMEORIGIN"


def test_no_page_has_an_inline_style_or_script(signed_in: FlaskClient) -> None:
    for path in ("/login", "/", "/sequences/", "/nothing"):
        text = signed_in.get(path).text
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)


def test_every_route_but_the_listed_ones_asks_for_a_log_in(app: Flask) -> None:
    closed = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in PUBLIC]
    assert closed
    for rule in closed:
        path = rule.rule.replace("<name>", "crash")
        for method in (rule.methods or set()) - {"OPTIONS"}:
            client = app.test_client()
            if method in {"GET", "HEAD"}:
                response = client.open(path, method=method)
            else:
                response = post(client, path, {})
            assert response.status_code == 302, rule
            assert response.location.startswith("/login"), rule


def test_every_listed_public_page_exists(app: Flask) -> None:
    assert set(app.view_functions) >= PUBLIC | WITHOUT_FORGERY_TOKEN


def test_a_form_without_its_token_changes_nothing(signed_in: FlaskClient) -> None:
    response = signed_in.post("/saved", data={"order": "a"})
    assert response.status_code == 400
    assert "open for too long" in response.text


def test_a_form_with_the_token_of_another_session_is_refused(
    app: Flask, signed_in: FlaskClient
) -> None:
    stranger = app.test_client()
    stranger.get("/login")
    with stranger.session_transaction() as session:
        token = str(session["csrf_token"])
    assert signed_in.post("/saved", data={"csrf_token": token}).status_code == 400


def test_the_token_may_come_in_a_header_as_htmx_sends_it(signed_in: FlaskClient) -> None:
    page = signed_in.get("/").text
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found
    response = signed_in.post("/saved", data={"order": "a"}, headers={"X-CSRFToken": found[1]})
    assert response.text == "a"


def test_logging_in_needs_the_token_too(client: FlaskClient) -> None:
    assert client.post("/login", data={"email": "a", "password": "b"}).status_code == 400


@pytest.mark.parametrize("address", ["/", "/contacts/?q=a%20b", "/sequences/7#step"])
def test_a_path_on_this_host_may_be_returned_to(address: str) -> None:
    assert local_path(address) == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "contacts",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        " /contacts",
        "/a\r\nSet-Cookie: b",
    ],
)
def test_no_other_address_is_returned_to(address: str | None) -> None:
    assert local_path(address) is None
