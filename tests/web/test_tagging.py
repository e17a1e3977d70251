"""Tags put on a contact and taken away on their page."""

import re
from datetime import timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from nurture.campaigns.parse import parse_segments
from nurture.engine.dependencies import Dependencies
from nurture.engine.segment_building import build, publish_segments
from nurture.engine.tagging import tag, untag
from nurture.store import people
from tests.web.browsing import barriers, overflow
from tests.web.people import StandingClock
from tests.web.planted import engine, pages
from tests.web.signing_in import post

__all__ = ["engine", "pages"]

KEY = 31
PATH = f"/contacts/{KEY}"


def tags(engine: Dependencies) -> set[str]:
    with engine.database.read() as tx:
        return set(people.contacts(tx, [KEY], people.Need())[KEY].tags)


def after(client: FlaskClient, path: str, **form: str) -> str:
    """Send a form and return the page that follows; a refused form is followed by itself."""
    response = post(client, f"{PATH}/{path}", form, form_on="/")
    if response.status_code == 422:
        return unescape(response.text)
    assert response.status_code == 303, response.text
    assert response.location.endswith("#tags")
    return unescape(client.get(PATH).text)


def test_a_tag_is_put_on_and_its_segment_is_on_the_page_at_once(
    signed_in: FlaskClient, engine: Dependencies, clock: StandingClock
) -> None:
    vips = {"key": "vips", "name": {"vi": "Khách quý", "en": "Our VIPs"}, "when": {"tag": "vip"}}
    with engine.database.begin() as tx:
        publish_segments(tx, parse_segments({"segments": [vips]}), "Lan", clock.now())
    build(engine, clock.now())
    before = tags(engine)
    shown = after(signed_in, "tag", tags="vip, <b>bold</b>")
    assert "Tagged: vip, <b>bold</b>." in shown
    assert tags(engine) == before | {"vip", "<b>bold</b>"}
    assert "Our VIPs" in shown
    assert "<b>bold</b>" not in signed_in.get(PATH).text, "it is shown as text"
    assert "tagged so already" in after(signed_in, "tag", tags="VIP")
    assert "taken away: vip." in (shown := after(signed_in, "untag", tag="vip"))
    assert "Our VIPs" not in shown
    assert "not tagged so" in after(signed_in, "untag", tag="vip")
    assert tags(engine) == before | {"<b>bold</b>"}


def test_who_put_a_tag_on_and_who_took_it_away_stands_in_the_timeline(
    signed_in: FlaskClient, engine: Dependencies, clock: StandingClock
) -> None:
    def told(language: str) -> list[str]:
        response = signed_in.get(PATH, headers={"Accept-Language": language})
        shown = response.text.split('id="story-title"')[1]
        return [
            unescape(" ".join(re.sub("<[^>]*>", " ", one).split()))
            for one in shown.split("<li")[1:]
        ]

    after(signed_in, "tag", tags="vip, <b>bold</b>")
    clock.advance(timedelta(minutes=1))
    untag(engine, KEY, ["VIP"], "command line", clock.now())
    tag(engine, 32, "other", "somebody", clock.now())
    newest, before = told("en")[:2]
    assert "Tags taken away by a person: vip" in newest
    assert "command line" in newest
    assert "Tagged by a person: vip, <b>bold</b>" in before
    assert "@" in before, "with who did it"
    assert "Một người đã gỡ nhãn: vip" in told("vi")[0]
    assert "Một người đã gắn nhãn: vip" in told("vi")[1]
    assert "other" not in " ".join(told("en")[:3])


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "No tag is given. Write one"),
        ("  , ", "No tag is given. Write one"),
        ("x" * 65, "The tag “xxxxxxxxxxxxxxxxxxxx…” is too long. Write at most 64 characters."),
        ("vip\0", "A tag holds a sign that cannot be seen. Type it again, letter by letter."),
        ("good, vi\u202ep", "A tag holds a sign that cannot be seen."),
        (", ".join(map(str, range(21))), "These are too many tags. Give at most 20 at once."),
    ],
)
def test_what_cannot_be_a_tag_is_told_beside_the_field_and_stays_in_it(
    signed_in: FlaskClient, engine: Dependencies, typed: str, told: str
) -> None:
    before = tags(engine)
    shown = after(signed_in, "tag", tags=typed)
    (field,) = re.findall(r'<input[^>]*name="tags"[^>]*>', shown)
    assert f'value="{typed}"' in field
    assert 'aria-invalid="true"' in field
    assert "autofocus" in field
    (beside,) = re.findall(r'id="field-tags-error">.*?<span>(.*?)</span>', shown, re.DOTALL)
    assert beside.startswith(told)
    assert shown.count(told) == 1, "it is told nowhere else"
    assert '<a href="/contacts/" aria-current="page">' in shown
    assert tags(engine) == before


def test_nobody_is_tagged_without_a_token_or_where_nobody_is(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    before = tags(engine)
    assert signed_in.post(f"{PATH}/tag", data={"tags": "vip"}).status_code == 400
    assert signed_in.get(f"{PATH}/tag").status_code in (404, 405)
    assert tags(engine) == before
    for path, form in (("tag", {"tags": "vip"}), ("untag", {"tag": "vip"})):
        assert post(signed_in, f"/contacts/9999/{path}", form, form_on="/").status_code == 404


@pytest.mark.browser
def test_a_contact_is_tagged_by_the_keyboard_on_a_phone_without_barriers(
    signed_in_phone: Page, engine: Dependencies
) -> None:
    page = signed_in_phone
    page.goto(PATH)
    page.get_by_label("Nhãn mới").focus()
    page.keyboard.type("vip, " + "w" * 64)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#tags$"))
    expect(page.locator("#tags")).to_contain_text("vip")
    assert barriers(page) == []
    assert overflow(page) == 0
    page.get_by_role("button", name="Gỡ nhãn “vip”").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Gỡ nhãn “vip”")).to_have_count(0)
    assert "vip" not in tags(engine)


@pytest.mark.browser
def test_what_is_wrong_with_a_tag_stands_beside_the_field_that_has_the_focus(
    signed_in_phone: Page, engine: Dependencies
) -> None:
    page = signed_in_phone
    page.goto(PATH)
    page.get_by_label("Nhãn mới").fill("w" * 65)
    page.keyboard.press("Enter")
    field = page.get_by_label("Nhãn mới")
    expect(field).to_be_focused()
    expect(field).to_be_in_viewport()
    expect(field).to_have_value("w" * 65)
    expect(field).to_have_accessible_description(re.compile("nhiều nhất 64 ký tự"))
    assert barriers(page) == []
    assert overflow(page) == 0
