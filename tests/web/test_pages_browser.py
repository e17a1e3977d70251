"""The overview, contacts, the inbox and health in a real Chromium: barriers, phone, keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import PHONE, barriers, overflow
from tests.web.planted import engine, pages

__all__ = ["engine", "pages"]

pytestmark = pytest.mark.browser

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


def test_no_serious_barrier_on_a_wide_screen_by_day_and_in_the_dark(signed_in_page: Page) -> None:
    for path in PATHS:
        signed_in_page.goto(path)
        for fold in signed_in_page.locator("main details > summary:visible").all():
            fold.click()
        assert barriers(signed_in_page) == [], path
        assert overflow(signed_in_page) == 0, path
        signed_in_page.emulate_media(color_scheme="dark")
        assert barriers(signed_in_page) == [], path
        signed_in_page.emulate_media(color_scheme="light")


def test_no_serious_barrier_and_nothing_cut_off_on_a_phone(signed_in_phone: Page) -> None:
    for path in PATHS:
        signed_in_phone.goto(path)
        assert barriers(signed_in_phone) == [], path
        assert overflow(signed_in_phone) == 0, path


def test_the_name_of_the_place_keeps_off_the_edge_of_a_phone(signed_in_phone: Page) -> None:
    signed_in_phone.goto("/health/")
    shown = signed_in_phone.locator(".n-nav a[aria-current] span").first
    expect(shown).to_have_text("Tình trạng")
    box = shown.bounding_box()
    assert box is not None
    assert box["x"] >= 8
    assert box["x"] + box["width"] <= PHONE[0] - 8


def test_a_contact_is_found_and_opened_by_the_keyboard(signed_in_page: Page) -> None:
    signed_in_page.goto("/contacts/")
    signed_in_page.get_by_role("searchbox").focus()
    signed_in_page.keyboard.type("do khanh")
    expect(signed_in_page.locator("#rows tbody tr")).to_have_count(1)
    signed_in_page.get_by_role("link", name="Đỗ Khánh Ly").focus()
    signed_in_page.keyboard.press("Enter")
    expect(signed_in_page.get_by_role("heading", level=1)).to_have_text("Đỗ Khánh Ly")
    heap = signed_in_page.locator("details.n-heap").first
    heap.locator("summary").focus()
    signed_in_page.keyboard.press("Enter")
    expect(heap.locator("table")).to_be_visible()


def test_older_happenings_are_added_in_place(signed_in_page: Page) -> None:
    signed_in_page.goto("/contacts/31")
    entries = signed_in_page.locator(".n-timeline > li")
    before = entries.count()
    signed_in_page.get_by_role("link", name="Show older").click()
    expect(entries).not_to_have_count(before)
    expect(signed_in_page).to_have_url(re.compile("/contacts/31$"))
    assert entries.count() > before


def test_the_overview_looks_for_news_by_itself(signed_in_page: Page) -> None:
    signed_in_page.goto("/")
    with signed_in_page.expect_response(
        lambda answer: "nurture-poll" in answer.request.headers
    ) as asked:
        signed_in_page.evaluate("htmx.trigger('#overview', 'poll'); htmx.process(document.body)")
        signed_in_page.evaluate(
            "htmx.ajax('GET', '/', {source: '#overview', target: '#overview',"
            " select: '#overview', swap: 'outerHTML'})"
        )
    assert asked.value.status == 200
    expect(signed_in_page.locator("#overview")).to_have_count(1)
    expect(signed_in_page.locator(".n-funnel li")).to_have_count(7)


def test_the_mails_frame_shows_the_mail(signed_in_page: Page) -> None:
    signed_in_page.goto("/inbox/3")
    frame = signed_in_page.frame_locator("iframe.n-mail")
    expect(frame.locator("h1, h2, p").first).to_be_visible()
