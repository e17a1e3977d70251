"""Segments: a hundred changed contacts looked at again, beside a look at everybody."""

import random
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from benchmarks.figures import Figure
from benchmarks.postgres import Postgres
from benchmarks.world import environment, publish
from nurture.campaigns.parse import parse_segments
from nurture.config import Settings
from nurture.domain.contact import Occurrence
from nurture.engine.dependencies import Dependencies
from nurture.engine.segment_building import NEED, publish_segments
from nurture.engine.segmenting import follow
from nurture.engine.work import Work
from nurture.jobs.roles import spare_the_collector
from nurture.store import ledger, people, segment_looks, segments
from nurture.store.condition_members import members
from nurture.store.ledger import NewEvent

CHANGED: Final = 100
# The first rounds warm caches and have statements prepared, as in a worker that runs for days.
WARM_UP: Final = 10
ROUNDS: Final = 40
EVENTS_EACH: Final = 10
SLICE: Final = 200_000

_SEGMENTS: Final = {
    "regulars": {"did": "visit", "at_least": 3, "within": "60d", "where": {"page": "*pricing*"}},
    "quiet": {"not": {"did": "visit", "within": "60d"}},
    "north": {"all": [{"field": "city", "is": "hà nội"}, {"score": "engagement", "at_least": 20}]},
    "wake": {"all": [{"segment": "north"}, {"segment": "quiet"}]},
}
_CONTACTS: Final = """
INSERT INTO contact (email, address, address_key, language, timezone, source, fields, tags,
  consents, search, soft_bounces, created_at, updated_at)
SELECT 'p' || i || '@example.com', 'p' || i || '@example.com', 'k' || i, 'vi',
  'Asia/Ho_Chi_Minh', 'form',
  jsonb_build_object('first_name', 'Bình', 'city',
    (ARRAY['Hà Nội', 'Đà Nẵng', 'HUẾ', 'Leeds'])[1 + i % 4]),
  '[]', '{"marketing": true}', '', 0, now(), now()
FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) AS n(i)
"""
_STANDINGS: Final = """
INSERT INTO standing (contact_id, track, stage, highest, since, engagement, fit, grade, temperature,
  scored_at)
SELECT id, 'default', 'lead', 'lead', now(), id % 60, 0, 'D', 'cold', now() FROM contact
"""
# One event of every contact after the other: those of one contact lie far apart, as in life.
_EVENTS: Final = """
INSERT INTO event (contact_id, name, occurred_at, recorded_at, dedupe_key, verdict, source,
  properties)
SELECT i, CASE WHEN :k % 2 = 0 THEN 'visit' ELSE 'open' END,
  CAST(:now AS timestamptz) - make_interval(hours => (hashint8(i * 16 + :k) & 2147483647) % 4320),
  now(), 'b' || i || '.' || :k, 'human', 'bench',
  jsonb_build_object('page', CASE WHEN :k % 4 = 0 THEN '/pricing' ELSE '/blog/' || :k END)
FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) AS n(i)
"""
# When the last visit in the window leaves it. Nobody visited prices three times yet, so that the
# regulars have nothing to wait for.
_RECHECKS: Final = """
INSERT INTO segment_recheck (contact_id, segment_id, at)
SELECT contact_id, :segment, max(occurred_at) + interval '60 days' FROM event
WHERE name = 'visit' AND occurred_at > CAST(:now AS timestamptz) - interval '60 days'
GROUP BY contact_id
"""
_INDEXES: Final = """
SELECT c.conname, 'ALTER TABLE event DROP CONSTRAINT ' || quote_ident(c.conname),
  'ALTER TABLE event ADD CONSTRAINT ' || quote_ident(c.conname) || ' '
    || pg_get_constraintdef(c.oid)
FROM pg_constraint AS c WHERE c.conrelid = 'event'::regclass AND c.contype IN ('p', 'u')
UNION ALL
SELECT i.indexrelid::regclass::text, 'DROP INDEX ' || i.indexrelid::regclass,
  pg_get_indexdef(i.indexrelid)
FROM pg_index AS i WHERE i.indrelid = 'event'::regclass
  AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)
"""


def measure(home: Path, contacts: int) -> list[Figure]:
    """Measure among `contacts` with ten events each, on PostgreSQL; return times."""
    group = f"segments, {contacts:,} contacts with {contacts * EVENTS_EACH:,} events"
    with Postgres() as database:
        variables = environment(home, DATABASE_URL=database.url)
        now = datetime.now(UTC)
        deps = publish(Settings.from_environment(variables), now)
        try:
            _plant(deps, contacts, now)
            full = _everybody(deps, now)
            database.execute("CHECKPOINT")
            spare_the_collector()  # As a recorder and a ticker do.
            rounds = _again(deps, contacts, now)
        finally:
            deps.database.close()
    wall = [one.whole * 1000 for one in rounds]
    many = len(_SEGMENTS)
    return [
        Figure(
            group, f"{CHANGED} changed contacts, {many} segments",
            statistics.median(wall), "ms",
            note=f"Median of {ROUNDS}; between {min(wall):.1f} and {max(wall):.1f} ms. Holding and "
            "reading contacts, deciding, writing; without the commit they share with their event.",
        ),
        Figure(
            group, "… without reading the contacts",
            statistics.median(one.look for one in rounds) * 1000, "ms",
            note="Whoever takes their event in has read them.",
        ),
        Figure(
            group, "… CPU of the process that looks",
            statistics.median(one.cpu for one in rounds) * 1000, "ms",
            note="The rest of the whole is PostgreSQL's.",
        ),
        Figure(
            group, "… borders that they cross",
            statistics.mean(one.crossed for one in rounds), "", note="The mean of a round.",
        ),
        Figure(group, f"everybody, the same {many} segments", full * 1000, "ms"),
    ]  # fmt: skip


def _plant(deps: Dependencies, contacts: int, now: datetime) -> None:
    for low in range(1, contacts + 1, SLICE):
        part = {"low": low, "high": min(low + SLICE - 1, contacts)}
        with deps.database.begin() as tx:
            tx.execute(sa.text(_CONTACTS), part)
    with deps.database.begin() as tx:
        tx.execute(sa.text(_STANDINGS))
        indexes = tx.execute(sa.text(_INDEXES)).all()
        for _, drop, _ in indexes:
            tx.execute(sa.text(drop))
    for k in range(1, EVENTS_EACH + 1):
        with deps.database.begin() as tx:
            part = {"low": 1, "high": contacts, "k": k}
            tx.execute(sa.text(_EVENTS), {**part, "now": now})
    with deps.database.begin() as tx:
        tx.execute(sa.text("SET LOCAL maintenance_work_mem = '512MB'"))
        for _, _, add in indexes:
            tx.execute(sa.text(add))
    with deps.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(sa.text("VACUUM ANALYZE"))


def _everybody(deps: Dependencies, now: datetime) -> float:
    """Look at everybody for each segment, and write who is in; return the seconds of looking."""
    documents = [
        {"key": key, "name": {"vi": key, "en": key}, "when": when}
        for key, when in _SEGMENTS.items()
    ]
    spent = 0.0
    with deps.database.begin() as tx:
        publish_segments(tx, parse_segments({"segments": documents}), "bench", now)
        for one in deps.definitions.catalog(tx).segments:
            started = time.monotonic()
            found = members(tx, one.segment.when, now, need=NEED)
            spent += time.monotonic() - started
            segment_looks.enter(tx, ((one.id, key) for key in found), now)
            segments.mark_built(tx, one.id, now)
            if one.segment.key == "quiet":
                tx.execute(sa.text(_RECHECKS), {"segment": one.id, "now": now})
    with deps.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(sa.text("VACUUM ANALYZE segment_member, segment_recheck"))
    return spent


@dataclass(frozen=True, slots=True)
class _Round:
    """Seconds of one round, of looking alone, and of this process's CPU; borders crossed in it."""

    whole: float
    look: float
    cpu: float
    crossed: int


def _again(deps: Dependencies, contacts: int, now: datetime) -> list[_Round]:
    """Look again at contacts who just visited, others in each round."""
    chance = random.Random(20260302)  # noqa: S311 - the same contacts every time
    rounds = []
    for number in range(WARM_UP + ROUNDS):
        ids = chance.sample(range(1, contacts + 1), min(CHANGED, contacts))
        later = now + timedelta(minutes=number)
        with deps.database.begin() as tx:
            work = Work(tx, deps.definitions, later, later)
            ledger.add_events(tx, [_visit(key, number, later) for key in ids], later)
            started, cpu = time.monotonic(), time.process_time()
            people.lock(tx, ids)
            work.see(ids, history=False)
            seen = time.monotonic()
            crossed = follow(work, ids)
            ended, spent = time.monotonic(), time.process_time() - cpu
            rounds.append(_Round(ended - started, ended - seen, spent, len(crossed)))
    return rounds[WARM_UP:]


def _visit(contact_id: int, number: int, at: datetime) -> NewEvent:
    visit = Occurrence("visit", at, {"page": "/pricing"}, dedupe_key=f"r{number}.{contact_id}")
    return NewEvent(contact_id, visit, "bench")
