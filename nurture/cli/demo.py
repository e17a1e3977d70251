"""`nurture demo`: the whole product on real parts, with an audience."""

import os
import sys

import click
from rich.console import Console

from nurture.demo.run import Wishes
from nurture.demo.run import demo as run


@click.command()
@click.option("--speed", default=1.0, show_default=True, help="Days a second.")
@click.option("--days", default=60, show_default=True, help="How many days the story lasts.")
@click.option("--until-done", is_flag=True, help="End after the story; status 0 if books balance.")
@click.option("--fresh", is_flag=True, help="Start over instead of going on.")
def demo(speed: float, days: int, until_done: bool, fresh: bool) -> None:  # noqa: FBT001 - options
    """Play the whole loop: import, send, open, click, score, move, unsubscribe, bounce."""
    wishes = Wishes(speed, days, until_done, fresh)
    sys.exit(run(os.environ, wishes, Console()))
