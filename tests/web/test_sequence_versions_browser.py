"""The pages of versions in a real Chromium: barriers, a phone, and the keyboard."""

import pytest
from playwright.sync_api import Page, expect

from nurture.engine.dependencies import Dependencies
from nurture.engine.pausing import pause
from nurture.engine.trials import try_draft
from tests.web.browsing import barriers, overflow
from tests.web.planted import engine, pages
from tests.web.test_sequence_versions import NOW, mark, without_a_step
from tests.web.test_sequences import LEAD

__all__ = ["engine", "pages"]

pytestmark = pytest.mark.browser

PATHS = [f"{LEAD}/resume", f"{LEAD}/migrate", f"{LEAD}/draft/try"]


@pytest.fixture
def prepared(engine: Dependencies) -> str:
    """A paused sequence with contacts on an older version, and a draft that is tried."""
    removed = without_a_step(engine)
    pause(engine, "lead-nurture", "a typo in the second email", "Lan", NOW)
    address = mark(engine)
    try_draft(engine, "lead-nurture", [address], "Lan", NOW)
    return removed


@pytest.mark.usefixtures("prepared")
def test_no_serious_barrier_on_a_wide_screen(signed_in_page: Page) -> None:
    for path in PATHS:
        signed_in_page.goto(path)
        assert barriers(signed_in_page) == [], path


@pytest.mark.usefixtures("prepared")
def test_a_phone_shows_it_without_barriers_or_sideways_scrolling(signed_in_phone: Page) -> None:
    for path in PATHS:
        signed_in_phone.goto(path)
        assert barriers(signed_in_phone) == [], path
        assert overflow(signed_in_phone) == 0, path


@pytest.mark.usefixtures("prepared")
def test_a_migration_is_counted_by_keyboard_alone(signed_in_page: Page) -> None:
    signed_in_page.goto(f"{LEAD}/migrate")
    choice = signed_in_page.get_by_label("which is gone")
    choice.focus()
    choice.press("ArrowDown")
    signed_in_page.get_by_role("button", name="Count only").focus()
    signed_in_page.keyboard.press("Enter")
    expect(signed_in_page.get_by_role("heading", name="What would happen")).to_be_visible()


@pytest.mark.usefixtures("prepared")
def test_a_way_to_go_on_is_chosen_by_keyboard_alone(signed_in_page: Page) -> None:
    signed_in_page.goto(f"{LEAD}/resume")
    signed_in_page.locator("#how-shift").focus()
    signed_in_page.keyboard.press("ArrowDown")
    expect(signed_in_page.locator("#how-catch_up")).to_be_checked()
    signed_in_page.get_by_role("button", name="Go on").focus()
    signed_in_page.keyboard.press("Enter")
    expect(signed_in_page.get_by_text("Going on.")).to_be_visible()
