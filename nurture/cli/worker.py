"""`nurture worker`: everything that works in the background, under one supervisor."""

import logging
import sys
from functools import partial

import click

from nurture.cli.settings import settings
from nurture.jobs.nursery import keep
from nurture.jobs.roles import BECOME
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
    logging.basicConfig(level=logging.INFO, format="%(asctime)s nursery %(levelname)s %(message)s")
    found = settings()
    upgrade(found.database_url)
    # What cannot be built is told here once, and not by every process that is begun.
    build(found).database.close()
    sys.exit(keep(partial(BECOME, workers=-1 if workers is None else workers)))
