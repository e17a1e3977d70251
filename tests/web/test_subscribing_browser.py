"""Signing up in a real Chromium: the keyboard, a phone in Vietnamese, barriers, the dark."""

from collections.abc import Iterator, Sequence

import pytest
import sqlalchemy as sa
from flask import Blueprint
from playwright.sync_api import Page, expect

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.engine.suppress import unsubscribe
from nurture.tracking.tokens import Purpose
from nurture.web.app import PAGES
from tests.engine.signing_up import SignUp, opened_for_sign_up
from tests.engine.world import S
from tests.web.browsing import barriers, overflow
from tests.web.people import StandingClock

pytestmark = pytest.mark.browser

LONG = "mot.dia.chi.dai.that.dai.cua.mot.cua.hang.banh.mi@" + "banhmi" * 9 + ".example.com"


@pytest.fixture
def pages() -> Sequence[Blueprint]:
    return PAGES


@pytest.fixture
def world(settings: Settings, sqlite_url: str) -> Iterator[SignUp]:
    with opened_for_sign_up(settings, sqlite_url) as made:
        yield made


@pytest.fixture
def engine(world: SignUp, clock: StandingClock, wall: StandingClock) -> Dependencies:
    clock.moment = wall.moment = world.now
    return world.deps


def assert_open_to_all(page: Page) -> None:
    assert barriers(page) == []
    assert overflow(page) == 0


def link(world: SignUp, purpose: Purpose, step: str) -> str:
    """The address of a button in the latest email of a step."""
    (send,) = world.column(sa.select(sa.func.max(S.id)).where(S.step == step))
    path = {Purpose.CONFIRM: "confirm", Purpose.UNSUBSCRIBE: "u"}[purpose]
    return f"/{path}/{world.deps.tokens.seal(purpose, 1, send)}"


def test_somebody_signs_up_and_confirms_by_the_keyboard_alone(world: SignUp, page: Page) -> None:
    page.goto("/subscribe?lang=en&topic=marketing")
    assert_open_to_all(page)
    page.get_by_label("Email address").focus()
    page.keyboard.type("ana@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type("Ana")
    # Past the languages, and past the field that only programs fill in.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign up")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "One more step: look into your mailbox"
    )
    assert_open_to_all(page)
    world.work()
    assert world.mailed("ana") == ["ask"]
    page.goto(link(world, Purpose.CONFIRM, "please"))
    assert_open_to_all(page)
    assert world.consents() == {}
    page.get_by_role("button", name="Yes, write to me").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed up")
    assert_open_to_all(page)
    assert world.consents() == {"marketing": True}


def test_on_a_phone_a_slip_is_told_at_its_field_and_nothing_is_lost(
    world: SignUp, phone: Page
) -> None:
    phone.goto("/subscribe")
    assert_open_to_all(phone)
    phone.get_by_label("Địa chỉ email").fill(LONG)
    phone.get_by_label("Tên của bạn").fill("http://x.vn")
    phone.get_by_role("button", name="Đăng ký").click()
    expect(phone.get_by_text("Tên chỉ gồm chữ cái")).to_be_visible()
    expect(phone.get_by_label("Địa chỉ email")).to_have_value(LONG)
    assert_open_to_all(phone)
    phone.get_by_label("Tên của bạn").fill("Ánh")
    phone.get_by_role("button", name="Đăng ký").click()
    expect(phone.get_by_role("heading", level=1)).to_contain_text("mở hộp thư của bạn")
    assert_open_to_all(phone)


def test_the_way_back_stands_on_the_page_on_which_somebody_left(world: SignUp, page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    world.enroll("ana")
    world.work()
    unsubscribe(world.deps, world.column(sa.select(S.id))[0], world.now)
    page.goto(f"{link(world, Purpose.UNSUBSCRIBE, 'hello')}?lang=en")
    assert_open_to_all(page)
    page.get_by_role("button", name="Subscribe again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed up")
    assert_open_to_all(page)
    assert world.consents()["marketing"]
