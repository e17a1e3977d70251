"""The processes of a running Nurture, as children: started, watched, and stopped every one."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nurture.errors import Retryable

READY_WITHIN = 60.0  # seconds
STOPS_WITHIN = 30.0  # seconds
LOOKS_AGAIN_AFTER = 0.05  # seconds


def free_port() -> int:
    """Return a port on loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Return whether we could listen on this port on loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@dataclass
class Machine:
    """Children run `nurture COMMAND` with `env`; what they print goes to `logs`/COMMAND.log."""

    env: Mapping[str, str]
    logs: Path
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *command: str) -> None:
        """Start `nurture COMMAND…` in a session of its own, so that Ctrl-C is ours to pass on."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{command[0]}.log").open("ab") as log:
            self._children[command[0]] = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, "-m", "nurture", *command],
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for_port(self, name: str, port: int) -> None:
        """Return once a child listens; raises Retryable with where to read when it does not."""
        give_up = time.monotonic() + READY_WITHIN
        while time.monotonic() < give_up:
            self.check()
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(LOOKS_AGAIN_AFTER)
        raise Retryable(
            f"{name} did not start within {READY_WITHIN:.0f} s",
            remedy=f"Read {self.logs / name}.log.",
        )

    def check(self) -> None:
        """Raise Retryable when a child has ended by itself."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise Retryable(
                    f"{name} ended with status {child.returncode}",
                    remedy=f"Read {self.logs / name}.log.",
                )

    def stop(self) -> None:
        """Stop every child, the last started first; one that does not listen is killed."""
        for name in reversed(list(self._children)):
            child = self._children.pop(name)
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(STOPS_WITHIN)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
