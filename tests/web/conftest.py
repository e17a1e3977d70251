"""What tests of pages ask for: an application, a client that is logged in, a real browser."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page

from nurture.config import Secrets, Settings
from nurture.engine.dependencies import Dependencies
from nurture.web.app import WebDependencies, create_app
from nurture.wiring import build
from tests.web.browsing import PHONE, WIDE, chromium, context, violations
from tests.web.gallery import gallery_pages
from tests.web.people import CHEAP, EMAIL, PASSWORD, AccountsInMemory, StandingClock, lan
from tests.web.serving import Served
from tests.web.signing_in import log_in


@pytest.fixture
def clock() -> StandingClock:
    """The campaign's clock."""
    return StandingClock()


@pytest.fixture
def wall() -> StandingClock:
    """The wall's clock, by which sessions expire."""
    return StandingClock()


@pytest.fixture
def accounts() -> AccountsInMemory:
    """Accounts with one user: EMAIL and PASSWORD of `tests.web.people`."""
    return AccountsInMemory(lan())


@pytest.fixture
def engine(settings: Settings, clock: StandingClock, wall: StandingClock) -> Iterator[Dependencies]:
    """The engine's parts on the settings' database, which has no tables until a test makes them.

    Pages that read need `DATABASE_URL` of the fixture `sqlite_url`: see `tests.web.seed`.
    """
    built = replace(build(settings), clock=clock, wall=wall)
    yield built
    built.database.close()


@pytest.fixture
def given(
    settings: Settings,
    accounts: AccountsInMemory,
    engine: Dependencies,
    clock: StandingClock,
    wall: StandingClock,
) -> WebDependencies:
    """What the application is given; override this fixture for pages that need more."""
    return WebDependencies(
        settings=settings,
        secrets=Secrets(bytes(range(32))),
        accounts=accounts,
        engine=engine,
        clock=clock,
        wall=wall,
        passwords=CHEAP,
    )


@pytest.fixture
def pages() -> Sequence[Blueprint]:
    """The pages of the application: a gallery of every macro. Override it to test real pages."""
    return gallery_pages()


@pytest.fixture
def app(given: WebDependencies, pages: Sequence[Blueprint]) -> Flask:
    """The application."""
    made = create_app(given, pages)
    # Errors become pages, as they do for people, and do not fall through to the test.
    made.testing = False
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A stranger's client with a cookie jar."""
    return app.test_client()


@pytest.fixture
def signed_in(client: FlaskClient) -> FlaskClient:
    """A client that has logged in through the form."""
    assert log_in(client).status_code == 303
    return client


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def server(app: Flask) -> Iterator[Served]:
    """The application behind real HTTP; `server.url` is where."""
    with Served(app) as served:
        yield served


@pytest.fixture
def page(browser: Browser, server: Served) -> Iterator[Page]:
    """A stranger's page at 1280 px, which must end without a policy violation."""
    with context(browser, server.url, WIDE) as opened:
        shown = opened.new_page()
        yield shown
        assert violations(shown) == []


@pytest.fixture
def phone(browser: Browser, server: Served) -> Iterator[Page]:
    """A stranger's page at 390 px, in Vietnamese."""
    with context(browser, server.url, PHONE, locale="vi-VN") as opened:
        shown = opened.new_page()
        yield shown
        assert violations(shown) == []


def enter(page: Page) -> None:
    """Log in through the page, as a person does."""
    page.goto("/login")
    page.locator("input[name=email]").fill(EMAIL)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button.btn-primary").click()
    page.wait_for_url(lambda url: "/login" not in url)


@pytest.fixture
def signed_in_page(page: Page) -> Page:
    """The wide page, logged in."""
    enter(page)
    return page


@pytest.fixture
def signed_in_phone(phone: Page) -> Page:
    """The phone, logged in."""
    enter(phone)
    return phone
