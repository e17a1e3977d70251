"""The shell in a real Chromium: policy, accessibility, keyboard, phone."""

import re

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Dialog, Page, expect

from tests.web.browsing import barriers, overflow, violations
from tests.web.people import EMAIL, PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def every_part(signed_in_page: Page) -> Page:
    """The page that shows every part, opened by somebody who is logged in."""
    signed_in_page.goto("/")
    return signed_in_page


def test_a_person_logs_in_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/login")
    page.keyboard.type(EMAIL)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Every part")


def test_the_watch_for_violations_sees_one(page: Page) -> None:
    page.goto("/login")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.wait_for_function("window.violations.length > 0")
    assert "style-src" in violations(page)[0]
    page.evaluate("window.violations = []")


PATHS = ["/nothing", "/", "/sequences/"]


def logged_out(page: Page) -> Page:
    """The log-in page, where nobody who is logged in comes."""
    page.context.clear_cookies()
    page.goto("/login")
    return page


def test_no_serious_barrier_on_a_wide_screen(signed_in_page: Page) -> None:
    for path in PATHS:
        signed_in_page.goto(path)
        assert barriers(signed_in_page) == [], path
    assert barriers(logged_out(signed_in_page)) == []


def test_no_serious_barrier_in_the_dark(signed_in_page: Page) -> None:
    signed_in_page.emulate_media(color_scheme="dark")
    signed_in_page.goto("/")
    assert barriers(signed_in_page) == []
    assert barriers(logged_out(signed_in_page)) == []


def test_no_serious_barrier_and_nothing_cut_off_on_a_phone(signed_in_phone: Page) -> None:
    for path in PATHS:
        signed_in_phone.goto(path)
        assert barriers(signed_in_phone) == [], path
        assert overflow(signed_in_phone) == 0, path
    assert barriers(logged_out(signed_in_phone)) == []
    assert overflow(signed_in_phone) == 0


def test_on_a_phone_the_bar_stays_low_and_the_menu_is_at_the_thumb(signed_in_phone: Page) -> None:
    signed_in_phone.goto("/sequences/")
    bar = signed_in_phone.locator(".n-rail").bounding_box()
    menu = signed_in_phone.locator(".n-nav-holder").bounding_box()
    assert bar
    assert menu
    assert bar["height"] < 80
    assert menu["y"] + menu["height"] == 844
    assert menu["height"] < 70, "an entry of the menu is broken into two lines"


def test_a_wrong_password_is_told_and_the_password_field_is_ready(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Email address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("not right")
    expect(page.get_by_label("Email address")).to_have_value(EMAIL)
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    assert barriers(page) == []


def test_a_password_can_be_looked_at(page: Page) -> None:
    page.goto("/login")
    field = page.get_by_label("Password", exact=True)
    page.get_by_role("button", name="Show the password").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Show the password").click()
    expect(field).to_have_attribute("type", "password")


def test_the_language_switch_changes_the_page_in_place(page: Page) -> None:
    page.goto("/login?next=/contacts/")
    page.get_by_role("button", name="Tiếng Việt").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Đăng nhập")
    expect(page).to_have_url(re.compile(r"/login\?next=/contacts/"))


def test_the_account_menu_closes_by_escape_and_logs_out(every_part: Page) -> None:
    menu = every_part.locator("details.n-menu")
    summary = menu.locator("summary")
    summary.click()
    log_out = every_part.get_by_role("button", name="Log out")
    expect(log_out).to_be_visible()
    every_part.keyboard.press("Escape")
    expect(log_out).to_be_hidden()
    expect(summary).to_be_focused()
    summary.click()
    log_out.click()
    expect(every_part).to_have_url(re.compile("/login$"))


def order(page: Page) -> list[str]:
    values: list[str] = page.locator("#steps input[name=order]").evaluate_all(
        "fields => fields.map(field => field.value)"
    )
    return values


def test_steps_are_ordered_by_the_arrow_keys_and_the_move_is_spoken(every_part: Page) -> None:
    handle = every_part.get_by_role("button", name="Move Wait two days")
    handle.focus()
    every_part.keyboard.press("ArrowUp")
    assert order(every_part) == ["pause", "welcome", "read", "leave"]
    expect(handle).to_be_focused()
    expect(every_part.locator("#steps-status")).to_have_text("Wait two days: now step 1 of 4")
    every_part.keyboard.press("ArrowUp")
    assert order(every_part)[0] == "pause"
    every_part.locator("#save").click()
    assert every_part.locator("body").text_content() == "pause,welcome,read,leave"


def test_steps_are_ordered_by_dragging(every_part: Page) -> None:
    every_part.evaluate(
        "document.addEventListener('order:changed', e => window.changed = e.detail.keys)"
    )
    every_part.locator("#save").scroll_into_view_if_needed()
    start = every_part.get_by_role("button", name="Move Welcome").bounding_box()
    end = every_part.get_by_role("button", name="Move Leave").bounding_box()
    assert start
    assert end
    every_part.mouse.move(start["x"] + 8, start["y"] + 8)
    every_part.mouse.down()
    every_part.mouse.move(end["x"] + 8, end["y"] + end["height"] + 10, steps=12)
    every_part.mouse.up()
    assert order(every_part) == ["pause", "read", "leave", "welcome"]
    assert every_part.evaluate("window.changed") == ["pause", "read", "leave", "welcome"]


def test_the_list_follows_what_is_typed(every_part: Page) -> None:
    every_part.get_by_role("searchbox").press_sequentially("hồng")
    expect(every_part.locator("#rows tbody tr")).to_have_count(1)
    expect(every_part).to_have_url(re.compile("q=h"))


def test_a_failed_partial_request_is_told(every_part: Page) -> None:
    every_part.evaluate("htmx.ajax('GET', '/error/missing', '#rows')")
    expect(every_part.locator("#notes")).to_contain_text("That did not work.")


def test_an_ended_session_takes_a_partial_request_to_log_in(every_part: Page) -> None:
    every_part.context.clear_cookies()
    every_part.get_by_role("searchbox").press_sequentially("a")
    expect(every_part).to_have_url(re.compile("/login"))


def test_a_destructive_form_asks_first(every_part: Page) -> None:
    questions: list[str] = []

    def answer(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.dismiss()

    every_part.on("dialog", answer)
    every_part.get_by_role("button", name="Delete").click()
    assert questions == ["Really?"]
    expect(every_part.get_by_role("heading", level=1)).to_have_text("Every part")


def test_a_mails_frame_runs_nothing(signed_in: FlaskClient, every_part: Page) -> None:
    every_part.evaluate(
        "const f = document.createElement('iframe'); f.src = '/mail'; document.body.append(f)"
    )
    frame = every_part.frame_locator("iframe")
    expect(frame.locator("p")).to_have_css("color", "rgb(255, 0, 0)")
