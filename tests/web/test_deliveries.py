"""Deliveries and quarantine: what is listed, what the buttons do, and in both languages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from nurture.domain.endpoints import Circuit
from nurture.engine.dependencies import Dependencies
from nurture.store import deliveries, effects, quarantine, tables
from tests.web.planted import engine as engine
from tests.web.planted import pages as pages

D = tables.Delivery


def plant(engine: Dependencies) -> list[int]:
    """A failed webhook, a waiting one and a notice that somebody stood in for."""
    now = engine.clock.now()
    e = tables.Enrollment
    with engine.database.begin() as tx:
        # The garden has some of its own.
        tx.execute(sa.delete(D))
        runs = tx.execute(
            sa.select(e.id, e.contact_id, e.version_id, e.step).order_by(e.id).limit(3)
        ).all()
        told: Sequence[tuple[str, str, dict[str, Any]]] = (
            ("webhook", "crm", {"event": "contact.asked", "data": {"contact": {"id": 1}}}),
            ("webhook", "crm", {"event": "contact.asked", "data": {"contact": {"id": 2}}}),
            ("notice", "owner", {"template": "alert", "to": "team@x.vn", "why": "no_owner"}),
        )
        effects.add_deliveries(
            tx,
            [
                {
                    "enrollment_id": run.id, "contact_id": run.contact_id,
                    "version_id": run.version_id, "step": run.step or "tell", "pass_no": 1,
                    "kind": kind, "target": target, "message_id": f"msg_{number}",
                    "payload": payload, "status": "waiting", "created_at": now,
                    "not_before": now + timedelta(minutes=number),
                }
                for number, (run, (kind, target, payload)) in enumerate(
                    zip(runs, told, strict=True)
                )
            ],
        )  # fmt: skip
        ids = list(tx.execute(sa.select(D.id).order_by(D.id)).scalars())
        gone: dict[str, Any] = {"status": "failed", "attempts": 10, "reason": "answer", "code": 503}
        tx.execute(sa.update(D).where(D.id == ids[0]).values(**gone, settled_at=now))
        taken = {"status": "delivered", "attempts": 1, "code": 250, "settled_at": now}
        tx.execute(sa.update(D).where(D.id == ids[2]).values(**taken))
        deliveries.lock_endpoint(tx, "crm")
        deliveries.save_circuit(tx, "crm", Circuit(6, now), "503 <b>busy</b>", now)
    return ids


def hold(
    engine: Dependencies, at: datetime | None = None, claimed: str = "2999-01-01T00:00:00+00:00"
) -> int:
    """An event of the future in quarantine."""
    now = engine.clock.now()
    told = {"name": "form", "at": claimed, "properties": {}, "source": "api"}
    row = {
        "contact_id": 1, "dedupe_key": "api:x", "event": told, "reason": "future",
        "received_at": at or now,
    }  # fmt: skip
    with engine.database.begin() as tx:
        quarantine.add(tx, [row])
        return int(tx.execute(sa.select(tables.Quarantined.id)).scalar_one())


def text(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def token(page: str) -> str:
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


def test_the_list_tells_the_state_the_tries_and_the_last_answer(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    failed_id, *_ = plant(engine)
    page = text(signed_in, "/deliveries/")
    assert "System “crm”" in page
    assert "it did not take it · 503" in page
    assert "6 failures in a row" in page
    assert "503 &lt;b&gt;busy&lt;/b&gt;" in page
    failed = text(signed_in, "/deliveries/?status=failed")
    assert failed.count(f'/deliveries/{failed_id}"') == 1
    assert "The contact&#39;s owner" not in failed
    assert "The contact&#39;s owner" in text(signed_in, "/deliveries/?kind=notice")
    assert signed_in.get("/deliveries/?status=odd").status_code == 404


def test_a_failed_one_is_tried_again_by_a_button_and_a_delivered_one_is_not(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    failed, _waiting, delivered = plant(engine)
    page = text(signed_in, f"/deliveries/{failed}")
    assert "contact.asked" in page
    assert signed_in.get(f"/deliveries/{failed}/retry").status_code == 405
    assert signed_in.post(f"/deliveries/{failed}/retry").status_code == 400
    form = {"csrf_token": token(page)}
    assert signed_in.post(f"/deliveries/{failed}/retry", data=form).status_code == 303
    with engine.database.read() as tx:
        row = tx.execute(sa.select(D.status, D.attempts).where(D.id == failed)).one()
    assert tuple(row) == ("waiting", 0)
    assert "Try again now" not in text(signed_in, f"/deliveries/{delivered}")
    signed_in.post(f"/deliveries/{delivered}/retry", data=form)
    assert "It is delivered already" in text(signed_in, f"/deliveries/{delivered}")
    assert signed_in.get("/deliveries/999").status_code == 404


def test_an_endpoint_that_is_let_alone_is_called_again_by_a_button(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    plant(engine)
    form = {"csrf_token": token(text(signed_in, "/deliveries/"))}
    assert signed_in.post("/deliveries/endpoints/crm/open", data=form).status_code == 303
    with engine.database.read() as tx:
        assert deliveries.endpoints(tx)["crm"].circuit == Circuit()


def test_a_notice_says_who_stood_in_and_the_timeline_leads_to_it(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    *_, notice = plant(engine)
    page = text(signed_in, f"/deliveries/{notice}")
    assert "The contact has no owner, so it went to whoever answers for the account." in page
    with engine.database.read() as tx:
        contact_id = tx.execute(sa.select(D.contact_id).where(D.id == notice)).scalar_one()
    assert f'href="/deliveries/{notice}"' in text(signed_in, f"/contacts/{contact_id}")


@pytest.mark.parametrize(("button", "outcome"), [("accept", "accepted"), ("discard", "discarded")])
def test_an_event_in_quarantine_is_settled_by_a_button(
    signed_in: FlaskClient, engine: Dependencies, button: str, outcome: str
) -> None:
    assert "Nothing is in quarantine" in text(signed_in, "/quarantine/")
    key = hold(engine)
    page = text(signed_in, "/quarantine/")
    assert "a form sent" in page
    assert "Jan 1, 2999, 12:00\u202fAM" in page
    form = {"csrf_token": token(page)}
    for _ in range(2):
        assert signed_in.post(f"/quarantine/{key}/{button}", data=form).status_code == 303
    with engine.database.read() as tx:
        assert tx.execute(sa.select(tables.Quarantined.outcome)).scalar_one() == outcome
    assert "This event was settled already." in text(signed_in, "/quarantine/")
    assert signed_in.post("/quarantine/99/accept", data=form).status_code == 404


def test_an_instant_at_the_end_of_the_calendar_is_shown_as_it_was_told(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    last = "9999-12-31T23:59:59-12:00"
    hold(engine, claimed=last)
    assert last in text(signed_in, "/quarantine/")


@pytest.mark.parametrize("path", ["/deliveries/", "/quarantine/"])
def test_the_rail_shows_that_both_belong_to_health(signed_in: FlaskClient, path: str) -> None:
    assert '<a href="/health/" aria-current="page">' in text(signed_in, path)


def test_the_health_page_leads_to_both_and_counts_them(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    plant(engine)
    hold(engine)
    page = text(signed_in, "/health/")
    for address in ("/deliveries/", "/deliveries/?status=failed", "/quarantine/"):
        assert f'href="{address}"' in page


def test_nothing_of_it_is_for_strangers(client: FlaskClient, engine: Dependencies) -> None:
    for path in ("/deliveries/", "/deliveries/1", "/quarantine/"):
        assert client.get(path).status_code == 302
