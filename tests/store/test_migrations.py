"""The migrations lead to exactly the tables that the code means, and back."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from nurture.store import bulk
from nurture.store.database import Database
from nurture.store.migrate import configuration, is_current, upgrade
from nurture.store.tables import Base, Contact, Enrollment, Sequence
from tests.store import rows


@pytest.fixture
def blank(blank_database_url: str) -> Iterator[Database]:
    opened = Database(blank_database_url)
    yield opened
    opened.close()


def names(database: Database) -> set[str]:
    return set(sa.inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_a_blank_database_becomes_what_the_models_say(
    blank: Database, blank_database_url: str
) -> None:
    assert not is_current(blank)
    upgrade(blank_database_url)
    assert is_current(blank)
    assert names(blank) == set(Base.metadata.tables)
    with blank.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_partial_indexes_and_checks_are_what_the_models_say(
    blank: Database, blank_database_url: str
) -> None:
    """What Alembic does not compare: the conditions of indexes and the texts of checks."""
    upgrade(blank_database_url)
    migrated = sa.inspect(blank.engine)
    for table in Base.metadata.tables.values():
        checks = {one["name"] for one in migrated.get_check_constraints(table.name)}
        declared = {
            str(one.name) for one in table.constraints if isinstance(one, sa.CheckConstraint)
        }
        assert checks == declared, table.name
        dialect = blank.engine.dialect.name
        partial = {
            str(index.name)
            for index in table.indexes
            if index.dialect_options[dialect]["where"] is not None
        }
        found = {
            str(one["name"])
            for one in migrated.get_indexes(table.name)
            if one.get("dialect_options", {}).get(f"{dialect}_where") is not None
        }
        assert found == partial, table.name


def test_since_when_runs_are_exhausted_comes_along_up_and_down(
    blank: Database, blank_database_url: str
) -> None:
    upgrade(blank_database_url)
    with blank.begin() as tx:
        sequence_id, version_id = rows.sequence(tx)
        (contact,) = bulk.insert(tx, Contact, [rows.contact("ana")], returning=("id",))
        run = rows.run(contact.id, sequence_id, version_id, state="exhausted")
        bulk.insert(tx, Enrollment, [{**run, "exhausted_at": rows.NOW}])
    since = sa.select(Enrollment.exhausted_at, Enrollment.state_data)
    with blank.engine.begin() as connection:
        command.downgrade(configuration(connection), "0001")
        kept = connection.execute(sa.select(Enrollment.state_data)).scalar_one()
        assert kept == {"since": rows.NOW.isoformat()}
    upgrade(blank_database_url)
    with blank.read() as tx:
        assert tuple(tx.execute(since).one()) == (rows.NOW, {})


def test_runs_come_to_the_track_of_their_sequence(blank: Database, blank_database_url: str) -> None:
    upgrade(blank_database_url)
    with blank.begin() as tx:
        (contact,) = bulk.insert(tx, Contact, [rows.contact("ana")], returning=("id",))
        for key, track, of_run in (("a", "side", "default"), ("b", "default", "x"), ("c", "", "")):
            keys = rows.sequence(tx, key)
            tx.execute(sa.update(Sequence).where(Sequence.id == keys[0]).values(track=track))
            over: dict[str, Any] = {
                "state": "moved",
                "ended_at": rows.NOW,
                "entry_key": key,
                "track": of_run,
            }
            bulk.insert(tx, Enrollment, [rows.run(contact.id, *keys, **over)])
    with blank.engine.begin() as connection:
        command.downgrade(configuration(connection), "0001")
    upgrade(blank_database_url)
    with blank.read() as tx:
        found = tx.execute(
            sa.select(Enrollment.entry_key, Enrollment.track).order_by(Enrollment.id)
        )
        assert [tuple(row) for row in found] == [("a", "side"), ("b", "default"), ("c", "")]


def test_going_down_leaves_nothing_and_going_up_again_works(
    blank: Database, blank_database_url: str
) -> None:
    upgrade(blank_database_url)
    with blank.engine.begin() as connection:
        command.downgrade(configuration(connection), "base")
    assert names(blank) == set()
    upgrade(blank_database_url)
    upgrade(blank_database_url)
    assert names(blank) == set(Base.metadata.tables)
