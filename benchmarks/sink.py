"""Postfix's test programs: `smtp-sink`, which counts mail at the far end, and `smtp-source`."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

STARTS_WITHIN: Final = 5.0  # seconds
_COUNTED: Final = re.compile(rb"mesg=(\d+)")
_TAIL: Final = 400


class Missing(Exception):
    """A program of the machine is not installed; the message says what to install."""


def program(name: str, package: str) -> str:
    """The path of a program. Raises `Missing` with the Debian package to install."""
    # Debian keeps Postfix's programs where only root's PATH looks.
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if found is None:
        raise Missing(f"{name} is not installed; on Debian: apt-get install {package}")
    return found


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sink:
    """A running `smtp-sink`; `count` is its own counter of messages, not ours."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="nurture-bench-sink-"))
        self._counters = self._folder / "counters"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the sink."""
        assert self._process is not None
        return self._process.pid

    @property
    def count(self) -> int:
        """How many messages the sink has taken; it prints its counters after each one."""
        with self._counters.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            found = _COUNTED.findall(file.read())
        return int(found[-1]) if found else 0

    def __enter__(self) -> Self:
        try:
            command = [program("smtp-sink", "postfix"), "-c"]
            # It insists on giving root's rights away.
            command += ["-u", "nobody"] if os.geteuid() == 0 else []
            with self._counters.open("wb") as output:
                self._process = subprocess.Popen(
                    [*command, f"127.0.0.1:{self.port}", "256"],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            self._await()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def load(self, messages: int, size: int, *, keep: bool) -> float:
        """Have `smtp-source` send `messages` of `size` octets on 4 sessions; return seconds.

        With `keep` its sessions stay open, as ours do; without, each message has its own.
        """
        command = [program("smtp-source", "postfix"), "-s", "4", "-l", str(size)]
        command += ["-d"] if keep else []
        before = self.count
        started = time.monotonic()
        subprocess.run(
            [*command, "-m", str(messages), f"127.0.0.1:{self.port}"],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        seconds = time.monotonic() - started
        counted = self.count - before
        assert counted == messages, f"smtp-source sent {messages}, the sink counted {counted}"
        return seconds

    def _await(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            with (
                suppress(ConnectionRefusedError),
                socket.create_connection(("127.0.0.1", self.port), 1),
            ):
                return
            time.sleep(0.02)
        raise RuntimeError(f"smtp-sink did not start: {self._counters.read_text('utf-8')}")
