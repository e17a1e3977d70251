"""Erasing on the contact's page and by the API, and what old emails do afterwards."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import Client

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.engine.erasing import erase
from nurture.engine.hits import record_hits, settle_hits
from nurture.engine.intake import api_key
from nurture.engine.webhooks import accept, settle_webhooks
from nurture.providers.base import BounceClass, EventKind, ProviderEvent
from nurture.store import tables
from nurture.tracking.tokens import Purpose
from nurture.web.track import tracked
from tests.engine.hit_world import PRICE, HitWorld
from tests.web.asking import asking
from tests.web.people import EMAIL
from tests.web.planted import engine, pages
from tests.web.signing_in import post
from tests.web.test_public import ONE_CLICK, served, unsubscribe_path
from tests.web.test_track import Kept, flask

__all__ = ["engine", "pages"]

C, W = tables.Contact, tables.WebhookEvent
ADDRESS = "p1@example.com"


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[HitWorld]:
    made = HitWorld(settings, database_url, tmp_path)
    made.after(timedelta(hours=1))
    # A token is made of the email that was sent, and outlives whom it was sent to.
    erase(made.deps, ADDRESS, by="lan", why="", now=made.clock.now())
    yield made
    made.close()


def someone(engine: Dependencies) -> tuple[int, str]:
    with engine.database.read() as tx:
        row = tx.execute(sa.select(C.id, C.email).order_by(C.id).limit(1)).one()
    return int(row.id), str(row.email)


def test_a_contact_is_erased_by_who_types_their_address(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    key, email = someone(engine)
    path = f"/contacts/{key}"
    assert "Erase this person" in signed_in.get(path).text

    def told(address: str, why: str = "") -> str:
        form = {"address": address, "why": why}
        response = post(signed_in, f"{path}/erase", form, form_on="/")
        if response.status_code == 422:
            assert why.partition("\0")[0] in response.text, "what was typed is not lost"
            return response.text
        assert response.status_code == 303
        return signed_in.get(path).text

    assert "type the address" in told("somebody@example.com")
    assert "type the address" in told("")
    assert "must not name the address" in told(email, f"asked by {email}")
    assert "at most 500 characters" in told(email, "x" * 501)
    assert "at most 500 characters" in told(email, "request\0 7")
    with engine.database.begin() as tx:
        own = sa.update(C).where(C.id == key)
        tx.execute(own.values(email=EMAIL, address=EMAIL))
    assert "Ask a colleague" in told(EMAIL)
    with engine.database.begin() as tx:
        tx.execute(own.values(email=email, address=email.lower()))
    assert email in signed_in.get(path).text
    after = told(f" {email.upper()} ", "request 7")
    assert "Erased." in after
    assert "This person was erased on" in after
    assert email not in after
    assert "This person was erased on" in told(email)
    for page in ("/", "/contacts/", "/health/", "/sequences/", "/deliveries/"):
        assert email not in signed_in.get(page).text
    assert signed_in.get(f"{path}/timeline").status_code == 404
    assert post(signed_in, "/contacts/99999/erase", {"address": ""}, form_on="/").status_code == 404


def test_nobody_is_erased_without_a_log_in(client: FlaskClient, engine: Dependencies) -> None:
    key, email = someone(engine)
    response = post(client, f"/contacts/{key}/erase", {"address": email})
    assert response.location.startswith("/login")
    assert someone(engine) == (key, email)


def test_a_system_erases_by_the_api(client: FlaskClient, engine: Dependencies) -> None:
    _, email = someone(engine)
    headers = {"Authorization": f"Bearer {api_key(engine)}"}

    def ask(status: int = 200, **body: object) -> dict[str, object]:
        response = client.post("/api/erase", json=body, headers=headers)
        assert response.status_code == status, response.text
        return dict(response.json or {})

    assert client.post("/api/erase", json={"email": email, "by": "crm"}).status_code == 401
    assert "by is missing" in str(ask(400, email=email)["error"])
    assert "names the address" in str(ask(400, email=email, by="crm", why=email)["error"])
    done = ask(email=email, by="crm", why="request 7")
    assert done["outcome"] == "erased"
    assert done["at"]
    again = ask(email=email, by="crm")
    assert (again["outcome"], again["at"], again["rows"]) == ("already erased", done["at"], {})
    assert ask(email="nobody@example.com", by="crm")["outcome"] == "never known"
    barred = ask(email="nobody@example.com", by="crm", bar=True)
    assert barred["outcome"] == "never known, and barred"


def test_a_link_of_an_old_email_leads_where_it_did_and_records_nobody(world: HitWorld) -> None:
    log = Kept()
    door = Client(asking(tracked(flask, world.deps, log)))
    response = door.get(f"/c/{world.token(Purpose.CLICK)}/1")
    assert (response.status_code, response.headers["Location"]) == (302, PRICE)
    assert door.get(f"/o/{world.token(Purpose.OPEN)}.gif").status_code == 200
    assert len(log.hits) == 2
    assert record_hits(world.deps, log.hits, world.clock.now()) == 0
    world.after(timedelta(hours=1))
    assert settle_hits(world.deps, world.clock.now()) == 0
    assert world.column(sa.select(tables.Hit.id)) == []
    assert world.events() == []


def test_an_unjudged_hit_that_slipped_in_is_dropped_when_its_time_comes(world: HitWorld) -> None:
    row = {
        "hit_key": "k", "send_id": world.send, "kind": "click", "at": world.clock.now(),
        "method": "GET", "ip": "192.0.2.1", "headers": {}, "settle_at": world.clock.now(),
        "reasons": [],
    }  # fmt: skip
    world.change(sa.insert(tables.Hit).values(row))
    assert settle_hits(world.deps, world.clock.now()) == 1
    assert world.column(sa.select(tables.Hit.id)) == []


def test_unsubscribing_from_an_old_email_still_answers(world: HitWorld) -> None:
    recipient = served(world).test_client()
    assert recipient.post(unsubscribe_path(world), data=ONE_CLICK).status_code == 200
    page = recipient.get(unsubscribe_path(world))
    assert page.status_code == 200
    assert "erased" in page.text or "được xóa" in page.text
    assert "<form" not in page.text
    assert recipient.post(unsubscribe_path(world), data={"confirm": "yes"}).status_code == 200
    assert recipient.get(f"/v/{world.token(Purpose.VIEW)}").status_code == 404
    assert world.column(sa.select(tables.Consent.id)) == []


KINDS = {
    EventKind.DELIVERED: "delivered_at",
    EventKind.BOUNCED: "bounced_at",
    EventKind.COMPLAINED: "complained_at",
    EventKind.OPENED: "",
    EventKind.CLICKED: "",
    EventKind.UNSUBSCRIBED: "",
    EventKind.UNKNOWN: "",
}


def told_by_provider(world: HitWorld, kind: EventKind, send: int | None) -> ProviderEvent:
    return ProviderEvent(
        provider="carrier", dedupe_key=f"{kind}:{send}:{ADDRESS}", kind=kind, send_id=send,
        occurred_at=world.clock.now(), recipient=ADDRESS.upper(), bounce=BounceClass.HARD,
        url=f"https://x.test/?who={ADDRESS}", ip="203.0.113.7", user_agent="Lan's phone",
        detail=f"<{ADDRESS}> is no more", provider_message_id="",
    )  # fmt: skip


def test_what_a_provider_tells_afterwards_counts_and_names_nobody(world: HitWorld) -> None:
    before = world.suppressions()
    events = [told_by_provider(world, kind, send) for kind in KINDS for send in (world.send, None)]
    assert accept(world.deps, "carrier", events, world.clock.now()) == len(events)
    kept = world.rows(sa.select(W.recipient, W.data))
    assert {(row.recipient, *row.data) for row in kept} == {("", "bounce")}
    world.after(timedelta(hours=2))
    settle_webhooks(world.deps, world.clock.now())
    for kind, column in KINDS.items():
        if column:
            assert world.sent(column) is not None, kind
    assert set(world.column(sa.select(W.outcome))) <= {"erased", "unmatched", "unknown"}
    assert world.events() == []
    assert world.suppressions() == before
    assert world.column(sa.select(C.email)) == [""]


def test_what_a_provider_told_in_that_very_moment_is_emptied_when_it_is_settled(
    world: HitWorld,
) -> None:
    world.change(
        sa.insert(W).values(
            provider="carrier", dedupe_key=ADDRESS, kind="complained", send_id=world.send,
            recipient=ADDRESS, occurred_at=world.clock.now(), received_at=world.clock.now(),
            data={"ip": "203.0.113.7"},
        )
    )  # fmt: skip
    settle_webhooks(world.deps, world.clock.now())
    (row,) = world.rows(sa.select(W.recipient, W.data, W.dedupe_key))
    assert (row.recipient, row.data) == ("", {})
    assert ADDRESS not in row.dedupe_key
