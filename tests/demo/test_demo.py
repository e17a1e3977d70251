"""The demo as people run it: to its end with balanced books, on again, and stopped by Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ENOUGH = 130  # seconds


def start(home: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nurture", "demo", *options],
        env={**os.environ, "NURTURE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def children_of(home: Path) -> list[str]:
    """The processes that still have this home in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"NURTURE_HOME={home / 'demo'}\0".encode() in environment:
            found.append(command)
    return found


def test_stopped_by_ctrl_c_the_story_goes_on_and_ends_with_balanced_books(tmp_path: Path) -> None:
    running = start(tmp_path, "--days", "365")
    assert running.stdout is not None
    for line in running.stdout:
        if " moves" in line:  # A day of the story has passed.
            break
    assert len(children_of(tmp_path)) >= 3
    second = start(tmp_path, "--fresh")
    told, _ = second.communicate(timeout=ENOUGH)
    assert (second.returncode, "running in" in told) == (1, True), "a second demo stays out"
    running.send_signal(signal.SIGINT)
    told, _ = running.communicate(timeout=ENOUGH)
    assert running.returncode == 0, told
    assert "go on from here" in told
    assert children_of(tmp_path) == []

    again = start(tmp_path, "--until-done", "--days", "4")
    told, _ = again.communicate(timeout=ENOUGH)
    assert again.returncode == 0, told
    assert "every mail in the inbox is a send or a notice on record, once" in told
    assert "✗" not in told, told
    assert "236 created" in told, "the import tells what it did the first time"
    assert "published" not in told
    assert children_of(tmp_path) == []
