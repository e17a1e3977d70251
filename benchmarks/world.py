"""A published sequence, contacts and due runs: what is there before a measurement begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies, Wake
from nurture.engine.publish import apply
from nurture.store.migrate import upgrade
from nurture.wiring import build, nobody_to_wake

HERE: Final = Path(__file__).parent
#: Rows of one INSERT while seeding a large world.
SLICE: Final = 100_000

_NUMBERS: Final = {
    "postgresql": "generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) AS n(i)",
    "sqlite": (
        "(WITH RECURSIVE counted(i) AS (SELECT :low UNION ALL SELECT i + 1 FROM counted "
        "WHERE i < :high) SELECT i FROM counted) AS n"
    ),
}
# Names of several lengths and with accents, because those are what an address book holds.
_FIRST: Final = ("An", "Bình", "Nguyệt", "Thảo", "Maria", "John", "Oanh", "Quỳnh")
_DOCUMENTS: Final = ("{}", '{"marketing": true}', '{"start": 1}')
_CITIES: Final = ("Hà Nội", "Đà Nẵng", "Cần Thơ", "Leeds")


def environment(home: Path, **others: str) -> dict[str, str]:
    """The variables of a Nurture that lives in `home`, with the benchmark's own campaign."""
    return {
        "NURTURE_HOME": str(home),
        "NURTURE_CAMPAIGNS": str(HERE / "campaigns"),
        "NURTURE_TEMPLATES": str(HERE / "templates"),
        "NURTURE_PUBLIC_URL": "https://news.lotusdesk.example.com",
        "NURTURE_TICK": "0.1",
        **others,
    }


@dataclass(frozen=True, slots=True)
class Seed:
    """How many contacts are enrolled, and how many of them are due at `due_at`.

    All others wait for a day that is far away.
    """

    enrolled: int
    due: int
    due_at: datetime


def publish(settings: Settings, now: datetime, wake: Wake = nobody_to_wake) -> Dependencies:
    """Migrate the database and publish the campaign; return what use cases are given."""
    upgrade(settings.database_url)
    deps = build(settings, wake)
    apply(deps, "benchmark", now)
    return deps


def plant(deps: Dependencies, seed: Seed, now: datetime) -> None:
    """Write contacts who wait at the step before the email, as their rows are after a day."""
    dialect = deps.database.engine.dialect.name
    names = " ".join(f"WHEN {i} THEN '{name}'" for i, name in enumerate(_FIRST))
    cities = " ".join(f"WHEN {i} THEN '{name}'" for i, name in enumerate(_CITIES))
    # Key by key the documents that an import writes.
    fields = (
        f"""'{{"first_name":"' || CASE i % {len(_FIRST)} {names} END || """
        """'","last_name":"Trần ' || i || '","company":"Quán ' || (i % 977) || """
        f"""'","city":"' || CASE i % {len(_CITIES)} {cities} END || """
        """'","interest":"' || CASE i % 3 WHEN 0 THEN 'stock' ELSE 'margin' END || """
        """'","balance":' || (i % 5000) || '}'"""
    )
    numbers = _NUMBERS[dialect]

    def document(text: str) -> str:
        return f"CAST({text} AS jsonb)" if dialect == "postgresql" else text

    # A space behind each colon, since a word right behind one is a parameter.
    nothing, consents, met = (document(f"'{text}'") for text in _DOCUMENTS)
    contact = f"""
        INSERT INTO contact (id, email, address, address_key, language, timezone, source, fields,
            tags, consents, search, soft_bounces, created_at, updated_at)
        SELECT i, 'reader-' || i || '@readers.example.com',
            'reader-' || i || '@readers.example.com', 'key-' || i,
            CASE i % 2 WHEN 0 THEN 'vi' ELSE 'en' END, 'Asia/Ho_Chi_Minh', 'import',
            {document(fields)}, {document("'[]'")}, {consents}, 'reader ' || i, 0,
            :entered, :entered
        FROM {numbers}"""  # noqa: S608 - made of constants
    standing = f"""
        INSERT INTO standing (contact_id, track, stage, highest, since, engagement, fit, grade,
            temperature, scored_at)
        SELECT i, 'default', 'lead', 'lead', :entered, 0, 10, 'A', 'cold', :entered
        FROM {numbers}"""  # noqa: S608 - made of constants
    enrollment = f"""
        INSERT INTO enrollment (id, contact_id, sequence_id, version_id, track, entry_key, state,
            state_data, step, wake_at, passes, accepted, properties, entered_at, end_reason,
            revision)
        SELECT i, i, :sequence_id, :version_id, 'default', '', 'waiting', {nothing}, 'start',
            CASE WHEN i <= :due THEN :due_at ELSE :later END, {met}, {nothing}, {nothing},
            :entered, '', 1
        FROM {numbers}"""  # noqa: S608 - made of constants
    with deps.database.read() as tx:
        definition = deps.definitions.catalog(tx).current["measured"]
    instants = {
        "entered": now - timedelta(days=1),
        "due_at": seed.due_at,
        "later": now + timedelta(days=400),
    }
    values: Mapping[str, object] = {
        "due": seed.due,
        "sequence_id": definition.sequence_id,
        "version_id": definition.version_id,
        **{name: _instant(value, dialect) for name, value in instants.items()},
    }
    for low in range(1, seed.enrolled + 1, SLICE):
        high = min(low + SLICE - 1, seed.enrolled)
        with deps.database.begin() as tx:
            for statement in (contact, standing, enrollment):
                text = sa.text(statement)
                used = {
                    name: value
                    for name, value in {**values, "low": low, "high": high}.items()
                    if name in text.compile().params
                }
                tx.execute(text, used)
    if dialect == "postgresql":
        # The planner of a server that has been up for a while knows its tables.
        outside = deps.database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with outside.connect() as connection:
            connection.execute(sa.text("VACUUM ANALYZE contact, standing, enrollment"))


def counts(deps: Dependencies) -> dict[str, int]:
    """How many sends the database holds, by their status."""
    with deps.database.read() as tx:
        rows = tx.execute(sa.text("SELECT status, count(*) FROM send GROUP BY status"))
        return {status: count for status, count in rows}  # noqa: C416 - rows are not pairs to mypy


def _instant(value: datetime, dialect: str) -> object:
    if dialect == "postgresql":
        return value
    return (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def make_due(deps: Dependencies, first: int, last: int, now: datetime) -> None:
    """Let the waits of these runs end now, all in one moment."""
    with deps.database.begin() as tx:
        tx.execute(
            sa.text("UPDATE enrollment SET wake_at = :now WHERE id BETWEEN :first AND :last"),
            {
                "now": _instant(now, tx.dialect.name),
                "first": first,
                "last": last,
            },
        )
