"""Hits in a local file, for when Redis and the database are both away.

Writers append whole lines to one file. Whoever drains it renames it first; the lock
settles who was first, so that nobody appends to a file that is being taken away.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

OPEN: Final = "hits"
TAKEN: Final = "taken-"
BATCH: Final = 500

Record = Callable[[Sequence[bytes]], object]


class Spool:
    """The files in one folder; any number of processes may use them at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = folder / OPEN

    def add(self, hit: bytes) -> None:
        """Keep a hit; raises OSError when the disk does not take it.

        It is not flushed: the file outlives this process, and a machine that loses power here
        had lost its database and its Redis before.
        """
        line = hit.replace(b"\n", b" ") + b"\n"  # JSON means the same by a space as by a break.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            file = os.open(self._open, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _is_at(file, self._open):
                    _write(file, line)
                    return
            finally:
                os.close(file)

    def drain(self, record: Record) -> int:
        """Give everything that was kept to `record`, in batches; return how many hits.

        A file is removed when all of it was recorded; an error of `record` is raised, and the
        file is given again next time, from its beginning.
        """
        self._take()
        return sum(self._give(path, record) for path in sorted(self._folder.glob(f"{TAKEN}*")))

    def _take(self) -> None:
        try:
            file = os.open(self._open, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file, self._open):
                self._open.rename(self._folder / f"{TAKEN}{secrets.token_hex(8)}")
        finally:
            os.close(file)

    def _give(self, path: Path, record: Record) -> int:
        given = 0
        with _locked(path) as lines:
            while batch := list(islice(lines, BATCH)):
                record([line.rstrip(b"\n") for line in batch])
                given += len(batch)
            if given:
                path.unlink(missing_ok=True)
        return given


@contextmanager
def _locked(path: Path) -> Iterator[Iterator[bytes]]:
    """Give the lines of a file that is ours; none when another process has it or took it away."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield iter(())
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield iter(())
            return
        yield file if _is_at(file.fileno(), path) else iter(())


def _is_at(file: int, path: Path) -> bool:
    """Whether an open file is still the one that lies at `path`."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _write(file: int, line: bytes) -> None:
    while line:
        line = line[os.write(file, line) :]
