"""Logging in and out through the forms, and what a session withstands."""

import dataclasses
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from nurture.web.accounts import User
from nurture.web.app import WebDependencies, create_app
from nurture.web.passwords import Passwords
from nurture.web.sessions import ABSOLUTE_LIMIT, IDLE_LIMIT
from nurture.web.sign_in import FAILURES_PER_PAIR, WINDOW
from tests.web.gallery import gallery_pages
from tests.web.people import CHEAP, EMAIL, PASSWORD, AccountsInMemory, StandingClock, lan
from tests.web.signing_in import log_in, post


def inside(client: FlaskClient) -> bool:
    return client.get("/").status_code == 200


def test_the_right_password_leads_to_the_overview(client: FlaskClient) -> None:
    response = log_in(client)
    assert (response.status_code, response.location) == (303, "/")
    assert inside(client)


def test_the_address_may_be_written_in_any_case(client: FlaskClient) -> None:
    assert log_in(client, email=f"  {EMAIL.upper()} ").status_code == 303


def test_whoever_wanted_a_page_lands_there_after_logging_in(client: FlaskClient) -> None:
    wanted = client.get("/contacts/?q=lan")
    assert wanted.location == "/login?next=/contacts/?q%3Dlan"
    assert 'name="next" value="/contacts/?q=lan"' in client.get(wanted.location).text
    assert log_in(client, next="/contacts/?q=lan").location == "/contacts/?q=lan"


def test_nobody_is_led_to_another_host_after_logging_in(client: FlaskClient) -> None:
    assert log_in(client, next="//evil.example/").location == "/"


def test_who_is_logged_in_does_not_see_the_form_again(signed_in: FlaskClient) -> None:
    assert signed_in.get("/login?next=/contacts/").location == "/contacts/"


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "wrong"), ("nobody@nurture.test", PASSWORD), ("", "")]
)
def test_wrong_credentials_get_one_and_the_same_answer(
    client: FlaskClient, email: str, password: str
) -> None:
    response = log_in(client, email=email, password=password)
    assert response.status_code == 422
    assert "The email address or the password is not right." in response.text
    assert not inside(client)


def test_the_typed_address_is_kept_and_the_password_is_not(client: FlaskClient) -> None:
    text = log_in(client, email='"><b>', password="hush-hush").text
    assert 'value="&#34;&gt;&lt;b&gt;"' in text
    assert "hush-hush" not in text


def test_after_five_failures_even_the_right_password_must_wait(
    client: FlaskClient, accounts: AccountsInMemory, wall: StandingClock
) -> None:
    for _ in range(FAILURES_PER_PAIR):
        assert log_in(client, password="wrong").status_code == 422
    looked_up = accounts.lookups
    response = log_in(client)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == str(int(WINDOW.total_seconds()))
    assert "Try again in 15 minutes." in response.text
    assert accounts.lookups == looked_up
    wall.advance(WINDOW - timedelta(seconds=30))
    assert "Try again in 1 minute." in log_in(client).text
    wall.advance(timedelta(seconds=30))
    assert log_in(client).status_code == 303


def test_the_session_is_another_one_after_logging_in(client: FlaskClient) -> None:
    client.get("/login")
    with client.session_transaction() as session:
        before = session["csrf_token"]
        session["planted"] = "by somebody else"
    log_in(client)
    client.get("/")
    with client.session_transaction() as session:
        assert session["csrf_token"] != before
        assert "planted" not in session


def test_a_copied_cookie_is_worth_nothing_after_logging_out(
    app: Flask, signed_in: FlaskClient
) -> None:
    cookie = signed_in.get_cookie("nurture")
    assert cookie
    response = post(signed_in, "/logout", {}, form_on="/")
    assert response.location == "/login"
    assert "storage" in response.headers["Clear-Site-Data"]
    assert not inside(signed_in)
    thief = app.test_client()
    thief.set_cookie("nurture", cookie.value)
    assert not inside(thief)


def test_an_idle_session_expires_and_a_used_one_does_not(
    signed_in: FlaskClient, wall: StandingClock
) -> None:
    for _ in range(3):
        wall.advance(IDLE_LIMIT - timedelta(minutes=1))
        assert inside(signed_in)
    wall.advance(IDLE_LIMIT)
    assert not inside(signed_in)


def test_no_session_outlives_the_absolute_limit(
    signed_in: FlaskClient, wall: StandingClock
) -> None:
    for _ in range(ABSOLUTE_LIMIT // timedelta(hours=1) - 1):
        wall.advance(timedelta(hours=1))
        assert inside(signed_in)
    wall.advance(timedelta(hours=1))
    assert not inside(signed_in)


def test_the_campaigns_clock_does_not_end_a_session(
    signed_in: FlaskClient, clock: StandingClock
) -> None:
    clock.advance(timedelta(days=365))
    assert inside(signed_in)


def test_a_changed_password_ends_older_sessions(
    signed_in: FlaskClient, accounts: AccountsInMemory
) -> None:
    accounts.users[1] = User(1, EMAIL, "Lan", CHEAP.hash("another one"))
    assert not inside(signed_in)


def test_a_removed_user_is_out_at_once(signed_in: FlaskClient, accounts: AccountsInMemory) -> None:
    accounts.users.clear()
    assert not inside(signed_in)


def test_a_tampered_cookie_is_a_strangers(client: FlaskClient) -> None:
    client.set_cookie("nurture", "eyJ1c2VyIjoxfQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")
    assert not inside(client)


def test_a_partial_request_without_a_session_takes_the_whole_page_to_log_in(
    client: FlaskClient,
) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/contacts/?q=a"}
    response = client.get("/contacts/?part=rows", headers=headers)
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/login?next=/contacts/?q%3Da"


def test_a_program_without_a_session_gets_401(client: FlaskClient) -> None:
    assert client.get("/", headers={"Accept": "application/json"}).status_code == 401


def test_an_outdated_hash_is_renewed_and_the_session_holds(
    client: FlaskClient, accounts: AccountsInMemory
) -> None:
    old = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    accounts.users[1] = lan(old)
    log_in(client)
    assert not CHEAP.outdated(accounts.users[1].password_hash)
    assert inside(client)


def test_the_cookie_is_closed_to_scripts_and_other_sites(client: FlaskClient) -> None:
    cookie = client.get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_in_production_the_cookie_is_bound_to_https_and_the_host(given: WebDependencies) -> None:
    live = dataclasses.replace(given, settings=dataclasses.replace(given.settings, production=True))
    client = create_app(live, gallery_pages()).test_client()
    response = client.get("/login", base_url="https://localhost")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-nurture=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_page_for_nobody_in_particular_sets_no_cookie(client: FlaskClient) -> None:
    assert "Set-Cookie" not in client.get("/nothing").headers
