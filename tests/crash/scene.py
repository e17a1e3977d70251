"""Real processes to be killed: a sink for mail, and Nurture's supervisor with its children."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from redis import Redis

from nurture.cli.worker import worker
from nurture.config import Settings
from nurture.jobs import valkey
from tests.processes import APART

ROOT = Path(__file__).resolve().parents[2]
LOOKS_EVERY = 0.05  # seconds


class Sink:
    """The relay's port, and what it has taken."""

    def __init__(self, book: Path, delay: float) -> None:
        self._book = book
        command = [sys.executable, str(ROOT / "tests/crash/sink.py"), str(book), str(delay)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def taken(self) -> Counter[tuple[str, str]]:
        """How often each (recipient, Message-ID) was taken."""
        if not self._book.exists():
            return Counter()
        pairs = (line.split(" ") for line in self._book.read_text().splitlines())
        return Counter((recipient, message_id) for recipient, message_id in pairs)


@contextmanager
def sink(book: Path, delay: float) -> Iterator[Sink]:
    made = Sink(book, delay)
    try:
        yield made
    finally:
        made.stop()


class Running:
    """A process of `nurture worker`, with what a test asks of it."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid = process.pid

    def send_signal(self, number: signal.Signals) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def wait(self, within: float) -> int | None:
        """Its exit status, negative for a signal; None when it has not ended in time."""
        self._process.join(within)
        return self._process.exitcode


@contextmanager
def supervisor(environment: Mapping[str, str], log: Path) -> Iterator[Running]:
    """`nurture worker`, asked to stop at the end of the block if it still runs then.

    A session and an environment of its own, as from a shell, but forked from a process that has
    loaded the program: that takes longer than most of what is tested.
    """
    process = APART.Process(target=_work, args=(dict(environment), log))
    process.start()
    running = Running(process)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(90)


@contextmanager
def program(environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python worker.py`, for a test of just that; asked to stop at the end of the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "worker.py")],
            env={"PATH": os.environ["PATH"], **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with process:
        try:
            yield process
        finally:
            process.terminate()


def _work(environment: Mapping[str, str], log: Path) -> None:
    be_alone(environment, log)
    worker([])


def be_alone(environment: Mapping[str, str], log: Path) -> None:
    """Have, as a forked process, a session, an environment and an output of one's own."""
    path = os.environ["PATH"]
    os.environ.clear()
    os.environ.update({"PATH": path, **environment})
    os.setsid()
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)


def until(condition: Callable[[], bool], within: float, what: str) -> None:
    """Wait until something is so; fails with `what` when it is not so in time."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:.0f} seconds: {what}"
        time.sleep(LOOKS_EVERY)


def flush_redis(settings: Settings) -> None:
    with Redis.from_url(valkey.address(settings)) as client:
        client.flushall()


def kill_redis(settings: Settings) -> None:
    """Kill the server as a machine would; whoever started it starts it again."""
    with Redis.from_url(valkey.address(settings)) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGKILL)
