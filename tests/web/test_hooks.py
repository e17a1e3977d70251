"""Webhook calls: proven or refused, stored or asked for again."""

import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from nurture.config import Settings
from nurture.engine.webhooks import settle_webhooks
from nurture.providers.base import EventKind, ProviderEvent
from nurture.providers.postmark import PostmarkProvider
from nurture.store import tables
from nurture.web.hooks import LARGEST_CALL
from tests.engine.hit_world import START, FlakyDatabase, HitWorld
from tests.web.apps import Lend
from tests.web.test_public import served

W = tables.WebhookEvent
RIGHT = {"X-Secret": "right"}


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[HitWorld]:
    made = HitWorld(settings, database_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def caller(world: HitWorld, lend: Lend) -> FlaskClient:
    world.carrier.events = (
        ProviderEvent("carrier", "k1", EventKind.DELIVERED, START, send_id=world.send),
        ProviderEvent("carrier", "k2", EventKind.UNKNOWN, None, raw_kind="Levitated"),
    )
    return served(world, make=lend).test_client()


def stored(world: HitWorld) -> list[tuple[str, str]]:
    return [(row.kind, row.outcome) for row in world.rows(sa.select(W.__table__).order_by(W.id))]


def test_a_proven_call_is_stored_and_nothing_is_done_yet(
    world: HitWorld, caller: FlaskClient
) -> None:
    response = caller.post("/hooks/carrier", data=b"{}", headers=RIGHT)
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert stored(world) == [("delivered", ""), ("unknown", "unknown")]
    assert world.sent("delivered_at") is None


def test_a_repeated_call_is_taken_and_stored_once(world: HitWorld, caller: FlaskClient) -> None:
    for _ in range(3):
        assert caller.post("/hooks/carrier", data=b"{}", headers=RIGHT).status_code == 200
    assert len(stored(world)) == 2


def test_a_call_that_proves_nothing_is_refused_and_nothing_is_stored(
    world: HitWorld, caller: FlaskClient
) -> None:
    for headers in ({}, {"X-Secret": "wrong"}):
        response = caller.post("/hooks/carrier", data=b"{}", headers=headers)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic")
    assert stored(world) == []


def test_what_cannot_be_read_is_refused_with_a_line_in_the_log(
    world: HitWorld, caller: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        response = caller.post("/hooks/carrier", data=b"garbage", headers=RIGHT)
    assert response.status_code == 400
    assert "cannot be read" in caplog.text
    assert stored(world) == []


def test_a_probe_finds_the_address_before_there_is_a_key(
    world: HitWorld, caller: FlaskClient
) -> None:
    assert caller.head("/hooks/carrier").status_code == 200
    assert caller.head("/hooks/nobody").status_code == 404
    assert caller.get("/hooks/carrier").status_code == 405


def test_an_unknown_provider_is_not_found(caller: FlaskClient) -> None:
    assert caller.post("/hooks/nobody", data=b"{}", headers=RIGHT).status_code == 404


def test_a_call_too_large_is_refused_before_it_is_read(
    world: HitWorld, caller: FlaskClient
) -> None:
    response = caller.post("/hooks/carrier", data=b"x" * (LARGEST_CALL + 1), headers=RIGHT)
    assert response.status_code == 413
    assert stored(world) == []


def test_our_own_failure_asks_for_the_call_again(
    world: HitWorld, caller: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    away = FlakyDatabase(world.deps.settings.database_url)
    client = served(world, replace(world.deps, database=away)).test_client()
    with caplog.at_level(logging.ERROR):
        response = client.post("/hooks/carrier", data=b"{}", headers=RIGHT)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "60"
    assert "could not be stored" in caplog.text
    away.close()


def test_postmark_reports_a_dead_address_from_call_to_suppression(world: HitWorld) -> None:
    postmark = PostmarkProvider(
        "token", stream="broadcast", webhook_user="hook", webhook_password="secret"
    )
    engine = replace(world.deps, webhooks={"postmark": postmark})
    client = served(world, engine).test_client()
    record = {
        "RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "MessageID": "abc",
        "Email": "p1@example.com", "BouncedAt": START.isoformat(), "Details": "550 5.1.1 unknown",
        "Metadata": {"nurture-send": str(world.send)},
    }  # fmt: skip
    body = json.dumps(record)
    assert client.post("/hooks/postmark", data=body).status_code == 401
    basic = {"Authorization": "Basic " + base64.b64encode(b"hook:secret").decode()}
    assert client.post("/hooks/postmark", data=body, headers=basic).status_code == 200
    assert settle_webhooks(engine, world.after(timedelta(minutes=1))) == 1
    assert world.suppressions() == [("global", "hard bounce", "postmark")]
    postmark.close()
