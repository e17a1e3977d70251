"""The whole web as granian serves it: tracking in front, the Flask application behind it."""

import os
from multiprocessing.util import Finalize
from typing import Final

from nurture.config import Settings
from nurture.engine.accounts import Accounts
from nurture.jobs.gauge import Gauge
from nurture.jobs.hit_log import hit_log
from nurture.jobs.queue import wake_by
from nurture.web.app import create_app
from nurture.web.behind import Asgi, behind
from nurture.web.dependencies import WebDependencies, account_zone
from nurture.web.track import tracked
from nurture.wiring import build

# Pages wait for the database and for Redis, so a few threads keep a process busy.
THREADS: Final = 4


def application(settings: Settings) -> Asgi:
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
    pages = create_app(given)
    hits = hit_log(engine)
    # The server ends when every reader who is still there has an answer. The hits of those who
    # went away while theirs was on its way are kept then, or here. Its processes are those of
    # `multiprocessing`, which runs this at their end, and nothing that is left with `atexit`.
    Finalize(None, hits.save, exitpriority=1)
    largest: int = pages.config["MAX_CONTENT_LENGTH"]
    return tracked(behind(pages.wsgi_app, THREADS, largest), engine, hits)


def from_environment() -> Asgi:
    """Build the application from the environment: what granian calls in each process."""
    return application(Settings.from_environment(os.environ))
