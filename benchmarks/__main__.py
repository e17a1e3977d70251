"""`python -m benchmarks [names] [--quick] [--check]`: prints a table and writes it as JSON."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import machine, parts, scheduling, segments, sending, tracking
from benchmarks.figures import Figure, table
from benchmarks.sink import Missing
from nurture.jobs.roles import spare_the_collector

RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One thing to measure in an empty folder; `quick` says whether to be small."""

    about: str
    run: Callable[[Path, bool], list[Figure]]


BENCHMARKS: Final = {
    "parts": Benchmark(
        "CPU of one email by part",
        lambda home, quick: parts.measure(home, 500 if quick else 5_000),
    ),
    "sending": Benchmark(
        "emails a second end to end on PostgreSQL",
        lambda home, quick: (
            sending.measure(home, 500, "postgresql", rounds=1)
            if quick
            else sending.measure(home, 40_000, "postgresql", rounds=3)
        ),
    ),
    "sending-sqlite": Benchmark(
        "emails a second end to end on SQLite",
        lambda home, quick: (
            sending.measure(home, 500, "sqlite", rounds=1)
            if quick
            else sending.measure(home, 40_000, "sqlite", rounds=3)
        ),
    ),
    "scheduling": Benchmark(
        "due runs queued a second",
        lambda home, quick: (
            scheduling.measure(home, 5_000, 500)
            if quick
            else scheduling.measure(home, 1_000_000, 10_000)
        ),
    ),
    "segments": Benchmark(
        "changed contacts looked at again, beside everybody",
        lambda home, quick: segments.measure(home, 10_000 if quick else 1_000_000),
    ),
    "tracking": Benchmark(
        "clicks a second, each kept before its answer",
        lambda home, quick: (
            tracking.measure(home, 2, rounds=1) if quick else tracking.measure(home, 8, rounds=3)
        ),
    ),
}


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; 1 when something could not run or, with --check, a floor is missed."""
    asked = _parser().parse_args(arguments)
    names = asked.names or list(BENCHMARKS)
    folder = Path(tempfile.mkdtemp(prefix="nurture-bench-"))
    started = datetime.now(UTC)
    figures: list[Figure] = []
    missing: list[str] = []
    # What is measured in this process is done in life by one that has spared the collector, too.
    spare_the_collector()
    try:
        found = machine.describe(folder)
        for name in names:
            print(f"{name}: {BENCHMARKS[name].about} …", file=sys.stderr, flush=True)
            home = folder / name
            home.mkdir()
            begun = time.monotonic()
            try:
                figures += BENCHMARKS[name].run(home, asked.quick)
            except Missing as error:
                missing.append(f"{name}: {error}")
                figures.append(Figure(name, "not measured", None, "", note=str(error)))
            print(f"  {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    document = {
        "started": started.isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks", *arguments]),
        "quick": asked.quick,
        **found,
        "figures": [one.document() for one in figures],
    }
    path = _write(asked.results, started, document)
    hardware = found["machine"]
    print(
        f"{hardware['processor']}, {hardware['cores']} cores, load {hardware['load_at_start'][0]}; "
        f"4 kB fdatasync {hardware['fdatasync_us']['median']} µs; {found['commit']}"
    )
    print(table(figures))
    print(f"\nWritten to {path}")
    for one in missing:
        print(f"NOT MEASURED {one}", file=sys.stderr)
    missed = [one for one in figures if one.holds is False]
    if asked.check:
        for figure in missed:
            print(f"MISSED {figure.group}, {figure.name}: {figure.value}", file=sys.stderr)
    return 1 if missing or (asked.check and missed) else 0


def _write(results: Path, started: datetime, document: dict[str, object]) -> Path:
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{started:%Y%m%dT%H%M%S}.json"
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    told = "; ".join(f"{name}: {one.about}" for name, one in BENCHMARKS.items())
    # Choices are not checked for an empty list before Python 3.14, hence the type.
    parser.add_argument("names", nargs="*", type=_name, help=f"what to measure ({told})")
    parser.add_argument("--quick", action="store_true", help="small runs, to see that they work")
    parser.add_argument("--check", action="store_true", help="fail when a floor is missed")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the JSON goes")
    return parser


def _name(text: str) -> str:
    if text not in BENCHMARKS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(BENCHMARKS)}")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
