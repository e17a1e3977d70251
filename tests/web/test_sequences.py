"""The pages about sequences, on a garden of forty contacts."""

import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from nurture.campaigns import read_campaigns
from nurture.config import Secrets, Settings
from nurture.domain.sequence import Email, Notify
from nurture.engine import drafts
from nurture.engine.dependencies import Dependencies
from nurture.engine.pausing import pause
from nurture.web.app import PAGES, WebDependencies, create_app
from tests.fixtures.places import ROOT
from tests.web.people import CHEAP, AccountsInMemory, StandingClock
from tests.web.planted import bare, engine, pages
from tests.web.signing_in import forgery_token, log_in

__all__ = ["bare", "engine", "pages"]

LEAD = "/sequences/lead-nurture"
SHIPPED = read_campaigns(ROOT / "campaigns").sequences
ORDER = list(SHIPPED["lead-nurture"].by_key)
PATHS = [
    "/sequences/",
    "/sequences/-new",
    *(f"/sequences/{key}" for key in SHIPPED),
    f"{LEAD}/draft",
    f"{LEAD}/draft/settings",
    "/sequences/cart-reminder/draft/settings",
    f"{LEAD}/draft/publish",
    *(f"{LEAD}/draft/steps/{number}" for number, _ in enumerate(ORDER, start=1)),
    *(
        f"{LEAD}/draft/steps/new?kind={kind}"
        for kind in ("email", "wait", "wait_for", "branch", "change_stage", "goal", "exit")
    ),
]


def page_of(step: str) -> str:
    return f"{LEAD}/draft/steps/{ORDER.index(step) + 1}"


def text(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return html.unescape(response.text)


def submit(client: FlaskClient, page: str, path: str = "", **fields: Any) -> TestResponse:
    """Post a form of `page` with its own token and revision to `path` (the page itself)."""
    shown = client.get(page)
    revision = re.search(r'name="revision" value="(-?\d+)"', shown.text)
    given = {"csrf_token": forgery_token(shown), "revision": revision[1] if revision else ""}
    return client.post(path or page, data={**given, **fields})


def steps(engine: Dependencies, key: str = "lead-nurture") -> list[dict[str, Any]]:
    return list(drafts.load(engine, key).document["steps"])


@pytest.mark.parametrize("path", [*PATHS, "/sequences/-preview", f"{LEAD}/file"])
def test_a_stranger_sees_nothing(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.location.partition("?")[0]) == (302, "/login")


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_shown_in_both_languages(
    signed_in: FlaskClient, path: str, language: str
) -> None:
    response = signed_in.get(path, headers={"Accept-Language": language})
    assert response.status_code == 200
    assert f'<html lang="{language}">' in response.text


def test_an_empty_list_teaches_what_to_do(
    bare: Dependencies, settings: Settings, accounts: AccountsInMemory, clock: StandingClock
) -> None:
    secrets = Secrets(bytes(range(32)))
    given = WebDependencies(
        settings=settings, secrets=secrets, accounts=accounts, engine=bare, clock=clock,
        passwords=CHEAP,
    )  # fmt: skip
    client = create_app(given, PAGES).test_client()
    log_in(client)
    assert "nurture apply" in text(client, "/sequences/")


def test_the_list_is_in_the_order_of_the_funnel_with_triggered_ones_last(
    signed_in: FlaskClient,
) -> None:
    shown = text(signed_in, "/sequences/")
    names = ["Visitor nurture", "Lead nurture", "MQL nurture", "Customer onboarding",
             "Started by an event", "Cart reminder"]  # fmt: skip
    places = [shown.index(name) for name in names]
    assert places == sorted(places)
    assert "starts with a form sent" in shown
    assert "starts with the event “cart_updated”" in shown


def test_a_sequence_shows_its_paths_who_stands_where_and_what_came_of_it(
    signed_in: FlaskClient,
) -> None:
    shown = text(signed_in, LEAD)
    assert "Wait for: Clicked a link of “Your best seller may not be your best earner”" in shown
    assert re.search(r'n-arm-leaf">yes</span>.*?href="#step-13"', shown, re.DOTALL)
    assert re.search(r"Awaiting an event: \d", shown)
    assert re.search(r"Opened by people</dt><dd>\d+", shown)
    assert "Version 1" in shown
    assert "seed" in shown, "who published it"


def test_a_sequence_that_is_not_there_is_not_found(signed_in: FlaskClient) -> None:
    for path in ("/sequences/nothing", "/sequences/nothing/draft", f"{LEAD}/draft/steps/99"):
        assert signed_in.get(path).status_code == 404
    assert signed_in.get(f"{LEAD}/draft/steps/new?kind=teleport").status_code == 404


def test_a_pause_needs_a_reason_and_is_lifted_again(signed_in: FlaskClient) -> None:
    answer = submit(signed_in, LEAD, f"{LEAD}/pause", reason=" ")
    assert answer.location == f"{LEAD}?pausing=1"
    assert "Say why it is paused" in text(signed_in, LEAD)
    submit(signed_in, LEAD, f"{LEAD}/pause", reason="Giá thay đổi")
    shown = text(signed_in, LEAD)
    assert "Giá thay đổi" in shown
    assert "contacts stay where they are" in shown
    assert "Paused" in text(signed_in, "/sequences/")
    submit(signed_in, LEAD, f"{LEAD}/resume")
    assert "Going on. " in text(signed_in, LEAD)
    submit(signed_in, LEAD, f"{LEAD}/resume")
    assert "It was not paused any more." in text(signed_in, LEAD)


def test_a_new_sequence_is_written_checked_and_published(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    fields = {"name.vi": "Mẹo", "name.en": "Tips", "key": "tips", "way": "stage", "stage": "mql",
              "priority": "99", "track": "side", "window": "funnel"}  # fmt: skip
    answer = submit(signed_in, "/sequences/-new", **fields)
    assert answer.location == "/sequences/tips/draft"
    shown = text(signed_in, "/sequences/tips/draft")
    assert "No step yet" in shown
    assert "This list is empty" not in shown, "it is said once"
    assert "This list is empty" in text(signed_in, "/sequences/tips/draft/publish")
    new = "/sequences/tips/draft/steps/new"
    email = {"kind": "email", "key": "hello", "email": "mql-offer", "topic": "marketing"}
    answer = submit(signed_in, f"{new}?kind=email", new, **email)
    assert answer.location == "/sequences/tips/draft#step-1"
    wait = {"kind": "wait", "key": "pause", "wait.amount": "2", "wait.unit": "d", "place": "0"}
    submit(signed_in, f"{new}?kind=wait", new, **wait)
    assert [step["key"] for step in steps(engine, "tips")] == ["pause", "hello"]
    shown = text(signed_in, "/sequences/tips/draft/publish")
    assert "The first version, with 2 steps." in shown
    answer = submit(signed_in, "/sequences/tips/draft/publish")
    assert answer.location == "/sequences/tips"
    shown = text(signed_in, "/sequences/tips")
    assert "Version 1 is published." in shown
    assert "Track: side" in shown
    assert text(signed_in, "/sequences/").count("Track:") == 1


@pytest.mark.parametrize("path", ["/sequences/-new", "/sequences/mql-nurture/draft/settings"])
def test_a_form_asks_for_no_condition_where_there_is_none(
    signed_in: FlaskClient, path: str
) -> None:
    shown = signed_in.get(path).text
    assert 'name="entry.mode" value="none" checked' in shown
    assert "Undefined" not in shown


@pytest.mark.parametrize(
    ("names", "key"),
    [({"name.vi": "Chào bạn Đào!", "name.en": ""}, "chao-ban-dao"),
     ({"name.vi": "Chào", "name.en": "Hello, you"}, "hello-you")],
)  # fmt: skip
def test_a_key_that_is_left_empty_is_made_of_the_name(
    signed_in: FlaskClient, names: dict[str, str], key: str
) -> None:
    fields = {**names, "key": "", "way": "stage", "stage": "mql", "window": "funnel"}
    answer = submit(signed_in, "/sequences/-new", **fields)
    assert answer.location == f"/sequences/{key}/draft"


@pytest.mark.parametrize("key", ["lead-nurture", "Bad Key", ""])
def test_a_key_that_cannot_be_used_brings_the_form_back_with_everything_in_it(
    signed_in: FlaskClient, key: str
) -> None:
    # A name without any letter makes no key.
    name = "Một cái tên" if key else "!"
    fields = {"name.vi": name, "key": key, "way": "trigger", "trigger.event": "rained",
              "entry.mode": "text", "entry.text": "{stage: [lead"}  # fmt: skip
    answer = submit(signed_in, "/sequences/-new", **fields)
    assert answer.status_code == 422
    shown = html.unescape(answer.text)
    for value in (fields["name.vi"], key, "rained", "{stage: [lead", "n-field-error"):
        assert value in shown


def test_a_step_that_is_wrong_is_kept_and_told_at_its_fields(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    page = page_of("download")
    fields = {"kind": "wait_for", "was": "download", "key": "download", "what": "when",
              "when.mode": "text", "when.text": "{stage: vipp", "within.amount": "soon",
              "within.unit": "d", "yes": "nowhere"}  # fmt: skip
    assert submit(signed_in, page, **fields).location == page
    assert steps(engine)[ORDER.index("download")]["wait_for"] == {
        "when": "{stage: vipp", "within": "soond", "yes": "nowhere",
    }  # fmt: skip
    shown = text(signed_in, page)
    for told in ("things have to be put right", "cannot be read", "is not a duration",
                 "nowhere (not there)", "{stage: vipp", 'value="soon"'):  # fmt: skip
        assert told in shown
    assert "is not a duration" in text(signed_in, f"{LEAD}/draft")


def test_publishing_is_refused_while_anything_is_wrong(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    page = page_of("pause-1")
    submit(signed_in, page, kind="wait", was="pause-1", key="pause-1")
    shown = signed_in.get(f"{LEAD}/draft/publish")
    assert "disabled" in shown.text
    answer = submit(signed_in, f"{LEAD}/draft/publish")
    assert answer.status_code == 422
    assert "This cannot be published yet" in answer.text
    assert drafts.load(engine, "lead-nurture").number == 1


def test_a_renamed_step_takes_its_paths_along(signed_in: FlaskClient, engine: Dependencies) -> None:
    page = page_of("customer-story")
    fields = {"kind": "email", "was": "customer-story", "key": "story",
              "email": "lead-customer-story", "topic": "marketing"}  # fmt: skip
    place = ORDER.index("customer-story")
    assert submit(signed_in, page, **fields).location == f"{LEAD}/draft#step-{place + 1}"
    document = {step["key"]: step for step in steps(engine)}
    assert document["warmed"]["wait_for"]["yes"] == document["pause-0"]["next"] == "story"
    assert document["story-read"]["wait_for"]["of"] == "story"


def test_what_changes_and_who_is_under_way_is_shown_before_publishing(
    signed_in: FlaskClient,
) -> None:
    submit(signed_in, page_of("pause-1"), kind="wait", was="pause-1", key="pause-1",
           **{"wait.amount": "1", "wait.unit": "w"})  # fmt: skip
    submit(signed_in, page_of("messages"), f"{page_of('messages')}/remove")
    shown = text(signed_in, f"{LEAD}/draft/publish")
    assert re.search(r"Removed steps.*messages.*Changed steps.*pause-1", shown, re.DOTALL)
    assert re.search(r"\d+ contacts are under way and stay on the version they entered", shown)
    submit(signed_in, f"{LEAD}/draft/publish")
    assert "Version 2 is published." in text(signed_in, LEAD)
    assert re.search(r"stand at steps of older versions|stands at a step|Version 2",
                     text(signed_in, LEAD))  # fmt: skip


def test_two_people_at_one_step_lose_nothing(signed_in: FlaskClient, engine: Dependencies) -> None:
    page = page_of("pause-1")
    theirs = steps(engine)
    theirs[ORDER.index("pause-1")] = {"key": "pause-1", "wait": "9d"}
    old = signed_in.get(page)
    document = {**drafts.load(engine, "lead-nurture").document, "steps": theirs}
    drafts.save(engine, "lead-nurture", document, 0, "Minh", engine.clock.now())
    mine = {"csrf_token": forgery_token(old), "revision": "0", "kind": "wait", "was": "pause-1",
            "key": "pause-1", "wait.amount": "5", "wait.unit": "d"}  # fmt: skip
    answer = signed_in.post(page, data=mine)
    assert answer.status_code == 409
    shown = html.unescape(answer.text)
    for both in ("Minh saved this draft meanwhile.", "wait: 9d", 'value="5"'):
        assert both in shown
    assert steps(engine)[ORDER.index("pause-1")]["wait"] == "9d"
    assert signed_in.post(page, data={**mine, "revision": "1"}).status_code == 303
    assert steps(engine)[ORDER.index("pause-1")]["wait"] == "5d"


def test_settings_are_saved_and_a_conflict_shows_both(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    page = f"{LEAD}/draft/settings"
    fields: dict[str, Any] = {
        "name.vi": "Tên mới", "name.en": "New name", "way": "stage", "stage": "lead",
        "entry.mode": "all", "entry.subject": "field.country", "entry.relation": "is",
        "entry.value": "VN", "window": "own", "window.days": ["tue", "wed"],
        "window.from": "08:00", "window.to": "11:30", "reentry": "one_at_a_time",
    }  # fmt: skip
    assert submit(signed_in, page, **fields).location == f"{LEAD}/draft"
    document = drafts.load(engine, "lead-nurture").document
    assert document["entry"] == {"field": "country", "is": "VN"}
    assert document["window"] == {"days": ["tue", "wed"], "from": "08:00", "to": "11:30"}
    assert len(document["steps"]) == len(ORDER)
    answer = submit(signed_in, page, **{**fields, "name.en": "Third", "revision": "0"})
    assert answer.status_code == 409
    assert "Third" in answer.text
    assert "New name" in answer.text


def test_buttons_that_add_rows_save_nothing(signed_in: FlaskClient, engine: Dependencies) -> None:
    page = page_of("source")
    fields = {"kind": "branch", "was": "source", "key": "source", "case": "0", "case-0.mode": "all",
              "case-0.subject": "did.click", "case-0.relation": "within", "case-0.value": "7d",
              "case-0.to": "end", "more": "case+"}  # fmt: skip
    answer = submit(signed_in, page, **fields)
    shown = html.unescape(answer.text)
    assert (answer.status_code, shown.count('name="case"')) == (200, 2)
    assert 'value="7 days"' in shown
    assert not drafts.load(engine, "lead-nurture").saved
    both: dict[str, Any] = {
            **fields, "case": ["0", "1"], "case-1.mode": "all", "case-1.subject": "stage",
            "case-1.relation": "is", "case-1.value": "lead", "more": "row"}  # fmt: skip
    shown = submit(signed_in, page, **both).text
    assert shown.count('name="case"') == 2, "another row in a case is no case fewer"
    assert shown.count('name="case-1.subject"') == 2
    answer = submit(signed_in, "/sequences/-new", key="tips", more="exit+", exit="0",
                    **{"exit-0.reason.en": "bought"})  # fmt: skip
    assert answer.text.count('name="exit"') == 2


def test_steps_are_moved_without_a_script(signed_in: FlaskClient, engine: Dependencies) -> None:
    page = f"{LEAD}/draft"
    order = [str(number) for number, _ in enumerate(ORDER, start=1)]
    submit(signed_in, page, f"{page}/order", order=order, move="2:up")
    assert [step["key"] for step in steps(engine)][:2] == [ORDER[1], ORDER[0]]
    submit(signed_in, page, f"{page}/order", order=order, move=f"{len(ORDER)}:down")
    submit(signed_in, page, f"{page}/order", order=["3", "1", "x", "99"], revision="0")
    assert "Somebody changed the steps meanwhile" in text(signed_in, page)
    assert [step["key"] for step in steps(engine)][:2] == [ORDER[1], ORDER[0]]


def test_a_draft_is_thrown_away_and_what_is_published_stays(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    page = f"{LEAD}/draft"
    submit(signed_in, page_of("messages"), f"{page_of('messages')}/remove")
    assert len(steps(engine)) == len(ORDER) - 1
    assert submit(signed_in, page, f"{page}/discard").location == LEAD
    assert len(steps(engine)) == len(ORDER)


def test_a_mail_is_previewed_in_a_frame_that_can_do_nothing(signed_in: FlaskClient) -> None:
    shown = text(signed_in, "/sequences/-preview?email=cart-reminder-saved")
    assert shown.count("<iframe") == 2
    assert "n-field-error" not in shown
    mail = signed_in.get("/sequences/-preview/cart-reminder-saved/vi")
    assert "sandbox" in mail.headers["Content-Security-Policy"]
    assert "script" not in mail.headers["Content-Security-Policy"]
    assert signed_in.get("/sequences/-preview/nothing/vi").status_code == 404
    assert "not in the templates' folder" in text(signed_in, "/sequences/-preview?email=nothing")


def test_every_shipped_email_can_be_previewed(signed_in: FlaskClient) -> None:
    for sequence in SHIPPED.values():
        for step in sequence.steps:
            if isinstance(step, Email | Notify):
                notice = "&notice=1" if isinstance(step, Notify) else ""
                shown = text(signed_in, f"/sequences/-preview?email={step.template}{notice}")
                assert shown.count("<iframe") == 2, step.template
                assert "n-field-error" not in shown, step.template


def test_a_sequence_is_shown_as_its_file(signed_in: FlaskClient) -> None:
    response = signed_in.get(f"{LEAD}/file")
    assert response.mimetype == "text/plain"
    assert "\nkey: lead-nurture\n" in response.text


def test_a_paused_sequence_says_so_and_offers_to_go_on(
    signed_in: FlaskClient, engine: Dependencies, clock: StandingClock
) -> None:
    pause(engine, "cart-reminder", "sale is over", "Minh", clock.now())
    shown = text(signed_in, "/sequences/cart-reminder")
    assert "sale is over" in shown
    assert "Go on" in shown
    assert "Pause the sequence" not in shown


def test_what_is_wrong_is_told_in_the_language_of_the_page(signed_in: FlaskClient) -> None:
    page = page_of("download")
    submit(signed_in, page, kind="wait_for", was="download", key="download", what="event",
           event="clik", of="nowhere", yes="nowhere",
           **{"within.amount": "3", "within.unit": "d"})  # fmt: skip
    shown = html.unescape(signed_in.get(page, headers={"Accept-Language": "vi"}).text)
    assert "Không có bước 'nowhere' để đi đến." in shown
    assert "Không có bước 'nowhere'. Hãy viết một trong: welcome." in shown


def test_a_rate_stands_beside_the_number_it_is_a_share_of(signed_in: FlaskClient) -> None:
    shown = text(signed_in, LEAD)
    rates = re.findall(
        r"Opened by people</dt><dd>(\d+) <span[^>]*>of (\d+) that could be seen \("
        r"<span[^>]*>([\d.]+)%",
        shown,
    )
    assert rates
    for opened, whole, share in rates:
        expected = min(100 * int(opened) / int(whole), 100)
        assert float(share) == pytest.approx(expected, abs=0.06)
    vietnamese = signed_in.get(LEAD, headers={"Accept-Language": "vi"}).text
    assert "email quan sát được" in vietnamese


def test_a_preview_opened_by_itself_is_a_whole_page(signed_in: FlaskClient) -> None:
    address = "/sequences/-preview?email=cart-reminder-saved"
    assert 'class="n-rail"' in signed_in.get(address).text
    part = signed_in.get(address, headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert part.count("<iframe") == 2


def test_a_sequence_that_ends_with_an_exit_keeps_nobody(signed_in: FlaskClient) -> None:
    assert "contacts have left by here" in text(signed_in, "/sequences/cart-reminder")
    assert "contacts stay" in text(signed_in, LEAD)
