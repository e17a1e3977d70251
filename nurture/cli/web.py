"""`nurture web`: admin, public pages, tracking and webhooks."""

import click
from granian import Granian
from granian.constants import Interfaces, Loops

import nurture.web.server  # Loaded before granian forks, so that its processes share it.
from nurture.cli.settings import settings
from nurture.store.migrate import upgrade


@click.command()
def web() -> None:
    """Serve the web until SIGTERM or Ctrl-C, in NURTURE_WEB_PROCESSES processes."""
    found = settings()
    upgrade(found.database_url)
    Granian(
        f"{nurture.web.server.__name__}:{nurture.web.server.from_environment.__name__}",
        address=found.web_host,
        port=found.web_port,
        interface=Interfaces.ASGINL,
        loop=Loops.asyncio,
        workers=found.web_processes,
        factory=True,
        websockets=False,
        respawn_failed_workers=True,
    ).serve()
