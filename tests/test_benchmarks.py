"""The benchmarks run and write what docs/performance.md promises. Nothing here is timed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import Figure, table
from benchmarks.sink import Missing, program

ROOT = Path(__file__).resolve().parents[1]
FIGURE = {"group", "name", "value", "unit", "floor", "aim", "limit", "note", "holds"}


def run(names: list[str], results: Path) -> tuple[int, str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *names, "--quick", "--results", str(results)],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    (path,) = results.glob("*.json")
    return done.returncode, done.stdout + done.stderr, json.loads(path.read_text("utf-8"))


def test_scheduling_runs_and_tells_machine_versions_and_figures(tmp_path: Path) -> None:
    status, told, document = run(["scheduling"], tmp_path)

    assert status == 0, told
    assert document["quick"] is True
    assert document["machine"].keys() >= {
        "processor", "cores", "memory_mb", "kernel", "load_at_start", "fdatasync_us",
    }  # fmt: skip
    assert document["machine"]["fdatasync_us"]["median"] > 0
    assert document["versions"].keys() >= {"python", "postgresql", "valkey", "postfix", "granian"}
    assert document["versions"]["postgresql"].startswith("postgres (PostgreSQL)")
    assert document["commit"]
    assert all(figure.keys() == FIGURE for figure in document["figures"])
    assert [figure["name"] for figure in document["figures"]] == [
        "due to queued", "a look when nothing is due",
    ]  # fmt: skip
    assert "due to queued" in told


@pytest.mark.parametrize("name", ["parts", "sending-sqlite"])
def test_sending_counts_at_the_sink_or_says_what_to_install(name: str, tmp_path: Path) -> None:
    status, told, document = run([name], tmp_path)

    if is_installed("smtp-sink"):
        assert status == 0, told
        assert all(figure["value"] > 0 for figure in document["figures"])
    else:
        assert status == 1
        assert "smtp-sink is not installed; on Debian: apt-get install postfix" in told
        assert document["figures"][0]["value"] is None


def is_installed(name: str) -> bool:
    try:
        program(name, "")
    except Missing:
        return False
    return True


def test_a_figure_below_its_floor_does_not_hold_and_one_without_a_floor_promises_nothing() -> None:
    below = Figure("sending", "ratio", 0.2, "", 0.25, 0.4)
    above = Figure("sending", "ratio", 0.3, "", 0.25, 0.4)
    free = Figure("sending", "emails", 5000.0, "per second")

    assert [one.holds for one in (below, above, free)] == [False, True, None]
    assert Figure("sending", "ratio", None, "", 0.25).holds is False
    shown = table([below, free]).splitlines()
    assert any("0.200" in line and "0.25 / 0.4" in line and line.endswith("NO") for line in shown)
    assert any("5,000" in line and "per second" in line for line in shown)
