"""The pages about sequences in a real Chromium: order by keyboard and drag, barriers, phone."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import barriers, overflow
from tests.web.planted import engine, pages
from tests.web.serving import Served
from tests.web.test_sequences import LEAD

__all__ = ["engine", "pages"]

pytestmark = pytest.mark.browser

PATHS = [
    "/sequences/",
    LEAD,
    f"{LEAD}/draft",
    f"{LEAD}/draft/settings",
    f"{LEAD}/draft/steps/1",
    f"{LEAD}/draft/steps/2",
    f"{LEAD}/draft/publish",
]


def test_no_serious_barrier_on_a_wide_screen(signed_in_page: Page) -> None:
    for path in PATHS:
        signed_in_page.goto(path)
        # The bar that stays in sight covers what happens to lie below it, but not at the end.
        signed_in_page.keyboard.press("Control+End")
        assert barriers(signed_in_page) == [], path


def test_a_phone_shows_it_without_barriers_or_sideways_scrolling(signed_in_phone: Page) -> None:
    for path in PATHS:
        signed_in_phone.goto(path)
        assert barriers(signed_in_phone) == [], path
        assert overflow(signed_in_phone) == 0, path


def test_the_forecast_comes_in_by_itself_and_leaves_the_page_its_title(
    signed_in_page: Page,
) -> None:
    signed_in_page.goto(LEAD)
    expect(
        signed_in_page.get_by_text("If nothing happens").or_(
            signed_in_page.get_by_text("Nobody is in this sequence.")
        )
    ).to_be_visible()
    expect(signed_in_page).to_have_title("Lead nurture · Nurture")


def test_links_among_soft_words_are_told_apart_in_the_dark(signed_in_page: Page) -> None:
    signed_in_page.emulate_media(color_scheme="dark")
    signed_in_page.goto(LEAD)
    assert barriers(signed_in_page) == []


def keys(page: Page) -> list[str]:
    notes = page.locator("#steps .n-step-note").all_inner_texts()
    return [note.split(" · ")[0] for note in notes]


def open_step(page: Page, key: str) -> int:
    """Open the form of the step called `key`; return its number."""
    page.goto(f"{LEAD}/draft")
    number = keys(page).index(key) + 1
    page.goto(f"{LEAD}/draft/steps/{number}")
    return number


def test_steps_are_ordered_with_the_keyboard_and_saved(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto(f"{LEAD}/draft")
    first, second, third, *others = keys(page)
    many = 3 + len(others)
    page.locator("[data-handle]").nth(1).focus()
    page.keyboard.press("ArrowUp")
    assert keys(page)[:3] == [second, first, third]
    expect(page.locator("#steps-status")).to_contain_text(f"now step 1 of {many}")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.locator("#save-order").click()
    expect(page.locator("#notes")).to_contain_text("The order is saved.")
    assert keys(page)[:3] == [first, third, second]


def test_a_step_is_dragged_and_the_order_saved(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto(f"{LEAD}/draft")
    dragged = keys(page)[3]
    handle = page.locator("[data-handle]").nth(3)
    target = page.locator("#steps > li").first.bounding_box()
    start = handle.bounding_box()
    assert start
    assert target
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 5, target["y"] + 2, steps=8)
    page.mouse.up()
    assert keys(page)[0] == dragged
    page.locator("#save-order").click()
    expect(page.locator("#notes")).to_contain_text("The order is saved.")
    assert keys(page)[0] == dragged


def test_another_email_brings_its_preview_at_once(signed_in_page: Page) -> None:
    page = signed_in_page
    open_step(page, "welcome")
    page.locator("select[name=email]").select_option("lead-margin")
    expect(page.locator("#preview")).to_contain_text("Món bán chạy nhất")
    frame = page.frame_locator("#preview details[open] iframe")
    expect(frame.locator("body")).to_contain_text("Lotus Desk")


def test_what_a_choice_makes_superfluous_is_out_of_sight(signed_in_page: Page) -> None:
    page = signed_in_page
    open_step(page, "download")
    expect(page.locator("input[name=event]")).to_be_visible()
    expect(page.locator("textarea[name='when.text']")).to_be_hidden()
    page.locator("input[name=what][value=when]").check()
    expect(page.locator("input[name=event]")).to_be_hidden()
    page.locator("input[name='when.mode'][value=text]").check()
    expect(page.locator("textarea[name='when.text']")).to_be_visible()


def test_the_enter_key_saves_a_step(signed_in_page: Page) -> None:
    page = signed_in_page
    number = open_step(page, "pause-1")
    page.locator("input[name='wait.amount']").fill("5")
    page.keyboard.press("Enter")
    expect(page.locator("#notes")).to_contain_text("Saved in the draft.")
    expect(page.locator(f"#step-{number}")).to_contain_text("Wait 5 days")


def test_a_draft_is_written_without_any_script(signed_in_page: Page, server: Served) -> None:
    # The same person with scripts turned off: the cookie is the log-in.
    page = signed_in_page
    browser = page.context.browser
    assert browser
    plain = browser.new_context(
        base_url=server.url, java_script_enabled=False, locale="en",
        storage_state=page.context.storage_state(),
    )  # fmt: skip
    try:
        shown = plain.new_page()
        shown.goto(f"{LEAD}/draft")
        first, second, *_ = keys(shown)
        shown.locator("button[value='2:up']").click()
        expect(shown.locator("#notes")).to_contain_text("The order is saved.")
        assert keys(shown)[:2] == [second, first]
        number = keys(shown).index("welcome") + 1
        shown.goto(f"{LEAD}/draft/steps/{number}")
        shown.locator("select[name=email]").select_option("lead-margin")
        shown.locator("button[value=preview]").click()
        expect(shown.locator("#preview")).to_contain_text("Món bán chạy nhất")
        shown.locator("#save").click()
        expect(shown.locator("#notes")).to_contain_text("Saved in the draft.")
    finally:
        plain.close()
