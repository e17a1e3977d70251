"""The forms of every kind of step, and the trial on paper, in a real Chromium."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from nurture.engine import drafts
from nurture.engine.dependencies import Dependencies
from nurture.store import reports_contacts
from nurture.store.reports_contacts import Wanted
from tests.web.browsing import barriers, overflow
from tests.web.every_kind import DOCUMENT, STEPS
from tests.web.planted import engine, pages

__all__ = ["engine", "pages"]

pytestmark = pytest.mark.browser

DRAFT = "/sequences/every-kind/draft"
KEYS = [step["key"] for step in STEPS]
PAPER = "/sequences/lead-nurture/draft/paper?go=1&contact=&days=30&act=clicks&step=welcome&day=9"
SHOWN = ("halves", "renewal", "answer", "way", "vip", "call", "crm", "cart", "bought")
PATHS = [
    "/sequences/every-kind",
    DRAFT,
    f"{DRAFT}/settings",
    *(f"{DRAFT}/steps/{KEYS.index(key) + 1}" for key in SHOWN),
    f"{DRAFT}/paper",
    f"{PAPER}&details=",
]


@pytest.fixture(autouse=True)
def every_kind(engine: Dependencies) -> None:
    """A draft with every kind of step."""
    drafts.start(engine, dict(DOCUMENT), "Lan", datetime(2026, 3, 1, tzinfo=UTC))


def open_step(page: Page, key: str) -> None:
    page.goto(f"{DRAFT}/steps/{KEYS.index(key) + 1}")


def test_no_form_has_a_serious_barrier_on_a_wide_screen(signed_in_page: Page) -> None:
    for path in PATHS:
        signed_in_page.goto(path)
        assert barriers(signed_in_page) == [], path


def test_a_phone_shows_every_form_without_barriers_or_sideways_scrolling(
    signed_in_phone: Page,
) -> None:
    for path in PATHS:
        signed_in_phone.goto(path)
        assert barriers(signed_in_phone) == [], path
        assert overflow(signed_in_phone) == 0, path


def test_arms_are_ordered_with_the_keyboard_and_saved(
    signed_in_page: Page, engine: Dependencies
) -> None:
    page = signed_in_page
    open_step(page, "halves")
    handle = page.locator("#arms [data-handle]").nth(2)
    handle.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#arms-status")).to_have_text("Arm none: now arm 1 of 3")
    expect(handle.page.locator("#arms [data-handle]").first).to_be_focused()
    page.locator("#save").click()
    expect(page.locator("#notes")).to_contain_text("Saved in the draft.")
    split = drafts.load(engine, "every-kind").document["steps"][2]["split"]
    assert [arm["key"] for arm in split["arms"]] == ["none", "short", "long"]
    assert [arm.get("hold_out") for arm in split["arms"]] == [True, None, None]


def test_cases_are_dragged(signed_in_page: Page, engine: Dependencies) -> None:
    page = signed_in_page
    open_step(page, "way")
    handles = page.locator("#cases [data-handle]")
    start, target = handles.nth(1).bounding_box(), page.locator("#cases > li").first.bounding_box()
    assert start
    assert target
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(start["x"] + 5, target["y"] + 2, steps=8)
    page.mouse.up()
    expect(page.locator("#cases-status")).to_have_text("Case 2: now case 1 of 2")
    page.locator("#save").click()
    expect(page.locator("#notes")).to_contain_text("Saved in the draft.")
    branch = drafts.load(engine, "every-kind").document["steps"][7]["branch"]
    assert [case["to"] for case in branch["cases"]] == ["call", "vip"]


def test_an_arm_is_added_and_the_enter_key_saves(signed_in_page: Page) -> None:
    page = signed_in_page
    open_step(page, "halves")
    page.locator("button[value='arm+']").click()
    expect(page.locator("#arms > li")).to_have_count(4)
    # A browser that has read the whole page goes to the fragment and takes the focus with it.
    page.wait_for_load_state()
    page.locator("input[name='arm-3.key']").fill("fourth")
    page.locator("input[name='arm-3.key']").press("Enter")
    expect(page.locator("#notes")).to_contain_text("Saved in the draft.")
    expect(page.locator("#step-3")).to_contain_text("fourth · 16.7%")


def test_what_a_choice_makes_superfluous_is_out_of_sight(signed_in_page: Page) -> None:
    page = signed_in_page
    open_step(page, "renewal")
    expect(page.locator("input[name=property]")).to_be_hidden()
    expect(page.locator("input[name='offset.amount']")).to_be_visible()
    page.locator("select[name=side]").select_option("")
    expect(page.locator("input[name='offset.amount']")).to_be_hidden()
    page.locator("input[name=dated][value=property]").check()
    expect(page.locator("input[name=property]")).to_be_visible()
    expect(page.locator("select[name=field]")).to_be_hidden()
    open_step(page, "call")
    expect(page.locator("input[name=to]")).to_be_hidden()
    page.locator("input[name=whom][value=address]").check()
    expect(page.locator("input[name=to]")).to_be_visible()
    open_step(page, "halves")
    expect(page.locator("input[name='measure.minimum']")).to_be_visible()
    page.locator("input[name=measured][value=no]").check()
    expect(page.locator("input[name='measure.minimum']")).to_be_hidden()
    open_step(page, "answer")
    page.locator("input[name=what][value=either]").check()
    expect(page.locator("input[name=event]")).to_be_visible()
    expect(page.locator("input[name='when.mode'][value=all]")).to_be_visible()


def test_a_step_of_a_new_kind_is_chosen_and_written(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto(DRAFT)
    page.locator("#place").select_option("0")
    page.get_by_role("button", name="Update the contact").click()
    page.locator("select[name='set.name']").select_option("city")
    page.locator("input[name='set.value']").fill("Huế")
    page.locator("input[name=tag]").fill("vip, coffee")
    page.locator("#save").click()
    expect(page.locator("#notes")).to_contain_text("Saved in the draft.")
    expect(page.locator("#step-1")).to_contain_text("Huế")


def test_a_notice_brings_its_preview_at_once(signed_in_page: Page) -> None:
    page = signed_in_page
    open_step(page, "call")
    page.locator("select[name=email]").select_option("owner-hot-lead")
    expect(page.locator("#preview summary")).to_have_count(2)
    expect(page.locator("#preview .n-field-error")).to_have_count(0)


def test_a_contact_is_found_while_one_types_and_tried_on_paper(
    signed_in_page: Page, engine: Dependencies
) -> None:
    page = signed_in_page
    with engine.database.read() as tx:
        one = reports_contacts.page(tx, Wanted(), limit=1).rows[0]
    page.goto("/sequences/lead-nurture/draft/paper")
    page.locator("#field-q").press_sequentially(one.email.partition("@")[0], delay=5)
    choices = page.locator("#people input[type=radio]")
    expect(choices.nth(1)).to_be_visible()
    choices.first.check()
    page.locator("select[name=act]").first.select_option("clicks")
    page.locator("select[name=step]").first.select_option("welcome")
    page.locator("input[name=day]").first.fill("9")
    page.locator("#look").click()
    expect(page.locator("#told")).to_contain_text("Assumed: Clicked a link")
    expect(page.locator("#told")).to_contain_text("Entered “Lead nurture”")
    assert "act=clicks" in page.url
