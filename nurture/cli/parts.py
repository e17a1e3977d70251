"""What commands share: the parts of a Nurture, and who runs the command."""

from getpass import getuser

from nurture.cli.settings import settings
from nurture.engine.dependencies import Dependencies
from nurture.store.migrate import upgrade
from nurture.wiring import build


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
