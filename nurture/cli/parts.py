"""What commands share: settings from the environment, and the parts built from them."""

import os

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.store.migrate import upgrade
from nurture.wiring import build


def settings() -> Settings:
    """Return the settings of this process."""
    return Settings.from_environment(os.environ)


def parts(*, migrate: bool = True) -> Dependencies:
    """Return the parts of a Nurture on a database that has the newest schema."""
    found = settings()
    if migrate:
        upgrade(found.database_url)
    return build(found)
