"""The overview, contacts, the inbox and health, on a garden of forty contacts."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from nurture.engine import drafts
from nurture.engine.dependencies import Dependencies
from nurture.engine.explain import explain
from nurture.engine.funnel_telling import begin
from nurture.store import (
    operations,
    people,
    published,
    queued,
    reports_health,
    sequence_reports,
)
from nurture.store.operations import Health
from nurture.store.queued import Queued
from nurture.web.admin.step_names import with_steps
from nurture.web.app import WebDependencies, create_app
from nurture.web.names import Names
from tests.web.people import StandingClock
from tests.web.planted import bare, engine, pages
from tests.web.signing_in import log_in, post

__all__ = ["bare", "engine", "pages"]

PATHS = [
    "/",
    "/contacts/",
    "/contacts/31",
    "/inbox/",
    "/inbox/3",
    "/health/",
    "/deliveries/",
    "/quarantine/",
]


def text(client: FlaskClient, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.text


def test_what_waits_for_a_run_to_end_stands_with_what_comes_next(
    signed_in: FlaskClient, engine: Dependencies, clock: StandingClock
) -> None:
    with engine.database.begin() as tx:
        (cart,) = sequence_reports.sequences(tx, "cart-reminder")
        queued.put(tx, [Queued(31, cart.id, "<b>42", {"cart_id": "<b>42"}, None, clock.now())])
    shown = unescape(text(signed_in, "/contacts/31"))
    coming = shown.split('id="next-title"')[1].split("</section>")[0]
    assert "“Cart reminder” waits to begin once more, since" in coming
    assert "its run for “<b>42”" in coming
    assert "<b>42" not in text(signed_in, "/contacts/31")
    told = signed_in.get("/contacts/31", headers={"Accept-Language": "vi"}).text
    assert "chờ bắt đầu lần nữa" in told
    assert "waits to begin" not in text(signed_in, "/contacts/30")


@pytest.mark.parametrize(
    "path", [*PATHS, "/contacts/31/timeline", "/inbox/3/html", "/inbox/3/source"]
)
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


def test_the_overview_counts_contacts_by_stage_and_says_what_needs_a_person(
    signed_in: FlaskClient,
) -> None:
    shown = text(signed_in, "/")
    assert "1 worker has gone silent." in shown
    assert "1 email may or may not have arrived" in shown
    counts = [int(found) for found in re.findall(r'<progress value="(\d+)"', shown)]
    assert len(counts) == 7
    assert sum(counts) == 44
    assert 'hx-trigger="every 20s"' in shown


def test_the_overview_says_that_the_provider_is_down(
    signed_in: FlaskClient, engine: Dependencies, clock: StandingClock
) -> None:
    with engine.database.begin() as tx:
        down = Health("down", 3, clock.now() + timedelta(minutes=8), "connection refused")
        operations.set_provider_health(tx, "inbox", down, clock.now())
    shown = text(signed_in, "/")
    assert "inbox takes no mail: sends wait, nothing is lost." in shown
    assert "connection refused" in shown


def test_before_anything_is_published_the_overview_teaches(
    bare: Dependencies, given: WebDependencies
) -> None:
    client = create_app(replace(given, engine=bare, settings=bare.settings)).test_client()
    log_in(client)
    shown = text(client, "/")
    assert "nurture apply" in shown
    assert "nurture import contacts.csv" in shown
    for path in ("/contacts/", "/inbox/", "/health/"):
        assert 'class="n-empty"' in text(client, path)


def test_a_look_by_the_page_itself_does_not_keep_the_session_alive(
    signed_in: FlaskClient, wall: StandingClock
) -> None:
    for _ in range(5):
        wall.advance(timedelta(minutes=25))
        last = signed_in.get("/", headers={"HX-Request": "true", "Nurture-Poll": "1"})
    assert last.status_code == 401


@pytest.mark.parametrize("words", ["nguyen", "NGUYỄN", "do ly", "tiem banh"])
def test_contacts_are_found_without_accents(signed_in: FlaskClient, words: str) -> None:
    shown = text(signed_in, f"/contacts/?q={words}")
    rows = shown.count('data-label="Score"')
    assert 0 < rows < 44
    if words == "do ly":
        assert "Đỗ Khánh Ly" in shown


def test_wildcards_in_a_search_are_plain_letters(signed_in: FlaskClient) -> None:
    assert "Nobody matches" in text(signed_in, "/contacts/?q=%25")
    assert "Nobody matches" in text(signed_in, "/contacts/?q=_____________________")


def test_contacts_are_narrowed_by_stage_and_temperature(signed_in: FlaskClient) -> None:
    leads = text(signed_in, "/contacts/?stage=lead")
    assert leads.count('data-label="Score"') > 3
    assert "Visitor</span>" not in leads
    warm = text(signed_in, "/contacts/?temperature=warm")
    assert 0 < warm.count('data-label="Score"') < 44


def test_a_contacts_page_explains_score_emails_and_what_comes_next(signed_in: FlaskClient) -> None:
    shown = text(signed_in, "/contacts/31")
    assert "What comes next" in shown
    assert "because the contact entered the sequence" in shown
    totals = [
        float(one) for one in re.findall(r'<strong class="n-number">\+?(-?[\d.]+)</strong>', shown)
    ]
    score = re.search(r'<span class="n-stat-value">(-?[\d.]+)</span>', shown)
    assert score
    heaps = shown.count('class="n-heap"')
    assert sum(totals[:heaps]) == pytest.approx(float(score[1]), abs=0.01 * heaps)


def test_a_contacts_page_names_sequences_groups_and_its_zone(signed_in: FlaskClient) -> None:
    shown = signed_in.get("/contacts/31", headers={"Accept-Language": "vi"}).text
    emails = shown[shown.index('id="emails-title"') : shown.index('id="score-title"')]
    assert re.search(r'<a href="/sequences/[a-z-]+">', emails)
    assert "Giờ theo múi" in shown
    heaps = re.findall(r'n-heap">\s*<summary>\s*<span>([^<]+)<', shown)
    assert heaps
    assert not set(heaps) & {"opens", "reading", "interest", "visits", "purchases", "warnings"}


@pytest.mark.parametrize(("language", "waits"), [("en", "Waits at “Wait "), ("vi", "Chờ ở “Chờ ")])
def test_a_contacts_page_calls_steps_as_the_page_of_their_sequence_does(
    engine: Dependencies, signed_in: FlaskClient, language: str, waits: str
) -> None:
    with engine.database.read() as tx:
        documents = [one.shown for one in sequence_reports.sequences(tx)]
    keys = {
        str(step[name])
        for one in documents
        for step in one["steps"]
        for name in {"key", "email"} & set(step)
    }
    waited = 0
    for contact in range(1, 12):
        shown = signed_in.get(f"/contacts/{contact}", headers={"Accept-Language": language}).text
        assert not set(re.findall("“([^”]+)”", shown)) & keys
        waited += waits in shown
    assert waited


def test_a_step_is_called_as_in_the_version_that_the_contact_is_in(
    engine: Dependencies, clock: StandingClock, app: Flask
) -> None:
    told = next(
        one
        for one in (explain(engine, key, clock.now()) for key in range(1, 40))
        if any(run.sequence == "lead-nurture" for run in one.ahead)
    )
    run = next(one for one in told.ahead if one.sequence == "lead-nurture")
    with engine.database.read() as tx:
        document = dict(sequence_reports.sequences(tx, run.sequence)[0].shown)
    steps = [{**one, "wait": "9d"} if "wait" in one else one for one in document["steps"]]
    new = {**document, "steps": steps}
    revision = drafts.load(engine, run.sequence).revision
    draft = drafts.save(engine, run.sequence, new, revision, "Lan", clock.now())
    drafts.publish_draft(engine, draft.key, draft.revision, "Lan", clock.now())
    told = explain(engine, told.profile.id, clock.now())
    with app.test_request_context(headers={"Accept-Language": "en"}):
        names = with_steps(engine, told, Names.of(told))
        own = names.at(run.sequence, run.enrollment_id)
        called = [own.step(one["key"]) for one in document["steps"] if "wait" in one]
        assert called
        assert not [one for one in called if "9 days" in one]
        # Of a run that is not theirs nothing is known but what the sequence is.
        assert names.at(run.sequence).step(steps[0]["key"]) == own.step(steps[0]["key"])
        assert names.at("elsewhere").step("hello") == "hello"


def test_the_list_says_how_many_contacts_there_are(signed_in: FlaskClient) -> None:
    assert "44 of 44" in text(signed_in, "/contacts/")
    leads = text(signed_in, "/contacts/?stage=lead")
    number = leads.count('data-label="Score"')
    assert f"{number} of {number}" in leads


def test_a_contact_who_unsubscribed_is_told_so(signed_in: FlaskClient) -> None:
    shown = text(signed_in, "/contacts/12")
    assert "the contact has unsubscribed" in shown
    assert "Took back consent" in shown
    assert re.search(r"Source: email no\. \d+ · the recipient", shown)
    vietnamese = signed_in.get("/contacts/12", headers={"Accept-Language": "vi"}).text
    assert re.search(r"Nguồn: email số \d+ · người nhận", vietnamese)


def test_the_timeline_goes_on_where_it_stopped(signed_in: FlaskClient) -> None:
    shown = text(signed_in, "/contacts/31")
    titles: list[str] = []
    for _ in range(20):
        page = shown[shown.index('class="n-story"') :]
        titles += re.findall(r'datetime="([^"]+)"', page)
        older = re.search(r'href="(/contacts/31/timeline\?before=[^"]+)"', page)
        if older is None:
            break
        shown = text(signed_in, older[1])
    assert titles == sorted(titles, reverse=True)
    assert len(titles) > 25


@pytest.mark.parametrize(
    "path",
    ["/contacts/9999", "/contacts/31/timeline?before=x", "/contacts/31/timeline?before=1.9.1",
     "/inbox/9999", "/inbox/9999/html"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(signed_in: FlaskClient, path: str) -> None:
    assert signed_in.get(path).status_code == 404


def test_the_inbox_lists_searches_and_pages_mail(signed_in: FlaskClient) -> None:
    first = text(signed_in, "/inbox/")
    older = re.search(r'href="(/inbox/\?before=\d+)"', first)
    assert older
    second = text(signed_in, older[1])
    assert not set(re.findall(r"/inbox/\d+", first)) & set(re.findall(r"/inbox/\d+", second))
    found = text(signed_in, "/inbox/?q=hang cho")
    assert "Hàng chờ 8 giờ sáng" in found
    assert 0 < found.count('data-label="To"') < 30


def test_a_mail_is_shown_in_a_frame_where_nothing_runs_and_no_open_is_counted(
    signed_in: FlaskClient,
) -> None:
    shown = text(signed_in, "/inbox/3")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown
    assert "List-Unsubscribe-Post" in shown
    assert "/contacts/" in shown
    frame = signed_in.get("/inbox/3/html")
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert "/c/" in frame.text
    assert "/o/" not in frame.text
    source = signed_in.get("/inbox/3/source")
    assert source.mimetype == "message/rfc822"
    assert b"multipart/alternative" in source.data


@pytest.mark.parametrize("what", ["complaint", "bounce"])
def test_the_inbox_tells_the_engine_what_a_provider_would(
    signed_in: FlaskClient, engine: Dependencies, what: str
) -> None:
    assert post(signed_in, f"/inbox/3/{what}", {}, form_on="/inbox/3").status_code == 303
    with engine.database.read() as tx:
        assert reports_health.webhooks(tx).waiting == 1
    assert post(signed_in, "/inbox/3/praise", {}, form_on="/inbox/3").status_code == 404


@pytest.mark.parametrize(("arrived", "status"), [("yes", "accepted"), ("no", "failed")])
def test_a_person_settles_an_uncertain_email(
    signed_in: FlaskClient, engine: Dependencies, arrived: str, status: str
) -> None:
    with engine.database.read() as tx:
        (doubt,) = reports_health.uncertain(tx)
    assert "It arrived" in text(signed_in, "/health/")
    answer = post(
        signed_in, f"/health/uncertain/{doubt.send_id}", {"arrived": arrived}, form_on="/"
    )
    assert answer.status_code == 303
    assert "of every email it is known what became of it" in text(signed_in, "/health/")
    with engine.database.read() as tx:
        assert reports_health.uncertain(tx) == []
    post(signed_in, f"/health/uncertain/{doubt.send_id}", {"arrived": arrived}, form_on="/")
    assert "This email was settled already." in text(signed_in, "/health/")


def test_a_paused_provider_is_resumed_by_a_button(
    signed_in: FlaskClient, engine: Dependencies, clock: StandingClock
) -> None:
    with engine.database.begin() as tx:
        paused = Health("paused", 1, None, "550 5.7.26 unauthenticated")
        operations.set_provider_health(tx, "inbox", paused, clock.now())
    assert "5.7.26" in text(signed_in, "/health/")
    assert post(signed_in, "/health/providers/inbox/resume", {}, form_on="/").status_code == 303
    assert "inbox sends again" in text(signed_in, "/health/")
    with engine.database.read() as tx:
        after = operations.provider_health(tx, "inbox")
    assert after is not None
    assert after.state == "ok"
    post(signed_in, "/health/providers/inbox/resume", {}, form_on="/")
    assert "inbox takes mail already" in text(signed_in, "/health/")


def test_health_shows_workers_stuck_runs_and_the_last_import(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    shown = text(signed_in, "/health/")
    assert shown.count("n-chip-leaf") >= 3
    assert "Silent" in shown
    assert "audience.csv" in shown
    assert "It only wakes workers: nothing is lost without it." in shown
    assert "sends emails · garden · 4000" in shown
    assert "decides what is due · garden · 4100" in shown
    assert re.search(r"the address .*nguyensthu@.* cannot be written into an email", shown)
    vietnamese = signed_in.get("/health/", headers={"Accept-Language": "vi"}).text
    assert "gửi email · garden · 4000" in vietnamese
    assert "không thể ghi địa chỉ" in vietnamese
    assert "cannot be written" not in vietnamese
    with engine.database.read() as tx:
        assert people.contacts(tx, [9], people.Need())[9].address in shown


def test_health_says_how_far_a_new_funnel_is(
    signed_in: FlaskClient, engine: Dependencies, clock: StandingClock
) -> None:
    assert "A new funnel was published" not in text(signed_in, "/health/")
    with engine.database.begin() as tx:
        # Eleven of the forty-four contacts.
        begin(tx, published.funnel_number(tx), clock.now(), size=11)
    assert "anew under it: 25% done." in text(signed_in, "/health/")
