"""What tests of pages ask for: an application, a client that is logged in, a real browser."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page

from nurture.config import Secrets, Settings
from nurture.engine.dependencies import Dependencies
from nurture.web.app import PAGES, WebDependencies
from nurture.wiring import build
from tests.web.apps import Lend, lent
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
def lend() -> Iterator[Lend]:
    """Makes an application of what it is given, or takes one that another test has done with."""
    with ExitStack() as borrowed:

        def borrow(given: WebDependencies, pages: Sequence[Blueprint] = PAGES) -> Flask:
            return borrowed.enter_context(lent(given, pages))

        yield borrow


@pytest.fixture
def app(lend: Lend, given: WebDependencies, pages: Sequence[Blueprint]) -> Flask:
    """The application."""
    return lend(given, pages)


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


def let_in(page: Page, signed_in: FlaskClient, server: Served) -> Page:
    """Give a browser the cookie of who has logged in; by the page it takes longer than a test."""
    cookie = signed_in.get_cookie("nurture")
    assert cookie is not None
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": server.url}])
    return page


@pytest.fixture
def signed_in_page(page: Page, signed_in: FlaskClient, server: Served) -> Page:
    """The wide page, logged in, with nothing opened yet."""
    return let_in(page, signed_in, server)


@pytest.fixture
def signed_in_phone(phone: Page, signed_in: FlaskClient, server: Served) -> Page:
    """The phone, logged in, with nothing opened yet."""
    return let_in(phone, signed_in, server)
