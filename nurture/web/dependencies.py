"""What the web is given: one frozen object, made by whoever starts it."""

from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from flask import current_app

from nurture.clock import Clock, WallClock
from nurture.config import Secrets, Settings
from nurture.web.accounts import Accounts
from nurture.web.passwords import Passwords


@dataclass(frozen=True, kw_only=True)
class WebDependencies:
    """Everything a page may use.

    `clock` is the campaign's time, which the demo runs at a day a second. `wall` is real time:
    sessions and the rate limit of log-ins need it, or a demo would log its marketer out at once.
    `zone` is the zone in which pages show times.
    """

    settings: Settings
    secrets: Secrets
    accounts: Accounts
    clock: Clock
    wall: Clock = field(default_factory=WallClock)
    passwords: Passwords = field(default_factory=Passwords)
    zone: tzinfo = UTC


def dependencies() -> WebDependencies:
    """The dependencies of the application that serves this request."""
    found: WebDependencies = current_app.extensions["nurture"]
    return found
