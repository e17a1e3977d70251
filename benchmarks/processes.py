"""Child processes as the supervisor starts them, and what the kernel tells of any process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from nurture.jobs.presence import new_name

#: Where the packages that children import lie, installed or not.
ROOT: Final = Path(__file__).resolve().parents[1]
STOPS_WITHIN: Final = 60.0  # seconds
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Crew:
    """Workers, tickers and recorders of the product, each a process; all end with the block."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = child_environment(environment)
        self._log = log
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._lifeline, self._ours = os.pipe()

    def start(self, role: str) -> None:
        """Start one more process of this role."""
        command = [
            sys.executable, "-m", "nurture.jobs", role, new_name(role), str(self._lifeline),
        ]  # fmt: skip
        with self._log.open("ab") as output:
            child = subprocess.Popen(
                command,
                env=self._environment,
                pass_fds=(self._lifeline,),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._children.append((role, child))

    def pids(self, role: str) -> list[int]:
        """The process ids of a role."""
        return [child.pid for name, child in self._children if name == role]

    def check(self) -> None:
        """Raise when one of them has ended, with the end of the log."""
        ended = [(role, child.returncode) for role, child in self._children if child.poll()]
        if ended:
            told = self._log.read_text("utf-8", "replace")[-2000:]
            raise RuntimeError(f"{ended} ended: {told}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        children = [child for _, child in self._children]
        for child in children:
            child.terminate()
        for child in children:
            _end(child)
        os.close(self._lifeline)
        os.close(self._ours)


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process for as long as the block runs."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env=child_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield child
    finally:
        child.terminate()
        _end(child)


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of a child: none of ours reach it, so that no setting of the shell counts."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR", "LANG") if key in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **environment}


def await_that(what: str, holds: Callable[[], bool], within: float, pause: float = 0.02) -> float:
    """Wait until `holds` says so and return the moment; raises TimeoutError."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within:.0f} seconds")
        time.sleep(pause)
    return time.monotonic()


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text("ascii").split():
            found += family(int(child))
    return found


def peak_memory(pids: Iterable[int]) -> float:
    """The largest peak of resident memory among these processes, in MB."""
    return max((_kilobytes(pid, "VmHWM") for pid in pids), default=0) / 1024


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time that these processes have used until now."""
    total = 0
    for pid in pids:
        # The name in parentheses may hold spaces; what follows it does not.
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _kilobytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
