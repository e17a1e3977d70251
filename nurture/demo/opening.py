"""How a demo begins: an account for the admin, and the shipped contacts."""

import os
import secrets
from importlib.resources import files
from pathlib import Path

from nurture.config import Settings
from nurture.engine.accounts import add_user
from nurture.engine.dependencies import Dependencies
from nurture.engine.importing import import_contacts
from nurture.engine.importing_csv import Table
from nurture.engine.importing_plan import ImportOptions
from nurture.web.passwords import Passwords

ADMIN = "admin@example.com"


def log_in(deps: Dependencies, home: Path) -> str:
    """Return the admin's password, made once and kept beside the demo's database."""
    note = home / "admin-password"
    if not note.exists():
        password = secrets.token_urlsafe(9)
        now = deps.wall.now()
        add_user(deps.database, ADMIN, Passwords().hash(password), now, name="Admin", by="demo")
        descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password)
    return note.read_text()


def bring_in(deps: Dependencies, settings: Settings) -> str:
    """Import the shipped contacts, a second time without effect; return what came of it."""
    shipped = Path(str(files("nurture.demo") / "audience.csv"))
    options = ImportOptions(rejects=settings.home / "audience.rejected.csv", by="demo")
    with shipped.open("rb") as stream:
        table = Table.open(stream, shipped.name)
        done = import_contacts(deps, table, options, deps.clock.now())
    counted = ", ".join(f"{count} {what}" for what, count in done.counts.items())
    return f"contacts: {counted}"
