"""Bringing a database to the current schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from nurture.store.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema; harmless when it is there already.

    PostgreSQL migrates under an advisory lock, so that several machines may start at once.
    """
    database = Database(url)
    try:
        with database.engine.begin() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7285619)")
            command.upgrade(configuration(connection), "head")
    finally:
        database.close()


def is_current(database: Database) -> bool:
    """Return whether the schema is the newest one."""
    with database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        return found == ScriptDirectory.from_config(configuration(connection)).get_current_head()
