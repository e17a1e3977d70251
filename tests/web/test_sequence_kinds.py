"""Every kind of step on the pages: its form, its place in the flow, and its faults."""

import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from nurture.engine import drafts
from nurture.engine.dependencies import Dependencies
from nurture.store import bulk, tables
from nurture.web.admin.sequence_forms import KINDS, kind_of
from tests.web.every_kind import DOCUMENT, STEPS
from tests.web.forms import forms_of
from tests.web.planted import engine, pages
from tests.web.test_sequences import text

__all__ = ["engine", "pages"]

DRAFT = "/sequences/every-kind/draft"


@pytest.fixture(autouse=True)
def every_kind(engine: Dependencies) -> None:
    """A draft with every kind of step."""
    drafts.start(engine, dict(DOCUMENT), "Lan", engine.clock.now())


def number(key: str) -> int:
    return [step["key"] for step in STEPS].index(key) + 1


def document(engine: Dependencies) -> dict[str, Any]:
    return dict(drafts.load(engine, "every-kind").document)


def form(client: FlaskClient, path: str) -> MultiDict[str, str]:
    """The fields of the form on a page that saves, as they stand."""
    shown = client.get(path)
    assert shown.status_code == 200
    (fields,) = [one for one in forms_of(shown.text).values() if "was" in one or "way" in one]
    return fields


def test_the_draft_holds_every_kind() -> None:
    assert {kind_of(step) for step in STEPS} == set(KINDS)


def test_opening_and_saving_every_form_changes_nothing(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    before = document(engine)
    paths = [f"{DRAFT}/settings", *(f"{DRAFT}/steps/{n}" for n, _ in enumerate(STEPS, start=1))]
    for path in paths:
        assert signed_in.post(path, data=form(signed_in, path)).status_code == 303
        assert document(engine) == before, path


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_step_of_every_kind_is_added_by_its_form(
    signed_in: FlaskClient, engine: Dependencies, kind: str, language: str
) -> None:
    new = f"{DRAFT}/steps/new?kind={kind}&place=1"
    shown = signed_in.get(new, headers={"Accept-Language": language})
    assert f'<html lang="{language}">' in shown.text
    (fields,) = [one for one in forms_of(shown.text).values() if "was" in one]
    assert signed_in.post(f"{DRAFT}/steps/new", data=fields).status_code == 303
    added = document(engine)["steps"][1]
    assert (kind_of(added), len(document(engine)["steps"])) == (kind, len(STEPS) + 1)


def test_every_step_is_said_in_both_languages(signed_in: FlaskClient) -> None:
    english = text(signed_in, DRAFT)
    for said in (
        "Divide by chance", "short · 40%", "none · 20%, control group", "within 14 days",
        "Wait until 7 days before: Renewal date, 09:00", "date over", "no date",
        "Update: Country = VN", "tag +vip", "Need: yes", "Tell the owner",
        "Tell the system “crm”: contact.qualified", "Also enter “Cart reminder”",
        "End “Cart reminder”", "within 30 days of entry", "cannot be known",
    ):  # fmt: skip
        assert said in english, said
    vietnamese = html.unescape(signed_in.get(DRAFT, headers={"Accept-Language": "vi"}).text)
    for said in ("Chia ngẫu nhiên", "nhóm đối chứng", "Chờ đến 7 ngày trước: Ngày gia hạn",
                 "Báo cho người phụ trách", "Vào thêm “", "Kết thúc “"):  # fmt: skip
        assert said in vietnamese, said


def test_a_split_shows_how_many_came_to_each_arm(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    now = engine.clock.now()
    arms = ["short", "short", "long"]
    rows = [
        {"experiment": "subject-2026", "contact_id": n, "arm": arm, "enrollment_id": None,
         "at": now}
        for n, arm in enumerate(arms, start=1)
    ]  # fmt: skip
    with engine.database.begin() as tx:
        bulk.insert(tx, tables.Exposure, rows)
    shown = text(signed_in, "/sequences/every-kind")
    counts = re.findall(r'title="Contacts who came to this arm">(\d+) ', shown)
    assert counts == ["2", "1"]


@pytest.mark.parametrize(
    ("key", "changed", "field", "told"),
    [
        ("halves", {"arm-0.key": "long"}, "", "Two arms have the same key."),
        ("halves", {"arm-0.weight": "0"}, "arm-0.weight", "0 is too small. Write 1 or more."),
        ("halves", {"arm-1.to": "nowhere"}, "arm-1.to", "There is no step 'nowhere' to go to."),
        ("halves", {"measure.minimum": "3"}, "measure.minimum", "3 is too small."),
        ("halves", {"measure.confidence": "2"}, "measure.confidence", "2 is too large."),
        ("renewal", {"field": ""}, "field", "This is empty."),
        ("renewal", {"side": "before", "offset.amount": ""}, "offset", "This is empty."),
        ("renewal", {"field": "birthday"}, "field", "There is no field 'birthday'."),
        ("renewal", {"at": "25:00"}, "at", "is not a time of day"),
        ("vip", {"set.name": "shoe"}, "", "There is no field 'shoe'."),
        ("vip", {"tag": "Very Important"}, "tag", "cannot stand here"),
        ("call", {"whom": "address", "to": "nobody"}, "to", "Write an email address"),
        ("call", {"email": "nothing"}, "email", "There is no email 'nothing'."),
        ("crm", {"endpoint": "erp"}, "endpoint", "There is no endpoint 'erp'."),
        ("crm", {"event": "Not a name"}, "event", "cannot stand here"),
        ("cart", {"enter": "nothing"}, "enter", "There is no sequence 'nothing'."),
        ("uncart", {"leave": "nothing"}, "leave", "There is no sequence 'nothing'."),
        ("bought", {"within.amount": "soon"}, "within", "is not a duration"),
        ("way", {"unknowable": ""}, "unknowable", "A branch asks for opens"),
    ],
)  # fmt: skip
def test_a_fault_is_told_at_its_field_and_what_was_typed_stays(
    signed_in: FlaskClient, key: str, changed: dict[str, str], field: str, told: str
) -> None:
    path = f"{DRAFT}/steps/{number(key)}"
    fields = form(signed_in, path)
    for name, value in changed.items():
        fields.setlist(name, [value, *fields.getlist(name)[1:]])
    answer = signed_in.post(path, data=fields)
    assert answer.location == path, "the form comes back, for there is something to put right"
    shown = text(signed_in, path)
    assert told in shown
    again = form(signed_in, path)
    assert {name: again[name] for name in changed} == changed
    if field:
        control = re.search(rf'<[^>]*id="field-{re.escape(field)}"[^>]*>', shown)
        assert control
        assert 'aria-invalid="true"' in control[0]


def test_arms_and_cases_are_added_and_taken_away_without_saving(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    path = f"{DRAFT}/steps/{number('halves')}"
    fields = form(signed_in, path)
    grown = signed_in.post(path, data=MultiDict([*fields.items(multi=True), ("more", "arm+")]))
    assert grown.text.count('name="arm"') == 4
    shrunk = signed_in.post(path, data=MultiDict([*fields.items(multi=True), ("more", "arm-1")]))
    (left,) = [one for one in forms_of(shrunk.text).values() if "was" in one]
    assert [left[f"arm-{n}.key"] for n in left.getlist("arm")] == ["short", "none"]
    assert left["hold_out"] == "1", "the control group stays the same arm"
    path = f"{DRAFT}/steps/{number('way')}"
    fields = form(signed_in, path)
    shrunk = signed_in.post(path, data=MultiDict([*fields.items(multi=True), ("more", "case-0")]))
    (left,) = [one for one in forms_of(shrunk.text).values() if "was" in one]
    assert (left.getlist("case"), left["case-0.to"]) == (["0"], "call")
    assert document(engine)["steps"] == STEPS


def test_arms_are_kept_in_the_order_in_which_they_are_sent(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    path = f"{DRAFT}/steps/{number('halves')}"
    fields = form(signed_in, path)
    fields.setlist("arm", ["2", "0", "1"])
    signed_in.post(path, data=fields)
    arms = document(engine)["steps"][number("halves") - 1]["split"]["arms"]
    assert [arm["key"] for arm in arms] == ["none", "short", "long"]
    assert arms[0]["hold_out"] is True


def test_settings_of_a_trigger_say_what_happens_meanwhile(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    path = f"{DRAFT}/settings"
    fields = form(signed_in, path)
    changed = {
        "way": "trigger", "trigger.event": "cart_left", "trigger.key": "cart_id",
        "trigger.while_active": "queue", "reentry": "keyed", "returning": "restart",
        "track": "shop", "notes": "why: because",
    }  # fmt: skip
    for name, value in changed.items():
        fields[name] = value
    signed_in.post(path, data=fields)
    after = document(engine)
    assert after["trigger"] == {
        "event": "cart_left", "key": "cart_id", "while_active": "queue",
    }  # fmt: skip
    assert (after["reentry"], after["returning"], after["track"]) == ("keyed", "restart", "shop")
    assert after["notes"] == {"why": "because"}
    assert "stage" not in after
