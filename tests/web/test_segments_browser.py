"""The pages of segments in a real Chromium: barriers, a phone, the keyboard, and a long count."""

import re

import pytest
from playwright.sync_api import Page, expect

from nurture.engine import segment_drafts
from nurture.engine.dependencies import Dependencies
from tests.web.browsing import barriers, overflow
from tests.web.people import StandingClock
from tests.web.planted import engine, pages
from tests.web.test_segments import REGULARS

__all__ = ["engine", "pages"]

pytestmark = pytest.mark.browser

BROKEN = {
    **REGULARS,
    "key": "broken",
    "name": {"vi": "Hỏng", "en": ""},
    "when": {"any": [{"stage": "vip"}, {"all": [{"field": "citty", "is": "x"}, {"tag": "a"}]}]},
}
PATHS = [
    "/segments/",
    "/segments/-new",
    "/segments/price-watchers",
    "/segments/price-watchers/delete",
    "/segments/regulars/draft",
    "/segments/regulars/draft/publish",
    "/segments/regulars/delete",
    "/segments/broken/draft",
    "/segments/broken/draft/publish",
]


@pytest.fixture(autouse=True)
def drafts(engine: Dependencies, clock: StandingClock) -> None:
    """A draft that is right, and one that is not."""
    for document in (REGULARS, BROKEN):
        segment_drafts.start(engine, document, "Lan", clock.now())


def test_no_page_of_segments_has_a_serious_barrier(signed_in_page: Page) -> None:
    for path in PATHS:
        signed_in_page.goto(path)
        for fold in signed_in_page.locator("main details > summary:visible").all():
            fold.click()
        assert barriers(signed_in_page) == [], path
        assert overflow(signed_in_page) == 0, path
        signed_in_page.emulate_media(color_scheme="dark")
        assert barriers(signed_in_page) == [], path
        signed_in_page.emulate_media(color_scheme="light")


def test_a_phone_shows_segments_without_barriers_or_sideways_scrolling(
    signed_in_phone: Page,
) -> None:
    for path in PATHS:
        signed_in_phone.goto(path)
        assert barriers(signed_in_phone) == [], path
        assert overflow(signed_in_phone) == 0, path


def test_a_segment_is_made_and_published_by_the_keyboard_alone(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/segments/")
    page.get_by_role("link", name="New segment").focus()
    page.keyboard.press("Enter")
    page.get_by_label("In Vietnamese").first.focus()
    page.keyboard.type("Người bấm")
    page.keyboard.press("Tab")
    page.keyboard.type("Clickers")
    page.keyboard.press("Tab")
    page.keyboard.type("clickers")
    page.get_by_label("What is looked at").first.focus()
    page.keyboard.type("Clicked")
    page.keyboard.press("Tab")
    page.keyboard.type("happened in")
    page.keyboard.press("Tab")
    page.keyboard.type("30d")
    page.get_by_role("button", name="Save and count…").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Publish: Clickers")
    expect(page.locator("#count")).to_contain_text("Of 44 contacts")
    page.get_by_role("button", name="Publish the segment").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The segment is published.")).to_be_visible()
    expect(page).to_have_url(re.compile("/segments/clickers$"))


def test_what_a_property_must_be_is_added_by_the_keyboard_and_kept(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/segments/-new")
    page.get_by_label("In Vietnamese").first.fill("Mua gói pro")
    page.get_by_label("In English").first.fill("Pro buyers")
    asks = page.get_by_text("Only where…")
    expect(asks.first).to_be_hidden()
    page.get_by_label("What is looked at").first.select_option("stage")
    expect(asks.first).to_be_hidden()
    page.get_by_label("What is looked at").first.focus()
    page.keyboard.type("Bought")
    page.keyboard.press("Tab")
    page.keyboard.type("happened ever")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(asks.first).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("plan")
    page.keyboard.press("Tab")
    page.keyboard.type("pro, team")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Another property.
    expect(page.get_by_label("Property of the event").nth(1)).to_have_value("")
    page.get_by_label("Property of the event").nth(1).fill("total")
    page.get_by_label("What the property is").nth(1).fill("5")
    assert barriers(page) == []
    page.get_by_role("button", name="Make the draft").press("Enter")
    expect(page).to_have_url(re.compile("/segments/pro-buyers/draft"))
    expect(page.get_by_text("Bought something (plan: pro, team; total: 5)")).to_be_visible()
    expect(page.get_by_label("What the property is").first).to_have_value("pro, team")
    # Saved with something else changed, nothing of it is lost.
    page.get_by_label("In English").first.fill("Buyers")
    page.get_by_role("button", name="Save in the draft").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Segment: Buyers")
    expect(page.get_by_text("Bought something (plan: pro, team; total: 5)")).to_be_visible()


def test_on_a_phone_a_property_stands_beside_its_value(signed_in_phone: Page) -> None:
    page = signed_in_phone
    page.goto("/segments/-new")
    page.locator("select[name='when.subject']").first.select_option("did.click")
    page.get_by_text("Chỉ khi…").first.click()
    page.get_by_label("Thuộc tính của sự kiện").first.fill("link")
    page.get_by_label("Giá trị của thuộc tính").first.fill("*/pricing*")
    assert overflow(page) == 0
    assert barriers(page) == []


def test_a_count_goes_on_by_itself_to_its_end(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/segments/regulars/draft/publish")
    # As the page of a large database would come: the first ten of all were looked at.
    rest = "/segments/regulars/draft/count?entering=1&leaving=0&staying=0&looked_at=10&after=10"
    page.evaluate(
        "([url]) => { const place = document.getElementById('count');"
        " place.setAttribute('hx-get', url); place.setAttribute('hx-trigger', 'load');"
        " place.setAttribute('hx-swap', 'outerHTML'); place.textContent = '';"
        " htmx.process(place); }",
        [rest],
    )
    expect(page.locator("#count")).to_contain_text("Of 44 contacts; nothing was changed.")
    expect(page.locator("#count [aria-busy]")).to_have_count(0)
