"""How processes show that they live, and how others learn that one has died.

Each process holds a lock on a file of its own in the home folder for as long as it lives, and the
kernel lets go of it whatever way the process ends. So on the same machine a death is known at
once and for certain, where process ids could have been given to somebody else. Other machines see
the beats in the database stop.
"""

import fcntl
import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self

from nurture.engine import presence
from nurture.engine.deliveries import recover_deliveries
from nurture.engine.dependencies import Dependencies
from nurture.engine.journal import path_of
from nurture.engine.presence import Process
from nurture.engine.reconcile import Recovered, recover
from nurture.errors import NurtureError

log = logging.getLogger(__name__)

FOLDER: Final = "processes"
BEATS_EVERY: Final = 15.0  # seconds

Pulse = Literal["alive", "dead", "unknown"]


def new_name(role: str) -> str:
    """A name that no process had before: it tells the machine and the role, and is a file's name.

    The end is random and not the process id, because the starter needs the name before.
    """
    host = re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname()).strip("-")[:40] or "host"
    return f"{host}-{role}-{secrets.token_hex(4)}"


class Presence:
    """A process that is at work for as long as the block runs.

    `sent` is asked at each beat how many emails left since it was last asked.
    """

    def __init__(
        self, deps: Dependencies, name: str, kind: str, sent: Callable[[], int] = lambda: 0
    ) -> None:
        self._deps = deps
        self._process = Process(name, kind, socket.gethostname(), os.getpid())
        self._sent = sent
        self._over = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="presence", daemon=True)
        self._lock = -1

    def __enter__(self) -> Self:
        path = lock_of(self._deps.settings.home, self._process.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        presence.arrive(self._deps, self._process)
        self._beats.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._over.set()
        self._beats.join()
        # After an error the lock is only let go: whoever finds it free looks what is left to do.
        if kind is None:
            presence.beat(self._deps, self._process.name, self._sent())
            presence.leave(self._deps, self._process.name)
            lock_of(self._deps.settings.home, self._process.name).unlink(missing_ok=True)
        os.close(self._lock)

    def _beat(self) -> None:
        unsaid = 0
        while not self._over.wait(BEATS_EVERY):
            unsaid += self._sent()
            try:
                presence.beat(self._deps, self._process.name, unsaid)
                unsaid = 0
            except NurtureError as error:
                log.warning("%s could not say that it lives: %s", self._process.name, error)


def lock_of(home: Path, name: str) -> Path:
    """Where the lock of a process lies."""
    return home / FOLDER / f"{name}.lock"


def pulse(home: Path, name: str) -> Pulse:
    """Whether a process lives, as far as this machine knows: unknown is one of another home."""
    try:
        lock = os.open(lock_of(home, name), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        # Who left a journal here lived here, and its lock is removed when it has been recovered.
        return "dead" if path_of(home, name).exists() else "unknown"
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "alive"
    finally:
        os.close(lock)
    return "dead"


def recover_dead(deps: Dependencies, now: datetime) -> dict[str, Recovered]:
    """Settle what every dead process has left; return what became of it, by name.

    Anybody may call this at any time, also several at once.
    """
    found: dict[str, Recovered] = {}
    home = deps.settings.home
    for process in presence.unaccounted(deps):
        state = pulse(home, process.name)
        silent = presence.is_silent(process, deps.wall.now())
        if state == "alive" or (state == "unknown" and not silent):
            continue
        recover_deliveries(deps, process.name, now)
        here = path_of(home, process.name).exists()
        done = recover(deps, process.name, now, journal_is_here=here)
        presence.leave(deps, process.name)
        lock_of(home, process.name).unlink(missing_ok=True)
        found[process.name] = done
        log.warning(
            "%s died: %d sends settled, %d uncertain, %d queued again, %d failed",
            process.name, done.settled, done.uncertain, done.requeued, done.failed,
        )  # fmt: skip
    return found
