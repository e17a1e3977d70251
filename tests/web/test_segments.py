"""The pages of segments: the list, one with its members, writing one, taking it away."""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from nurture.campaigns.parse import parse_segments
from nurture.engine import segment_drafts
from nurture.engine.dependencies import Dependencies
from nurture.engine.segment_building import build, publish_segments, stored_segments
from nurture.engine.segment_reports import segments as listed
from nurture.web.admin.condition_words import ConditionWords, Said
from nurture.web.admin.segment_desk import document_from
from nurture.web.admin.sequence_names import known
from nurture.web.app import create_app
from tests.web.forms import forms_of
from tests.web.people import StandingClock
from tests.web.planted import bare, engine, pages
from tests.web.signing_in import log_in

__all__ = ["bare", "engine", "pages"]

REGULARS: dict[str, Any] = {
    "key": "regulars",
    "name": {"vi": "Khách quen", "en": "Regulars"},
    "when": {"all": [{"did": "click", "within": "30d"}, {"not": {"stage": "visitor"}}]},
}


def text(client: FlaskClient, path: str, language: str = "en", status: int = 200) -> str:
    response = client.get(path, headers={"Accept-Language": language})
    assert response.status_code == status, response.text
    return response.text


def submit(client: FlaskClient, path: str, to: str = "", **changes: Any) -> TestResponse:
    """Send the form of a page as it is, with some fields changed and a button pressed."""
    fields = forms_of(text(client, path))[to or path].copy()
    for name, value in changes.items():
        fields.setlist(name.replace("__", "."), value if isinstance(value, list) else [value])
    return client.post(to or path, data=fields, headers={"Accept-Language": "en"})


@pytest.fixture
def published(engine: Dependencies, clock: StandingClock) -> Dependencies:
    everybody = {"any": [{"language": ["vi", "en"]}]}
    documents = [
        {"key": "all", "name": {"vi": "Mọi người", "en": "Everybody"}, "when": everybody},
        {
            "key": "nobody", "name": {"vi": "Không ai", "en": "Nobody"},
            "when": {
                "all": [
                    {"not": {"segment": "all"}}, {"did": "visit", "at_most": 2, "within": "30d"},
                    {"field": "city", "in_next": "7d"}, {"hours_in_stage": {"at_least": 1440}},
                ]
            },
        },
    ]  # fmt: skip
    with engine.database.begin() as tx:
        shipped = stored_segments(tx)
        new = parse_segments({"segments": documents})
        publish_segments(tx, [*shipped, *new], "test", clock.now())
    build(engine, clock.now())
    return engine


@pytest.fixture
def drafted(engine: Dependencies, clock: StandingClock) -> Dependencies:
    """A segment that is only a draft."""
    segment_drafts.start(engine, REGULARS, "Minh", clock.now())
    return engine


def test_before_a_funnel_the_page_says_what_to_do(given: Any, bare: Dependencies) -> None:
    client = create_app(replace(given, engine=bare)).test_client()
    log_in(client)
    shown = text(client, "/segments/")
    assert "No funnel is published yet" in shown
    assert "nurture apply" in shown
    assert "/segments/-new" not in shown


def test_without_a_segment_the_page_teaches_and_leads_to_the_form(
    engine: Dependencies, clock: StandingClock, signed_in: FlaskClient
) -> None:
    with engine.database.begin() as tx:
        publish_segments(tx, [], "test", clock.now())
    shown = text(signed_in, "/segments/")
    assert "No segment yet" in shown
    assert 'href="/segments/-new"' in shown


def test_the_list_counts_members_and_says_who_is_in_it(
    published: Dependencies, signed_in: FlaskClient
) -> None:
    shown = text(signed_in, "/segments/")
    assert "Everybody" in shown
    assert "Visited the site at most 2 times in the last 30 days" in shown
    assert "comes in the next 7 days" in shown
    assert "in the stage for at least 60 days" in shown
    # The other segment is called by its name, and not by its key.
    assert "not in the segment “Everybody”" in shown
    # What the segments that ship are for, and what asks for them.
    assert "Looked at the price in the last two weeks" in shown
    assert 'href="/sequences/renewal-reminder"' in shown
    assert 'href="/segments/nobody"' in shown
    assert "Mọi người" in text(signed_in, "/segments/", "vi")


def test_a_segment_that_is_being_built_says_how_far_it_is(
    published: Dependencies, signed_in: FlaskClient, clock: StandingClock
) -> None:
    assert "eing built" not in text(signed_in, "/segments/")
    everybody = {"key": "all", "name": {"vi": "a", "en": "a"}, "when": {"language": ["en"]}}
    with published.database.begin() as tx:
        publish_segments(tx, parse_segments({"segments": [everybody]}), "test", clock.now())
    assert "Being built: 0%" in text(signed_in, "/segments/")
    build(published, clock.now(), size=11, most=1)
    assert "Being built: 2" in text(signed_in, "/segments/")
    assert "of all contacts were looked at" in text(signed_in, "/segments/all")
    assert "tổng số liên hệ" in text(signed_in, "/segments/all", "vi")


def test_members_are_searched_and_paged(published: Dependencies, signed_in: FlaskClient) -> None:
    shown = text(signed_in, "/segments/all")
    assert shown.count('href="/contacts/') >= 44
    one = text(signed_in, "/segments/all?before=3")
    assert 'href="/contacts/2"' in one
    assert 'href="/contacts/3"' not in one
    assert 'rel="prev"' in one
    assert "Nobody matches" in text(signed_in, "/segments/all?q=xyzzy")
    assert "Nobody is in this segment" in text(signed_in, "/segments/nobody")
    assert signed_in.get("/segments/alll").status_code == 404


def test_a_segment_shows_who_came_and_went_and_what_asks_for_it(
    published: Dependencies, signed_in: FlaskClient
) -> None:
    shown = text(signed_in, "/segments/price-watchers")
    assert 'href="/sequences/mql-nurture"' in shown
    assert "All of these" in shown
    assert "Not in the last 14 days: Bought something" in shown
    assert "at_most: 0" in shown, "as a file says it"
    quiet = text(signed_in, "/segments/all")
    assert 'href="/segments/nobody"' in quiet
    assert "Nobody came or went in the last 30 days" in quiet
    assert "segment: nobody" in text(signed_in, "/segments/nobody"), "how it is asked for"


def test_a_contact_shows_the_segments_they_are_in(
    published: Dependencies, signed_in: FlaskClient
) -> None:
    assert 'href="/segments/all"' in text(signed_in, "/contacts/31")


def test_a_new_segment_is_written_counted_and_published(
    engine: Dependencies, clock: StandingClock, signed_in: FlaskClient
) -> None:
    made = submit(
        signed_in, "/segments/-new", key="regulars", name__vi="Khách quen", name__en="Regulars",
        when__mode="all", when__subject=["did.click", "stage", ""], then="publish",
        when__relation=["within", "is_not", "is"], when__value=["30d", "visitor", ""],
    )  # fmt: skip
    assert made.headers["Location"] == "/segments/regulars/draft/publish"
    assert segment_drafts.load(engine, "regulars").document == REGULARS
    assert "regulars" not in {one.key for one in listed(engine)}
    page = text(signed_in, "/segments/regulars/draft/publish")
    assert "A new segment." in page
    assert "Clicked a link in the last 30 days" in page
    assert "Of 44 contacts; nothing was changed." in page
    done = submit(signed_in, "/segments/regulars/draft/publish")
    assert done.headers["Location"] == "/segments/regulars"
    assert "Being built" in text(signed_in, "/segments/")
    build(engine, clock.now())
    (one,) = (one for one in listed(engine) if one.key == "regulars")
    assert one.members > 5
    assert f'<span class="n-number">{one.members}</span>' in page


def test_a_key_that_is_taken_comes_back_with_everything_that_was_typed(
    engine: Dependencies, signed_in: FlaskClient
) -> None:
    back = submit(
        signed_in, "/segments/-new", key="price-watchers", name__vi="Khách", name__en="Guests",
        when__mode="text", when__text="stage: [lead, mql]",
    )  # fmt: skip
    assert back.status_code == 422
    assert "There is a segment &#39;price-watchers&#39; already." in back.text
    (form,) = (one for action, one in forms_of(back.text).items() if action == "/segments/-new")
    assert document_from(form, {}) == {
        "key": "price-watchers", "name": {"vi": "Khách", "en": "Guests"},
        "when": {"stage": ["lead", "mql"]},
    }  # fmt: skip


def test_a_sequence_says_which_segment_begins_it(
    engine: Dependencies, signed_in: FlaskClient
) -> None:
    for path in ("/sequences/", "/sequences/renewal-reminder"):
        assert "starts when somebody comes into “Renewal is near”" in text(signed_in, path)
    form = text(signed_in, "/sequences/renewal-reminder/draft/settings")
    assert '<option value="segment_entered">' in form


def test_another_row_is_added_and_nothing_is_saved(
    drafted: Dependencies, signed_in: FlaskClient
) -> None:
    path = "/segments/regulars/draft"
    rows = forms_of(text(signed_in, path))[path].getlist("when.subject")
    page = submit(signed_in, path, more="when", when__subject=["did.click", "stage", "tag"])
    assert page.status_code == 200
    assert len(forms_of(page.text)[path].getlist("when.subject")) == len(rows) + 1
    page = submit(signed_in, path, more="group:when")
    grown = forms_of(page.text)[path]
    assert grown.getlist("when.group")[-3:] == ["1", "1", ""], "two rows in a group, one below it"
    assert grown["when.group-1"] == "any"
    assert segment_drafts.load(drafted, "regulars").revision == 1


def test_what_is_wrong_with_a_text_is_told_with_its_line_and_its_remedy(
    drafted: Dependencies, signed_in: FlaskClient
) -> None:
    path = "/segments/regulars/draft"
    wrong = "any:\n  - stage: lead\n  - all: [{stage: vip}, {any: [{tag: x}, {all: [{tag: y}]}]}]\n"
    saved = submit(signed_in, path, when__mode="text", when__text=wrong, name__en="")
    assert saved.headers["Location"] == path
    page = text(signed_in, path)
    assert "Name in English: This is empty." in page
    submit(signed_in, path, when__mode="text", when__text=wrong, name__en="Regulars")
    page = text(signed_in, path)
    assert "Line 3: There is no stage &#39;vip&#39;. Write one of" in page
    assert "Dòng 3: Không có" in text(signed_in, path, "vi")
    unread = "all:\n  - {stage: lead\n  - {tag: x}\n"
    submit(signed_in, path, when__mode="text", when__text=unread)
    page = text(signed_in, path)
    assert "Line 3: The file cannot be read" in page
    assert "{stage: lead\n  - {tag: x}" in page, "what was typed is still there"
    publish = text(signed_in, f"{path}/publish")
    assert "This cannot be published yet" in publish
    assert "It is counted once everything is right." in publish
    refused = submit(signed_in, f"{path}/publish")
    assert refused.status_code == 422


def test_who_saved_meanwhile_is_shown_and_nothing_is_overwritten(
    drafted: Dependencies, clock: StandingClock, signed_in: FlaskClient
) -> None:
    path = "/segments/regulars/draft"
    fields = forms_of(text(signed_in, path))[path]
    theirs = {**REGULARS, "name": {"vi": "Của Minh", "en": "Minh's"}}
    segment_drafts.save(drafted, "regulars", theirs, 1, "Minh", clock.now())
    fields["name.en"] = "Mine"
    page = signed_in.post(path, data=fields, headers={"Accept-Language": "en"})
    assert page.status_code == 409
    assert "Minh saved this draft meanwhile." in page.text
    assert "Của Minh" in page.text
    assert forms_of(page.text)[path]["name.en"] == "Mine"
    again = signed_in.post(path, data=forms_of(page.text)[path])
    assert again.status_code == 303
    assert segment_drafts.load(drafted, "regulars").document["name"]["en"] == "Mine"
    late = signed_in.post(f"{path}/publish", data=fields, headers={"Accept-Language": "en"})
    assert late.status_code == 409
    assert "The draft changed meanwhile." in late.text


def test_a_changed_segment_shows_before_and_after_and_who_sees_it(
    engine: Dependencies, signed_in: FlaskClient
) -> None:
    path = "/segments/price-watchers/draft"
    submit(signed_in, path, when__mode="text", when__text="{did: click, within: 60d}")
    page = text(signed_in, f"{path}/publish")
    assert "not in the last 14 days: Bought something" in page
    assert "Clicked a link in the last 60 days" in page
    assert "MQL nurture" in page
    assert 'href="/segments/price-watchers/draft"' in text(signed_in, "/segments/price-watchers")
    gone = submit(signed_in, path, f"{path}/discard")
    assert gone.headers["Location"] == "/segments/price-watchers"
    assert not segment_drafts.load(engine, "price-watchers").saved


def test_a_count_that_is_not_over_asks_for_its_rest(
    drafted: Dependencies, signed_in: FlaskClient
) -> None:
    path = "/segments/regulars/draft/count"
    part = text(signed_in, f"{path}?entering=7&leaving=1&staying=2&looked_at=40&after=40")
    assert "Of 44 contacts; nothing was changed." in part
    assert "<html" not in part
    assert signed_in.get(f"{path}?after=many&entering=-4").status_code == 200
    assert signed_in.get("/segments/nothing/draft/count").status_code == 404


def test_a_mere_draft_is_listed_opened_and_thrown_away(
    drafted: Dependencies, signed_in: FlaskClient
) -> None:
    assert "Khách quen" in text(signed_in, "/segments/", "vi")
    assert signed_in.get("/segments/regulars").headers["Location"] == "/segments/regulars/draft"
    path = "/segments/regulars/draft"
    gone = submit(signed_in, path, f"{path}/discard")
    assert gone.headers["Location"] == "/segments/"
    assert signed_in.get(path).status_code == 404


def test_a_segment_in_use_is_not_deleted_and_another_is_asked_about_once_more(
    published: Dependencies, signed_in: FlaskClient
) -> None:
    refused = text(signed_in, "/segments/renewal-soon/delete")
    assert "It cannot be deleted while these ask for it" in refused
    assert 'href="/sequences/renewal-reminder"' in refused
    assert "Delete the segment" not in refused
    token = forms_of(text(signed_in, "/segments/nobody/delete"))["/segments/nobody/delete"]
    anyway = signed_in.post("/segments/renewal-soon/delete", data=token)
    assert anyway.status_code == 409
    done = signed_in.post("/segments/nobody/delete", data=token)
    assert done.headers["Location"] == "/segments/"
    assert "nobody" not in {one.key for one in listed(published)}
    assert signed_in.get("/segments/nobody").status_code == 404


@pytest.mark.parametrize(("name", "value"), [("", "pro"), ("plan", "")])
def test_a_property_without_its_name_or_value_is_told_and_kept(
    engine: Dependencies, clock: StandingClock, signed_in: FlaskClient, name: str, value: str
) -> None:
    segment_drafts.start(engine, {**REGULARS, "when": {"did": "purchase"}}, "Lan", clock.now())
    path = "/segments/regulars/draft"
    saved = submit(signed_in, path, when__property=[name, ""], when__wanted=[value, ""])
    assert saved.status_code in (200, 303)
    shown = text(signed_in, path)
    assert "A property needs a name and what it must be" in shown
    fields = forms_of(shown)[path]
    assert fields.getlist("when.property")[0] == name
    assert fields.getlist("when.wanted")[0] == value


def test_a_condition_is_listed_group_by_group(engine: Dependencies, app: Any) -> None:
    words: ConditionWords = known(engine).words
    with app.test_request_context(headers={"Accept-Language": "en"}):
        told = words.outline(
            {"all": [{"stage": "lead"}, {"not": {"any": [{"tag": "a"}, {"tag": "b"}]}}]}
        )
        assert told == Said(
            "All of these",
            (Said("Stage is Lead"), Said("None of these", (Said("Tag is a"), Said("Tag is b")))),
        )
        assert words.outline({"not": {"all": [{"tag": "a"}, {"tag": "b"}]}}).text == (
            "Not all of these"
        )
        assert words.outline("{half") == Said("{half")
        assert words.outline(None) == Said("…")
