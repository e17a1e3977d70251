"""The application, made once for all tests that want the same pages, and lent to them in turn.

Its routes take longer to make than most tests of a page take, and so does compiling the templates
at their first use, which each new application does again. It remembers nothing of what it is
given but in two places, and both are filled in anew here for whoever borrows it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from flask import Blueprint, Flask

from nurture.web import sessions
from nurture.web.app import PAGES, WebDependencies, create_app

_idle: dict[tuple[bool, tuple[Blueprint, ...]], list[Flask]] = {}


class Lend(Protocol):
    """What makes an application, or lends one: `create_app` does, and the fixture `lend`."""

    def __call__(self, given: WebDependencies, pages: Sequence[Blueprint] = PAGES) -> Flask:
        """Serve `pages` with what it is `given`."""


@contextmanager
def lent(given: WebDependencies, pages: Sequence[Blueprint] = PAGES) -> Iterator[Flask]:
    """An application that serves `pages` with what it is `given`, by nobody else used meanwhile."""
    production = given.settings.production
    idle = _idle.setdefault((production, tuple(pages)), [])
    if idle:
        app = idle.pop()
        app.extensions["nurture"] = given
        sessions.configure(app, key=given.secrets.key("web session"), production=production)
    else:
        app = create_app(given, pages)
        # Errors become pages, as they do for people, and do not fall through to the test.
        app.testing = False
    yield app
    idle.append(app)
