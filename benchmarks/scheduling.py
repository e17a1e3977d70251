"""Due to queued: among very many runs, those whose time has come are found, decided and queued."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure
from benchmarks.postgres import Postgres
from benchmarks.world import Seed, counts, environment, plant, publish
from nurture.config import Settings
from nurture.engine.advance import advance
from nurture.jobs.roles import spare_the_collector

POLLS: Final = 50


def measure(home: Path, enrolled: int, due: int) -> list[Figure]:
    """Advance the `due` runs among `enrolled`, in one process; return rates."""
    group = f"scheduling, {due:,} due of {enrolled:,}"
    with Postgres() as database:
        variables = environment(home, DATABASE_URL=database.url)
        now = datetime.now(UTC)
        deps = publish(Settings.from_environment(variables), now)
        try:
            plant(deps, Seed(enrolled, due, now), now)
            database.execute("CHECKPOINT")
            spare_the_collector()  # As a ticker does.
            started = time.monotonic()
            first = advance(deps, now)
            until_first = time.monotonic() - started
            moved = first
            while found := advance(deps, now):
                moved += found
            seconds = time.monotonic() - started
            idle = time.monotonic()
            for _ in range(POLLS):
                advance(deps, now)
            poll = (time.monotonic() - idle) / POLLS
            queued = counts(deps)
        finally:
            deps.database.close()
    assert queued == {"queued": due}, f"{due} were due, the database has {queued}"
    assert moved == due, f"{due} were due, {moved} were moved on"
    return [
        Figure(
            group, "due to queued", due / seconds, "per second",
            note=f"Counted in the database; the first {first} were queued after "
            f"{until_first * 1000:.0f} ms.",
        ),
        Figure(group, "a look when nothing is due", poll * 1000, "ms"),
    ]  # fmt: skip
