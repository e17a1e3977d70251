"""The whole web as granian serves it: tracking in front, the Flask application behind it."""

import os

from nurture.config import Settings
from nurture.engine.accounts import Accounts
from nurture.jobs.gauge import Gauge
from nurture.jobs.hit_log import hit_log
from nurture.jobs.queue import wake_by
from nurture.web.app import create_app
from nurture.web.dependencies import WebDependencies, account_zone
from nurture.web.track import Wsgi, tracked
from nurture.wiring import build


def application(settings: Settings) -> Wsgi:
    """Build the application of one server process."""
    engine = build(settings, wake_by(settings))
    given = WebDependencies(
        settings=settings,
        secrets=engine.secrets,
        accounts=Accounts(engine.database),
        engine=engine,
        clock=engine.clock,
        queue=Gauge(settings),
        zone=account_zone(engine),
    )
    return tracked(create_app(given).wsgi_app, engine, hit_log(engine))


def from_environment() -> Wsgi:
    """Build the application from the environment: what granian calls in each process."""
    return application(Settings.from_environment(os.environ))
