"""Segments: a hundred changed contacts looked at again, beside a look at everybody."""

import random
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from benchmarks.figures import Figure
from benchmarks.postgres import Postgres
from benchmarks.world import environment, publish
from nurture.campaigns.parse import parse_segments
from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.engine.segment_building import NEED, publish_segments
from nurture.engine.segmenting import follow
from nurture.engine.work import Work
from nurture.store import people, segments
from nurture.store.condition_members import members

CHANGED: Final = 100
ROUNDS: Final = 30
EVENTS_EACH: Final = 10
SLICE: Final = 200_000

_SEGMENTS: Final = {
    "regulars": {"did": "visit", "at_least": 3, "within": "30d", "where": {"page": "*pricing*"}},
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
_EVENTS: Final = """
INSERT INTO event (contact_id, name, occurred_at, recorded_at, dedupe_key, verdict, source,
  properties)
SELECT c.id, CASE WHEN k % 2 = 0 THEN 'visit' ELSE 'open' END,
  CAST(:now AS timestamptz) - make_interval(hours => CAST((c.id * 7 + k * 131) % 4320 AS integer)),
  now(), 'b' || c.id || '.' || k, 'human', 'bench',
  jsonb_build_object('page', CASE WHEN k % 4 = 0 THEN '/pricing' ELSE '/blog/' || k END)
FROM contact AS c, generate_series(1, :each) AS e(k)
WHERE c.id BETWEEN :low AND :high
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
            rounds = _again(deps, contacts, now)
        finally:
            deps.database.close()
    return [
        Figure(
            group, f"{CHANGED} changed contacts, {len(_SEGMENTS)} segments",
            statistics.median(rounds) * 1000, "ms",
            note=f"Median of {ROUNDS}; the slowest took {max(rounds) * 1000:.1f} ms. Reading the "
            "contacts, deciding and writing, without the commit they share with their event.",
        ),
        Figure(group, "everybody, the same segments", full * 1000, "ms"),
    ]  # fmt: skip


def _plant(deps: Dependencies, contacts: int, now: datetime) -> None:
    documents = [
        {"key": key, "name": {"vi": key, "en": key}, "when": when}
        for key, when in _SEGMENTS.items()
    ]
    with deps.database.begin() as tx:
        publish_segments(tx, parse_segments({"segments": documents}), "bench", now)
    for low in range(1, contacts + 1, SLICE):
        part = {"low": low, "high": min(low + SLICE - 1, contacts)}
        with deps.database.begin() as tx:
            tx.execute(sa.text(_CONTACTS), part)
    with deps.database.begin() as tx:
        tx.execute(sa.text(_STANDINGS))
    for low in range(1, contacts + 1, SLICE):
        part = {"low": low, "high": low + SLICE - 1}
        with deps.database.begin() as tx:
            tx.execute(sa.text(_EVENTS), {**part, "now": now, "each": EVENTS_EACH})
    with deps.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(sa.text("VACUUM ANALYZE"))


def _everybody(deps: Dependencies, now: datetime) -> float:
    """Look at everybody for each segment and note the members; return the time of looking."""
    spent = 0.0
    with deps.database.begin() as tx:
        for one in deps.definitions.catalog(tx).segments:
            started = time.monotonic()
            found = members(tx, one.segment.when, now, need=NEED)
            spent += time.monotonic() - started
            segments.enter(tx, ((one.id, key) for key in found), now)
    with deps.database.begin() as tx:
        tx.execute(sa.text("ANALYZE segment_member"))
    return spent


def _again(deps: Dependencies, contacts: int, now: datetime) -> list[float]:
    """Look again at changed contacts, others in each round; return the time of each."""
    chance = random.Random(20260302)  # noqa: S311 - the same contacts every time
    rounds = []
    for number in range(ROUNDS):
        ids = chance.sample(range(1, contacts + 1), min(CHANGED, contacts))
        later = now + timedelta(minutes=number)
        with deps.database.begin() as tx:
            tx.execute(
                sa.text(
                    "UPDATE event SET occurred_at = :now WHERE contact_id = ANY(:ids) "
                    "AND name = 'visit'"
                ),
                {"now": later, "ids": ids},
            )
        with deps.database.begin() as tx:
            work = Work(tx, deps.definitions, later, later)
            started = time.monotonic()
            people.lock(tx, ids)
            work.see(ids, history=False)
            follow(work, ids)
            rounds.append(time.monotonic() - started)
    return rounds
