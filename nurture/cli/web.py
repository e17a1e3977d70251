"""`nurture web`: admin, public pages, tracking and webhooks."""

from typing import Any

import click
from granian import Granian
from granian.constants import Interfaces, Loops
from granian.server.common import AbstractServer

import nurture.web.server  # Loaded before granian forks, so that its processes share it.
from nurture.cli.settings import settings
from nurture.config import Settings
from nurture.store.migrate import upgrade

FACTORY = f"{nurture.web.server.__name__}:{nurture.web.server.from_environment.__name__}"


@click.command()
def web() -> None:
    """Serve the web until SIGTERM or Ctrl-C, in NURTURE_WEB_PROCESSES processes."""
    found = settings()
    upgrade(found.database_url)
    server(found).serve()


def server(found: Settings, factory: str = FACTORY) -> AbstractServer[Any]:
    """The server of what `factory` makes in each process."""
    return Granian(
        factory,
        address=found.web_host,
        port=found.web_port,
        # Without the lifespan protocol: what a process has to do at its end needs no loop.
        interface=Interfaces.ASGINL,
        loop=Loops.asyncio,
        workers=found.web_processes,
        factory=True,
        websockets=False,
        respawn_failed_workers=True,
    )
