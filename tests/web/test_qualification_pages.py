"""What people say on a contact's page and by the API, and what the overview makes of it."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from nurture.engine.dependencies import Dependencies
from nurture.engine.intake import api_key
from nurture.store import people, tables
from tests.web.people import StandingClock
from tests.web.planted import engine, pages
from tests.web.signing_in import post

__all__ = ["engine", "pages"]


def in_stage(engine: Dependencies, stage: str) -> int:
    t = tables.Standing
    with engine.database.read() as tx:
        return int(
            tx.execute(
                sa.select(t.contact_id).where(t.stage == stage).order_by(t.contact_id).limit(1)
            ).scalar_one()
        )


def stage_of(engine: Dependencies, key: int) -> str:
    with engine.database.read() as tx:
        found = people.contacts(tx, [key], people.Need())[key].standing
    return found.stage if found else ""


def page(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.text


def after(client: FlaskClient, path: str, **form: str) -> str:
    """Send a form and return the page that follows; a refused form is followed by itself."""
    response = post(client, path, form, form_on="/")
    if response.status_code == 422:
        return response.text
    assert response.status_code == 303, response.text
    return page(client, response.location.partition("#")[0])


def test_answers_are_noted_and_shown_with_who_gave_them(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    key = in_stage(engine, "mql")
    path = f"/contacts/{key}/qualify"
    shown = after(signed_in, path, budget="partial", motivation="Mở quán thứ hai", bant_note="Zalo")
    assert "Noted." in shown
    assert "Mở quán thứ hai" in shown
    assert "in the admin" in shown
    assert "Zalo" in shown
    assert "nothing changed" in after(signed_in, path, budget="partial")
    assert "Nothing changed" in after(signed_in, path, budget="maybe")


def test_sales_turn_a_lead_down_with_a_reason_and_they_rest(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    key = in_stage(engine, "mql")
    assert "sales accepted" in after(signed_in, f"/contacts/{key}/accept")
    without = after(signed_in, f"/contacts/{key}/reject")
    assert "a reason has to be chosen" in without
    assert stage_of(engine, key) == "mql"
    shown = after(signed_in, f"/contacts/{key}/reject", reason="no_budget", note="Next year")
    assert stage_of(engine, key) == "lead"
    assert "Turned down" in shown
    assert "Resting: no rule promotes" in shown
    assert "No budget" in shown
    assert "Next year" in shown


def test_another_stage_is_asked_for_under_the_guards_of_everybody(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    key = in_stage(engine, "lead")
    path = f"/contacts/{key}/move"
    assert "an override needs a why" in after(signed_in, path, way="sales:sql")
    shown = after(signed_in, path, way="marketing:customer", move_note="I wish it")
    assert "this way is not theirs to take" in shown
    assert "Stayed Lead, did not become Customer" in shown
    assert ">I wish it</textarea>" in shown, "what was typed is not lost"
    shown = after(signed_in, path, way="sales:mql", move_note="Called")
    assert "The way there asks: Engagement score is at least 18 or Clicked a link" in shown
    assert re.search(r'<option value="sales:mql" selected', shown)
    after(signed_in, path, way="sales:sql", move_note="Their director called")
    assert stage_of(engine, key) == "sql"


def test_a_form_for_nobody_finds_nobody(signed_in: FlaskClient) -> None:
    assert post(signed_in, "/contacts/9999/accept", {}, form_on="/").status_code == 404


def test_each_cell_of_the_matrix_leads_to_its_contacts(signed_in: FlaskClient) -> None:
    shown = page(signed_in, "/")
    cells = re.findall(r'href="(/contacts/\?grade=\w&amp;temperature=\w+)"[^>]*>(\d+)<', shown)
    assert cells
    assert sum(int(count) for _, count in cells) == 44
    for path, count in cells:
        rows = page(signed_in, path.replace("&amp;", "&"))
        assert rows.count("<tr>") - 1 == int(count), path


def test_personas_are_counted_and_lead_to_their_contacts(signed_in: FlaskClient) -> None:
    counts = re.findall(
        r'href="/contacts/\?persona=([\w-]+)"[^<]*</a></span><strong class="n-number">(\d+)',
        page(signed_in, "/"),
    )
    counts = counts or re.findall(
        r'persona=([\w-]+)">[^<]*</a></span><strong class="n-number">(\d+)', page(signed_in, "/")
    )
    assert {key for key, _ in counts} <= {"chain-manager", "cafe-owner", "shop-owner"}
    assert counts
    key, count = counts[0]
    rows = page(signed_in, f"/contacts/?persona={key}")
    assert rows.count("<tr>") - 1 == int(count)


def test_who_stays_too_long_is_pointed_out_and_listed(
    signed_in: FlaskClient, engine: Dependencies, clock: StandingClock
) -> None:
    key = in_stage(engine, "mql")
    with engine.database.begin() as tx:
        t = tables.Standing
        since = clock.now() - timedelta(days=70)
        tx.execute(sa.update(t).where(t.contact_id == key).values(since=since))
    assert "1 contact has been in “Marketing qualified” for too long." in page(signed_in, "/")
    rows = page(signed_in, "/contacts/?stage=mql&late=1")
    assert f"/contacts/{key}" in rows
    assert rows.count("<tr>") == 2
    assert "In this stage for longer than it allows" in page(signed_in, f"/contacts/{key}")


@pytest.fixture
def api(client: FlaskClient, engine: Dependencies) -> tuple[FlaskClient, dict[str, str]]:
    return client, {"Authorization": f"Bearer {api_key(engine)}"}


def address(engine: Dependencies, key: int) -> str:
    with engine.database.read() as tx:
        return people.contacts(tx, [key], people.Need())[key].address


def test_the_api_obeys_the_same_guards(
    api: tuple[FlaskClient, dict[str, str]], engine: Dependencies
) -> None:
    client, headers = api
    key = in_stage(engine, "mql")
    email = address(engine, key)
    wish = {"email": email, "to": "advocate", "as": "sales", "by": "crm: lan"}
    refused = client.post("/api/stage", json=wish, headers=headers)
    assert (refused.status_code, refused.json) == (
        409, {"refused": "no such edge", "to": "advocate", "until": None},
    )  # fmt: skip
    reject = {"email": email, "verdict": "reject", "by": "crm: lan"}
    unsaid = client.post("/api/sales", json=reject, headers=headers)
    assert unsaid.status_code == 400
    assert "no_budget" in unsaid.text
    done = client.post("/api/sales", json={**reject, "reason": "no_budget"}, headers=headers)
    assert (done.status_code, done.json) == (
        200, {"stage": "lead", "start": "mql", "kind": "recycle"},
    )  # fmt: skip
    assert stage_of(engine, key) == "lead"
    nowhere = client.post("/api/sales", json={**reject, "reason": "no_budget"}, headers=headers)
    assert nowhere.status_code == 409


def test_the_api_takes_an_acceptance_and_turns_strangers_away(
    api: tuple[FlaskClient, dict[str, str]], engine: Dependencies
) -> None:
    client, headers = api
    said = {"email": address(engine, in_stage(engine, "sql")), "verdict": "accept", "by": "lan"}
    assert client.post("/api/sales", json=said).status_code == 401
    assert client.post("/api/sales", json=said, headers=headers).json == {"accepted": True}
    for changes, status in (
        ({"verdict": "perhaps"}, 400), ({"by": ""}, 400), ({"email": "nobody@example.com"}, 404),
    ):  # fmt: skip
        answer = client.post("/api/sales", json={**said, **changes}, headers=headers)
        assert answer.status_code == status
    assert client.post("/api/sales", data="[", headers=headers).status_code == 400


@pytest.mark.parametrize("words", ["half \ud800", "nul \0", "long " * 1_000])
@pytest.mark.parametrize("place", ["email", "by", "reason", "note"])
def test_words_that_cannot_be_kept_are_refused_by_the_api(
    client: FlaskClient, engine: Dependencies, place: str, words: str
) -> None:
    key = in_stage(engine, "mql")
    with engine.database.read() as tx:
        address = people.addressees(tx, [key])[key].email
    told = {"email": address, "by": "Lan", "note": "Called.", place: words}
    for path, more in (
        ("/api/sales", {"verdict": "accept"}),
        ("/api/sales", {"verdict": "reject"}),
        ("/api/stage", {"to": "lead", "as": "marketing"}),
    ):
        headers = {"Authorization": f"Bearer {api_key(engine)}"}
        answer = client.post(path, json={**told, **more}, headers=headers)
        assert answer.status_code in (400, 409), (path, answer.text)
        assert answer.is_json
    audit = tables.Audit
    with engine.database.read() as tx:
        kept = tx.execute(sa.select(audit.what).where(audit.subject == str(key), audit.by == "Lan"))
        assert list(kept.scalars()) == []
