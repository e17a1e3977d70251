"""The settings that every command starts from. They load nothing else of the product."""

import os

import click

from nurture.config import Settings


def settings() -> Settings:
    """Return the settings of this process.

    A home that holds the demo's clock lives in the demo's time: a decision written there with
    another date would be wrong for good. The environment is told, so that processes started
    from here live in it too, and that nothing is said twice.
    """
    found = Settings.from_environment(os.environ)
    clock = found.home / "clock"
    if found.clock or found.production or not clock.is_file():
        return found
    click.echo(f"The time is that of the demo in {found.home}.", err=True)
    os.environ["NURTURE_CLOCK"] = str(clock)
    return Settings.from_environment(os.environ)
