"""What the web is given: one frozen object, made by whoever starts it."""

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Protocol

from flask import Flask, current_app

from nurture.clock import Clock, WallClock
from nurture.config import Secrets, Settings
from nurture.domain.zones import zone_named
from nurture.engine.dependencies import Dependencies
from nurture.errors import NotFound
from nurture.web.accounts import Accounts
from nurture.web.passwords import Passwords


class QueueGauge(Protocol):
    """How much work the queue holds. Only the jobs speak its language, so it comes from there."""

    def depth(self) -> int | None:
        """How many jobs wait; None while the queue does not answer. Never raises, never hangs."""


class NoQueue:
    """Stands where the web was started without a queue."""

    def depth(self) -> int | None:
        """Nobody answers."""
        return None


@dataclass(frozen=True, kw_only=True)
class WebDependencies:
    """Everything a page may use.

    Pages read through `nurture.store.reports…` with `engine.database.read()` and write by calling
    the engine's use cases with `engine`.

    `clock` is the campaign's time, which the demo runs at a day a second. `wall` is real time:
    sessions and the rate limit of log-ins need it, or a demo would log its marketer out at once.
    `zone` is the zone in which pages show times.
    """

    settings: Settings
    secrets: Secrets
    accounts: Accounts
    engine: Dependencies
    clock: Clock
    wall: Clock = field(default_factory=WallClock)
    passwords: Passwords = field(default_factory=Passwords)
    queue: QueueGauge = field(default_factory=NoQueue)
    zone: tzinfo = UTC


def without_pages(given: WebDependencies) -> Flask:
    """An application that has what it is given and serves nothing: for words and formats alone."""
    app = Flask("nurture.web", static_folder=None)
    app.extensions["nurture"] = given
    return app


def account_zone(engine: Dependencies) -> tzinfo:
    """Return the zone in which pages show times: the account's, UTC when nothing is published."""
    try:
        with engine.database.read() as tx:
            name = engine.definitions.catalog(tx).funnel.account.timezone
    except NotFound:
        return UTC
    return zone_named(name) or UTC


def dependencies() -> WebDependencies:
    """The dependencies of the application that serves this request."""
    found: WebDependencies = current_app.extensions["nurture"]
    return found
