"""The shell in a real Chromium: policy, accessibility, keyboard, phone."""

import re

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Dialog, Page, expect

from tests.web.browsing import barriers, overflow, violations
from tests.web.people import EMAIL, PASSWORD

pytestmark = pytest.mark.browser


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


@pytest.mark.parametrize("path", ["/login", "/nothing", "/", "/sequences/"])
def test_no_serious_barrier_on_a_wide_screen(signed_in_page: Page, path: str) -> None:
    if path == "/login":
        signed_in_page.context.clear_cookies()
    signed_in_page.goto(path)
    assert barriers(signed_in_page) == []


@pytest.mark.parametrize("path", ["/login", "/nothing", "/", "/sequences/"])
def test_no_serious_barrier_and_nothing_cut_off_on_a_phone(
    signed_in_phone: Page, path: str
) -> None:
    if path == "/login":
        signed_in_phone.context.clear_cookies()
    signed_in_phone.goto(path)
    assert barriers(signed_in_phone) == []
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


@pytest.mark.parametrize("path", ["/login", "/"])
def test_no_serious_barrier_in_the_dark(signed_in_page: Page, path: str) -> None:
    if path == "/login":
        signed_in_page.context.clear_cookies()
    signed_in_page.emulate_media(color_scheme="dark")
    signed_in_page.goto(path)
    assert barriers(signed_in_page) == []


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


def test_the_account_menu_closes_by_escape_and_logs_out(signed_in_page: Page) -> None:
    menu = signed_in_page.locator("details.n-menu")
    summary = menu.locator("summary")
    summary.click()
    log_out = signed_in_page.get_by_role("button", name="Log out")
    expect(log_out).to_be_visible()
    signed_in_page.keyboard.press("Escape")
    expect(log_out).to_be_hidden()
    expect(summary).to_be_focused()
    summary.click()
    log_out.click()
    expect(signed_in_page).to_have_url(re.compile("/login$"))


def order(page: Page) -> list[str]:
    values: list[str] = page.locator("#steps input[name=order]").evaluate_all(
        "fields => fields.map(field => field.value)"
    )
    return values


def test_steps_are_ordered_by_the_arrow_keys_and_the_move_is_spoken(signed_in_page: Page) -> None:
    handle = signed_in_page.get_by_role("button", name="Move Wait two days")
    handle.focus()
    signed_in_page.keyboard.press("ArrowUp")
    assert order(signed_in_page) == ["pause", "welcome", "read", "leave"]
    expect(handle).to_be_focused()
    expect(signed_in_page.locator("#steps-status")).to_have_text("Wait two days: now step 1 of 4")
    signed_in_page.keyboard.press("ArrowUp")
    assert order(signed_in_page)[0] == "pause"
    signed_in_page.locator("#save").click()
    assert signed_in_page.locator("body").text_content() == "pause,welcome,read,leave"


def test_steps_are_ordered_by_dragging(signed_in_page: Page) -> None:
    signed_in_page.evaluate(
        "document.addEventListener('order:changed', e => window.changed = e.detail.keys)"
    )
    signed_in_page.locator("#save").scroll_into_view_if_needed()
    start = signed_in_page.get_by_role("button", name="Move Welcome").bounding_box()
    end = signed_in_page.get_by_role("button", name="Move Leave").bounding_box()
    assert start
    assert end
    signed_in_page.mouse.move(start["x"] + 8, start["y"] + 8)
    signed_in_page.mouse.down()
    signed_in_page.mouse.move(end["x"] + 8, end["y"] + end["height"] + 10, steps=12)
    signed_in_page.mouse.up()
    assert order(signed_in_page) == ["pause", "read", "leave", "welcome"]
    assert signed_in_page.evaluate("window.changed") == ["pause", "read", "leave", "welcome"]


def test_the_list_follows_what_is_typed(signed_in_page: Page) -> None:
    signed_in_page.get_by_role("searchbox").press_sequentially("hồng")
    expect(signed_in_page.locator("#rows tbody tr")).to_have_count(1)
    expect(signed_in_page).to_have_url(re.compile("q=h"))


def test_a_failed_partial_request_is_told(signed_in_page: Page) -> None:
    signed_in_page.evaluate("htmx.ajax('GET', '/error/missing', '#rows')")
    expect(signed_in_page.locator("#notes")).to_contain_text("That did not work.")


def test_an_ended_session_takes_a_partial_request_to_log_in(signed_in_page: Page) -> None:
    signed_in_page.context.clear_cookies()
    signed_in_page.get_by_role("searchbox").press_sequentially("a")
    expect(signed_in_page).to_have_url(re.compile("/login"))


def test_a_destructive_form_asks_first(signed_in_page: Page) -> None:
    questions: list[str] = []

    def answer(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.dismiss()

    signed_in_page.on("dialog", answer)
    signed_in_page.get_by_role("button", name="Delete").click()
    assert questions == ["Really?"]
    expect(signed_in_page.get_by_role("heading", level=1)).to_have_text("Every part")


def test_a_mails_frame_runs_nothing(signed_in: FlaskClient, signed_in_page: Page) -> None:
    signed_in_page.evaluate(
        "const f = document.createElement('iframe'); f.src = '/mail'; document.body.append(f)"
    )
    frame = signed_in_page.frame_locator("iframe")
    expect(frame.locator("p")).to_have_css("color", "rgb(255, 0, 0)")
