"""What commands share: settings from the environment, and the parts built from them."""

import os
from getpass import getuser

import click

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.store.migrate import upgrade
from nurture.wiring import build


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


def who() -> str:
    """Return who runs this command, for the record."""
    # Without a login, as in a bare container, the system knows no name.
    try:
        return f"{getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def parts(*, migrate: bool = True) -> Dependencies:
    """Return the parts of a Nurture on a database that has the newest schema."""
    found = settings()
    if migrate:
        upgrade(found.database_url)
    return build(found)
