"""Unsubscribing and the email in a browser, as mailbox providers, people and scanners come."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from nurture.config import Secrets, Settings
from nurture.demo.outside import Outside
from nurture.engine.dependencies import Dependencies
from nurture.store import tables
from nurture.tracking.tokens import Purpose
from nurture.web.app import WebDependencies, create_app
from tests.engine.hit_world import PRICE, FlakyDatabase, HitWorld
from tests.web.apps import Lend
from tests.web.people import CHEAP, AccountsInMemory, lan
from tests.web.serving import Served

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[HitWorld]:
    made = HitWorld(settings, database_url, tmp_path)
    made.after(timedelta(hours=1))
    yield made
    made.close()


def served(world: HitWorld, engine: Dependencies | None = None, make: Lend = create_app) -> Flask:
    return make(
        WebDependencies(
            settings=world.deps.settings,
            secrets=Secrets(bytes(range(32))),
            accounts=AccountsInMemory(lan()),
            engine=engine or world.deps,
            clock=world.clock,
            wall=world.clock,
            passwords=CHEAP,
        )
    )


@pytest.fixture
def recipient(world: HitWorld, lend: Lend) -> FlaskClient:
    return served(world, make=lend).test_client()


def unsubscribe_path(world: HitWorld) -> str:
    return f"/u/{world.token(Purpose.UNSUBSCRIBE)}"


def test_the_demos_readers_unsubscribe_by_the_page_and_see_that_it_is_done(
    world: HitWorld,
) -> None:
    with Served(served(world)) as server:
        reader = Outside(server.url, "key", b"secret")
        assert reader.unsubscribe_by_page(f"https://elsewhere.example{unsubscribe_path(world)}")
        assert not is_subscribed(world)
        assert not reader.unsubscribe_by_page(f"{server.url}/u/forged")


def is_subscribed(world: HitWorld) -> bool:
    standing = world.one(sa.select(tables.Contact.consents))["marketing"]
    assert standing is (world.suppressions() == [])
    return bool(standing)


def withdrawals(world: HitWorld) -> int:
    return len(world.column(sa.select(tables.Consent.id).where(~tables.Consent.granted)))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded; charset=utf-8"),
        (b"List-Unsubscribe=One-Click", "text/plain"),
        (b"List-Unsubscribe=One-Click", ""),
        (
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
            b"One-Click\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_one_click_unsubscribes_with_the_literal_body(
    world: HitWorld, recipient: FlaskClient, body: bytes, kind: str
) -> None:
    response = recipient.post(unsubscribe_path(world), data=body, headers={"Content-Type": kind})
    assert response.status_code == 200
    assert response.data == b""
    assert "Set-Cookie" not in response.headers
    assert "Location" not in response.headers
    assert not is_subscribed(world)
    assert world.run_state() == "exited"


def test_the_address_in_the_header_of_the_mail_is_the_one_that_works(
    world: HitWorld, recipient: FlaskClient
) -> None:
    message = world.carrier.taken[0].message.decode()
    (line,) = [one for one in message.split("\r\n") if one.startswith("List-Unsubscribe: ")]
    url = line.split("<")[1].split(">")[0]
    assert recipient.post(url, data=ONE_CLICK).status_code == 200
    assert not is_subscribed(world)


def test_unsubscribing_again_changes_nothing_more(world: HitWorld, recipient: FlaskClient) -> None:
    for _ in range(3):
        assert recipient.post(unsubscribe_path(world), data=ONE_CLICK).status_code == 200
    assert withdrawals(world) == 1
    assert world.events("unsubscribe") == [("unsubscribe", "human")]


def test_consent_is_logged_with_who_and_from_where(world: HitWorld, recipient: FlaskClient) -> None:
    recipient.post(
        unsubscribe_path(world), data=ONE_CLICK, environ_overrides={"REMOTE_ADDR": "192.0.2.5"}
    )
    c = tables.Consent
    (row,) = world.rows(sa.select(c.topic, c.granted, c.by, c.ip, c.at).where(~c.granted))
    assert list(row) == ["marketing", False, "recipient", "192.0.2.5", world.clock.now()]


@pytest.mark.parametrize("agent", ["Barracuda Sentinel (EE)", "python-requests/2", ""])
def test_no_bot_filter_stands_before_the_door(
    world: HitWorld, recipient: FlaskClient, agent: str
) -> None:
    recipient.post(unsubscribe_path(world), data=ONE_CLICK, headers={"User-Agent": agent})
    assert not is_subscribed(world)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_changes_nothing(world: HitWorld, recipient: FlaskClient, method: str) -> None:
    response = recipient.open(unsubscribe_path(world), method=method)
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert is_subscribed(world)


@pytest.mark.parametrize("body", [b"", b"x=y", b"\xff\xfe", b"List-Unsubscribe=No"])
def test_a_body_that_asks_for_nothing_shows_the_button(
    world: HitWorld, recipient: FlaskClient, body: bytes
) -> None:
    response = recipient.post(unsubscribe_path(world), data=body)
    assert response.status_code == 200
    assert "<form" in response.text
    assert is_subscribed(world)


def test_the_page_has_one_button_in_the_contacts_language(
    world: HitWorld, recipient: FlaskClient
) -> None:
    page = recipient.get(unsubscribe_path(world), headers={"Accept-Language": "en"})
    assert '<html lang="vi">' in page.text
    assert page.text.count("<button") == 1
    assert "Thư ngỏ" in page.text
    assert "p…@example.com" in page.text
    assert "p1@example.com" not in page.text
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_can_be_read_in_the_other_language(
    world: HitWorld, recipient: FlaskClient
) -> None:
    page = recipient.get(unsubscribe_path(world) + "?lang=en")
    assert '<html lang="en">' in page.text
    assert "Stop these emails?" in page.text
    assert "Letters" in page.text
    assert "Set-Cookie" not in page.headers


def test_the_button_unsubscribes_and_leads_back_to_the_email(
    world: HitWorld, recipient: FlaskClient
) -> None:
    done = recipient.post(unsubscribe_path(world) + "?lang=en", data={"confirm": "yes"})
    assert done.status_code == 200
    assert "You are unsubscribed" in done.text
    assert "Set-Cookie" not in done.headers
    assert not is_subscribed(world)
    view = f"/v/{world.token(Purpose.VIEW)}"
    assert f'href="{view}"' in done.text
    assert recipient.get(view).status_code == 200


def test_who_has_unsubscribed_is_told_so(world: HitWorld, recipient: FlaskClient) -> None:
    recipient.post(unsubscribe_path(world), data=ONE_CLICK)
    page = recipient.get(unsubscribe_path(world) + "?lang=en")
    assert "You are unsubscribed" in page.text
    assert page.text.count("<button") == 1, "and the only one leads back"
    assert "Subscribe again" in page.text


@pytest.mark.parametrize("door", ["u", "v"])
@pytest.mark.parametrize("flaw", ["forged", "truncated", "other purpose", "preview", "gone"])
def test_what_we_did_not_seal_opens_nothing(
    world: HitWorld, recipient: FlaskClient, door: str, flaw: str
) -> None:
    purpose = Purpose.UNSUBSCRIBE if door == "u" else Purpose.VIEW
    other = Purpose.VIEW if door == "u" else Purpose.UNSUBSCRIBE
    good = world.token(purpose)
    token = {
        "forged": "A" * 38,
        "truncated": good[:-1],
        "other purpose": world.token(other),
        "preview": world.token(purpose, 0),
        "gone": world.token(purpose, 4711),
    }[flaw]
    assert recipient.get(f"/{door}/{token}").status_code == 404
    if door == "u":
        for body in (ONE_CLICK, {"confirm": "yes"}):
            assert recipient.post(f"/u/{token}", data=body).status_code == 404
    assert is_subscribed(world)


def test_not_found_is_told_in_both_languages(recipient: FlaskClient) -> None:
    english = recipient.get("/u/x", headers={"Accept-Language": "en"}).text
    assert "This link does not work" in english
    vietnamese = recipient.get("/u/x", headers={"Accept-Language": "vi"}).text
    assert "Liên kết này không dùng được" in vietnamese


def test_a_huge_body_is_refused(world: HitWorld, recipient: FlaskClient) -> None:
    assert recipient.post(unsubscribe_path(world), data=b"x" * 100_000).status_code == 413
    assert is_subscribed(world)


def test_it_works_while_redis_is_away(world: HitWorld) -> None:
    def wake(batches: Sequence[int]) -> None:
        raise ConnectionError("Redis is away")

    app = served(world, replace(world.deps, wake=wake))
    assert app.test_client().post(unsubscribe_path(world), data=ONE_CLICK).status_code == 200
    assert not is_subscribed(world)


def test_while_the_database_is_away_providers_are_asked_to_come_again(world: HitWorld) -> None:
    away = FlakyDatabase(world.deps.settings.database_url)
    client = served(world, replace(world.deps, database=away)).test_client()
    response = client.post(unsubscribe_path(world), data=ONE_CLICK)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "120"
    page = client.post(unsubscribe_path(world), data={"confirm": "yes"})
    assert page.status_code == 503
    assert is_subscribed(world)
    away.close()


def test_the_email_is_shown_as_it_was_and_tells_nobody(
    world: HitWorld, recipient: FlaskClient
) -> None:
    response = recipient.get(f"/v/{world.token(Purpose.VIEW)}")
    assert response.status_code == 200
    assert "Chào Lan" in response.text
    assert PRICE.replace("&", "&amp;") in response.text
    assert "https://lan.example/t%C3%B4i" in response.text
    for trace in ("/c/", "/o/", "<img src"):
        assert trace not in response.text
    assert f"https://mail.example.com{unsubscribe_path(world)}" in response.text


def test_the_email_is_shut_in_a_sandbox(world: HitWorld, recipient: FlaskClient) -> None:
    headers = recipient.get(f"/v/{world.token(Purpose.VIEW)}").headers
    policy = headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert headers["X-Robots-Tag"] == "noindex"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in headers


def test_an_email_that_is_gone_is_not_found(world: HitWorld, recipient: FlaskClient) -> None:
    token = world.deps.tokens.seal(Purpose.VIEW, 4711, world.send)
    assert recipient.get(f"/v/{token}").status_code == 404


def test_the_day_in_an_email_stays_the_day_it_was_sent(
    world: HitWorld, recipient: FlaskClient
) -> None:
    path = f"/v/{world.token(Purpose.VIEW)}"
    first: datetime = world.clock.now()
    before = recipient.get(path).text
    assert world.after(timedelta(days=90)) > first
    assert recipient.get(path).text == before
