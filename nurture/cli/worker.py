"""`nurture worker`: everything that works in the background, under one supervisor."""

import logging
import os
import sys

import click

from nurture.cli.parts import settings
from nurture.jobs.queue import wake_by
from nurture.jobs.supervisor import Supervisor
from nurture.store.migrate import upgrade
from nurture.wiring import build


@click.command()
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="How many processes send; NURTURE_WORKERS by default.",
)
def worker(workers: int | None) -> None:
    """Send mail, move runs on, record hits: until SIGTERM or Ctrl-C, which finish what is in hand.

    A second signal ends everything at once; what was in hand is settled at the next start.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s supervisor %(levelname)s %(message)s"
    )
    found = settings()
    upgrade(found.database_url)
    supervisor = Supervisor(build(found, wake_by(found)), os.environ, workers=workers)
    supervisor.stop.listen()
    sys.exit(supervisor.run())
