"""Emails a second, end to end: due, claimed, rendered, handed over, recorded.

Two workers and a ticker run as processes of the product; PostgreSQL (or SQLite), Valkey and the
sink run on the same cores. Mail is counted by the sink and by the database, never by us.
"""

import statistics
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

import sqlalchemy as sa

from benchmarks.figures import Figure, listed
from benchmarks.postgres import Postgres
from benchmarks.processes import Crew, await_that, cpu_seconds, family, peak_memory
from benchmarks.sink import Sink
from benchmarks.world import Seed, counts, environment, make_due, plant, publish
from nurture.config import Settings
from nurture.engine.advance import advance
from nurture.engine.claiming import Bag, claim
from nurture.engine.dependencies import Dependencies
from nurture.engine.transactions import committed
from nurture.jobs.valkey import EmbeddedValkey

WORKERS: Final = 2
#: Sent before the clock runs, so that templates are compiled and connections open.
WARM: Final = 400
FLOOR: Final = 0.25
AIM: Final = 0.40
READY_WITHIN: Final = 60.0  # seconds
#: Even at this many emails a second the run must end some day.
SLOWEST: Final = 20.0

Kind = Literal["postgresql", "sqlite"]


def measure(home: Path, emails: int, kind: Kind, rounds: int) -> list[Figure]:
    """Send `emails` in each round and return the rate, its ratio to `smtp-source`, CPU and memory.

    The rival has its turn before, between and after the rounds, so that a machine which slows
    down or speeds up meanwhile does so for both. The ratio is the median of the rounds.
    """
    group = f"sending, {'PostgreSQL' if kind == 'postgresql' else 'SQLite'}"
    with ExitStack() as stack:
        sink = stack.enter_context(Sink())
        database = stack.enter_context(Postgres()) if kind == "postgresql" else None
        valkey = stack.enter_context(EmbeddedValkey(home / "valkey"))
        variables = environment(
            home,
            DATABASE_URL=database.url if database else f"sqlite:///{home}/nurture.db",
            REDIS_URL=valkey.url,
            NURTURE_PROVIDER="smtp",
            NURTURE_SMTP_URL=f"smtp://127.0.0.1:{sink.port}",
        )
        now = datetime.now(UTC)
        deps = publish(Settings.from_environment(variables), now)
        stack.callback(deps.database.close)
        plant(deps, Seed(rounds * emails + WARM, 0, now), now)
        size = message_size(home / "sizes")
        crew = stack.enter_context(Crew(variables, home / "processes.log"))
        for role in ["ticker", *["worker"] * WORKERS]:
            crew.start(role)
        await_that("all processes at work", lambda: _at_work(deps, crew), READY_WITHIN)
        _send(deps, crew, sink, WARM, 1)
        rival = [emails / sink.load(emails, size, keep=True)]
        single = emails / sink.load(emails, size, keep=False)
        server = family(database.pid) if database else []
        parts = {
            "workers": crew.pids("worker"),
            "ticker": crew.pids("ticker"),
            "PostgreSQL": server,
            "Valkey": [valkey.pid or 0],
            "smtp-sink": [sink.pid],
        }
        parts = {name: pids for name, pids in parts.items() if pids}
        spent = dict.fromkeys(parts, 0.0)
        rates = []
        for number in range(rounds):
            used = {name: cpu_seconds(pids) for name, pids in parts.items()}
            seconds = _send(deps, crew, sink, emails, WARM + number * emails + 1)
            for name, pids in parts.items():
                spent[name] += (cpu_seconds(pids) - used[name]) / rounds
            rates.append(emails / seconds)
            rival.append(emails / sink.load(emails, size, keep=True))
        memory = {role: peak_memory(crew.pids(role)) for role in ("worker", "ticker")}
    ratios = [
        rate / statistics.mean(beside) for rate, beside in zip(rates, pairwise(rival), strict=True)
    ]
    rate = statistics.median(rates)
    counted = (
        f"{rounds} times {emails:,} of {size:,} octets counted at the sink and in the database"
    )
    each = ", ".join(f"{name} {value / emails * 1e6:.0f}" for name, value in spent.items())
    return [
        Figure(
            group, "emails, end to end", rate, "per second",
            note=f"{listed(rates, ',.0f')}: {counted}.",
        ),
        Figure(
            group, "smtp-source, 4 sessions kept open", statistics.median(rival), "per second",
            note=f"{listed(rival, ',.0f')} around the rounds; same size, same sink.",
        ),
        Figure(
            group, "ratio", statistics.median(ratios), "", FLOOR, AIM,
            note=f"{listed(ratios, '.3f')} in the rounds.",
        ),
        Figure(
            group, "smtp-source, a session for each message", single, "per second",
            note=f"The ratio to this easier rival is {rate / single:.2f}.",
        ),
        Figure(
            group, "CPU of all processes", sum(spent.values()) / emails * 1e6, "µs per email",
            note=f"Of these: {each}.",
        ),
        *(
            Figure("memory", f"{role}, {group}", value, "MB peak")
            for role, value in memory.items()
        ),
    ]  # fmt: skip


def message_size(home: Path) -> int:
    """The mean length of the message that is sent, in octets, from a small world of its own."""
    home.mkdir()
    now = datetime.now(UTC)
    variables = environment(home, DATABASE_URL=f"sqlite:///{home}/nurture.db")
    batches: list[int] = []
    deps = publish(Settings.from_environment(variables), now, batches.extend)
    try:
        plant(deps, Seed(40, 40, now), now)
        advance(deps, now)
        body = partial(claim, deps=deps, worker="sizes", batch_id=batches[0])
        bag: Bag = committed(deps, now, body)
        post = bag.post
        assert post is not None
        written = [
            post.write(letter, bag.emails[letter.email_id], now).message for letter in bag.letters
        ]
    finally:
        deps.database.close()
    return round(statistics.mean(map(len, written)))


def _send(deps: Dependencies, crew: Crew, sink: Sink, emails: int, first: int) -> float:
    """Make `emails` runs due and wait for their mail; return seconds until all is recorded."""
    sunk, recorded = sink.count, counts(deps).get("accepted", 0)

    def arrived() -> bool:
        crew.check()
        return sink.count >= sunk + emails

    make_due(deps, first, first + emails - 1, datetime.now(UTC))
    started = time.monotonic()
    await_that("the sink", arrived, emails / SLOWEST + 60)
    ended = await_that(
        "the records", lambda: counts(deps).get("accepted", 0) >= recorded + emails, 60
    )
    found = counts(deps)
    assert found == {"accepted": recorded + emails}, f"the database has {found}"
    assert sink.count == sunk + emails, f"{sink.count - sunk} mails for {emails} sends"
    return ended - started


def _at_work(deps: Dependencies, crew: Crew) -> bool:
    crew.check()
    with deps.database.read() as tx:
        count = tx.execute(sa.text("SELECT count(*) FROM worker WHERE stopped_at IS NULL"))
        return int(count.scalar_one()) == WORKERS + 1
