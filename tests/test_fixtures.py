"""The real parts that other tests stand on: fresh, separate, and what they claim to be."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from nurture.config import Settings
from tests.fixtures.postgres import Cluster


def connection(cluster: Cluster, database: str) -> psycopg.Connection[tuple[object, ...]]:
    # libpq takes the same address as SQLAlchemy.
    return psycopg.connect(cluster.url(database), autocommit=True)


def test_the_cluster_copies_a_template_and_forgets_what_is_dropped(
    postgres_cluster: Cluster,
) -> None:
    postgres_cluster.create("origin")
    with closing(connection(postgres_cluster, "origin")) as origin:
        origin.execute("CREATE TABLE word (text text); INSERT INTO word VALUES ('xin chào')")
        # Still connected: a template that is in use is freed first.
        postgres_cluster.create("copy", template="origin")
    with closing(connection(postgres_cluster, "copy")) as copy:
        assert copy.execute("SELECT text FROM word").fetchall() == [("xin chào",)]
        postgres_cluster.drop("copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connection(postgres_cluster, "copy")
    postgres_cluster.drop("origin")


def test_the_cluster_is_utf8_and_its_zone_is_not_utc(postgres_cluster: Cluster) -> None:
    with closing(connection(postgres_cluster, "postgres")) as session:
        row = session.execute(
            "SELECT current_setting('server_encoding'), current_setting('TimeZone')"
        ).fetchone()
    assert row == ("UTF8", "Asia/Ho_Chi_Minh")


def test_a_blank_database_has_no_tables(blank_database_url: str) -> None:
    if blank_database_url.startswith("sqlite"):
        assert not Path(blank_database_url.removeprefix("sqlite:///")).exists()
        return
    with closing(psycopg.connect(blank_database_url)) as session:
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert session.execute(query).fetchone() == (0,)


def tables(url: str) -> set[str]:
    if url.startswith("sqlite"):
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as session:
            return {name for (name,) in session.execute(query)}
    with closing(psycopg.connect(url)) as session:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return {str(name) for (name,) in session.execute(query)}


def test_a_database_comes_migrated(database_url: str) -> None:
    assert "alembic_version" in tables(database_url)
    assert len(tables(database_url)) > 1


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_gets_an_empty_queue(redis_url: str, turn: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left behind", turn)


def test_settings_write_nothing_outside_the_temporary_folder(
    settings: Settings, tmp_path: Path
) -> None:
    assert settings.home.is_relative_to(tmp_path)
    assert settings.database_url == f"sqlite:///{settings.home}/nurture.db"
    assert settings.campaigns.name == "campaigns"
