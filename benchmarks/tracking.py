"""Clicks a second, each kept in Valkey's append-only file before the reader is redirected.

Served as the product serves it: granian's processes with the tracking door in front of Flask. The
rival is a bare WSGI application that redirects and does nothing else, in the same server, with as
many processes and, since it has no event loop, as many threads as ours has for pages.
"""

import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from redis import Redis

from benchmarks.figures import Figure, listed
from benchmarks.postgres import Postgres
from benchmarks.processes import Crew, await_that, family, peak_memory, running
from benchmarks.sink import free_port, program
from benchmarks.world import Seed, environment, plant, publish
from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.jobs.hit_queue import HITS
from nurture.jobs.valkey import EmbeddedValkey
from nurture.tracking.tokens import Purpose
from nurture.web.server import THREADS

PROCESSES: Final = 2
CONNECTIONS: Final = 32
FLOOR: Final = 0.30
AIM: Final = 0.45
STARTS_WITHIN: Final = 30.0  # seconds
SETTLES: Final = 2.0  # seconds
QUIET: Final = 0.5  # seconds
RECORDS_WITHIN: Final = 600.0  # seconds
ADDRESSES: Final = 1000
GROUP: Final = "tracking"
BARE: Final = "benchmarks.bare:application"

_RATE: Final = re.compile(r"Requests/sec:\s+([\d.]+)")
_P99: Final = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_COUNT: Final = re.compile(r"(\d+) requests in")
_ERRORS: Final = re.compile(r"(Socket errors|Non-2xx or 3xx responses): .*")
_MILLISECONDS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_SCRIPT: Final = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local at = 0
request = function()
  at = at %% #paths + 1
  return wrk.format("GET", paths[at])
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk reports: answers a second, the 99th percentile in ms, and answers in all."""

    rate: float
    p99: float
    answered: int


def measure(home: Path, seconds: int, rounds: int = 3) -> list[Figure]:
    """Load ours in so many rounds of `seconds`; return rates, latency, ratio and memory.

    The bare one has its turn before, between and after the rounds, so that a machine which slows
    down or speeds up meanwhile does so for both. The ratio is the median of the rounds.
    """
    wrk = program("wrk", "wrk")
    with ExitStack() as stack:
        database = stack.enter_context(Postgres())
        valkey = stack.enter_context(EmbeddedValkey(home / "valkey"))
        variables = environment(home, DATABASE_URL=database.url, REDIS_URL=valkey.url)
        now = datetime.now(UTC)
        deps = publish(Settings.from_environment(variables), now)
        stack.callback(deps.database.close)
        plant(deps, Seed(1, 0, now), now)
        script = _script(home, deps)
        redis = stack.enter_context(Redis.from_url(valkey.url))

        def load(application: str) -> tuple[Load, float]:
            with _served(application, variables, home) as (port, pids):
                done = _load(wrk, port, script, seconds)
                # What was on its way when wrk stopped goes the usual way and is counted.
                time.sleep(QUIET)
                return done, peak_memory(pids())

        rival = [load(BARE)[0]]
        ours: list[Load] = []
        memory = 0.0
        kept = 0
        for _ in range(rounds):
            one, peak = load("")
            before, kept = kept, int(redis.llen(HITS))
            # Nobody read the last answers.
            assert 0 <= kept - before - one.answered <= CONNECTIONS, (one.answered, kept - before)
            ours.append(one)
            memory = max(memory, peak)
            rival.append(load(BARE)[0])
        crew = stack.enter_context(Crew(variables, home / "processes.log"))
        recorded, recorder = _record(deps, crew, redis, kept)
    ratios = [
        one.rate / statistics.mean(each.rate for each in beside)
        for one, beside in zip(ours, pairwise(rival), strict=True)
    ]
    rates, bare = [one.rate for one in ours], [one.rate for one in rival]
    answered = sum(one.answered for one in ours)
    return [
        Figure(
            GROUP, "clicks, each kept before its answer", statistics.median(rates), "per second",
            note=f"{listed(rates, ',.0f')}: {answered:,} answered, {kept:,} counted in Valkey and "
            "then in the database.",
        ),
        Figure(
            GROUP, "a bare redirect, same server", statistics.median(bare), "per second",
            note=f"{listed(bare, ',.0f')} around the rounds.",
        ),
        Figure(
            GROUP, "ratio", statistics.median(ratios), "", FLOOR, AIM,
            note=f"{listed(ratios, '.3f')} in the rounds.",
        ),
        Figure(
            GROUP, "99th percentile", statistics.median(one.p99 for one in ours), "ms",
            note=f"Under full load on {CONNECTIONS} connections; the bare one has "
            f"{statistics.median(one.p99 for one in rival):.1f} ms.",
        ),
        Figure(GROUP, "hits, from Valkey into the database", recorded, "per second"),
        Figure("memory", "web, under clicks", memory, "MB peak"),
        Figure("memory", "recorder", recorder, "MB peak"),
    ]  # fmt: skip


@contextmanager
def _served(
    application: str, variables: Mapping[str, str], home: Path
) -> Iterator[tuple[int, Callable[[], list[int]]]]:
    """Serve an application by granian, ours as `nurture web` does; give its port and processes."""
    port = free_port()
    if application:
        command = [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws",
            "--blocking-threads", str(THREADS),
            "--workers", str(PROCESSES), "--host", "127.0.0.1", "--port", str(port),
            "--log-level", "warning", application,
        ]  # fmt: skip
    else:
        command = [sys.executable, "-c", "from nurture.cli import main; main()", "web"]
    settings = {
        **variables,
        "NURTURE_WEB_PORT": str(port),
        "NURTURE_WEB_PROCESSES": str(PROCESSES),
    }
    with running(command, settings, home / "processes.log") as server:

        def answers() -> bool:
            assert server.poll() is None, (home / "processes.log").read_text("utf-8")[-2000:]
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return len(family(server.pid)) > PROCESSES
            return False

        await_that("the web server", answers, STARTS_WITHIN)
        # Its processes share the port, and the last of them may still be loading.
        time.sleep(SETTLES)
        yield port, lambda: family(server.pid)


def _script(home: Path, deps: Dependencies) -> Path:
    """The addresses that are clicked, as those of many emails, and what has wrk ask for them."""
    with deps.database.read() as tx:
        email_id = int(tx.execute(sa.text("SELECT min(id) FROM email")).scalar_one())
    paths = [
        f"/c/{deps.tokens.seal(Purpose.CLICK, email_id, send_id)}/{send_id % 12 + 1}"
        for send_id in range(1, ADDRESSES + 1)
    ]
    addresses = home / "addresses"
    addresses.write_text("\n".join(paths), "ascii")
    script = home / "clicks.lua"
    script.write_text(_SCRIPT % addresses, "utf-8")
    return script


def _load(wrk: str, port: int, script: Path, seconds: int) -> Load:
    command = [
        wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency",
        "-s", str(script), f"http://127.0.0.1:{port}",
    ]  # fmt: skip
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wrong = _ERRORS.search(told)
    rate, late, count = _RATE.search(told), _P99.search(told), _COUNT.search(told)
    assert wrong is None, wrong
    assert rate is not None, told
    assert late is not None, told
    assert count is not None, told
    return Load(float(rate[1]), float(late[1]) * _MILLISECONDS[late[2]], int(count[1]))


def _record(deps: Dependencies, crew: Crew, redis: Redis, hits: int) -> tuple[float, float]:
    """Have the recorder bring the hits into the database; return hits a second and its memory."""

    def stored() -> int:
        with deps.database.read() as tx:
            return int(tx.execute(sa.text("SELECT count(*) FROM hit")).scalar_one())

    crew.start("recorder")
    started = await_that("the recorder", lambda: not redis.exists(HITS), STARTS_WITHIN)
    ended = await_that("the hits", lambda: stored() >= hits, RECORDS_WITHIN, pause=0.2)
    assert stored() == hits, (stored(), hits)
    return hits / (ended - started), peak_memory(crew.pids("recorder"))
