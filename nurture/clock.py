"""The only reader of the clock: the wall's, or the demo's, which runs at a day a second.

Only `cli`, `web`, `jobs` and `demo` ask a clock; everything below them takes `now` as an
argument, so that the same rules run in a test, in a simulation and in production.

A paced clock is eight bytes in a file that every process maps into its memory: a little-endian
double holding Unix seconds. One process sets it with `Pacer`, all others read it without a
system call. The bytes lie aligned at the start of a page and are copied in one piece, which
the processors this runs on do with one instruction.
"""

import mmap
import os
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from nurture.config import Settings
from nurture.errors import Invalid, NotFound, Refused

_SECONDS = struct.Struct("<d")
_LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


class Clock(Protocol):
    """Tells the time as an aware datetime in UTC, and never an earlier one than it told before."""

    def now(self) -> datetime: ...


class WallClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class PacedClock:
    """The time that a `Pacer` has set in the file at `path`.

    Raises `NotFound` when no pacer has set a time there yet.
    """

    def __init__(self, path: Path) -> None:
        message = f"no time has been set in {path}"
        remedy = "Start `nurture demo`, which sets it, or unset NURTURE_CLOCK and remove that file."
        try:
            self._map = _mapped(path, writable=False)
        except (FileNotFoundError, ValueError):  # A ValueError says that the file is too short.
            raise NotFound(message, remedy=remedy) from None
        self._latest = _read(self._map)
        if not self._latest:
            raise NotFound(message, remedy=remedy)

    def now(self) -> datetime:
        # The file may be set back by hand between two demo runs; whoever holds a clock must not
        # see that, because due times and dwell times are differences of its answers.
        self._latest = max(self._latest, _read(self._map))
        return datetime.fromtimestamp(self._latest, UTC)


class Pacer:
    """Sets the time that every `PacedClock` on the same file tells.

    The file is made when missing and keeps its time otherwise, so a second run goes on
    where the first one stopped.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < _SECONDS.size:
                os.ftruncate(descriptor, _SECONDS.size)
        finally:
            os.close(descriptor)
        self._map = _mapped(path, writable=True)

    def now(self) -> datetime | None:
        """The time last set, or None when none has been set in this file."""
        seconds = _read(self._map)
        return datetime.fromtimestamp(seconds, UTC) if seconds else None

    def set(self, moment: datetime) -> None:
        """Move every clock on this file to `moment`, an aware datetime.

        Raises `Invalid` for a naive datetime and `Refused` for an earlier one than is set: time
        never goes backwards.
        """
        if moment.tzinfo is None:
            message = f"{moment} has no time zone"
            raise Invalid(message, remedy="Pass an aware datetime in UTC.")
        seconds = moment.timestamp()
        if seconds < _read(self._map):
            message = f"the clock is already past {moment.isoformat()}"
            remedy = "Set a later moment, or remove the clock's file to start again."
            raise Refused(message, remedy=remedy)
        # A slice assignment copies all eight bytes at once; struct.pack_into would write them
        # one by one, and a reader could meet half of an old time and half of a new one.
        self._map[: _SECONDS.size] = _SECONDS.pack(seconds)


def clock_from(settings: Settings) -> Clock:
    """The clock that NURTURE_CLOCK names: a paced clock's file, or the wall's when empty."""
    return PacedClock(Path(settings.clock)) if settings.clock else WallClock()


def _mapped(path: Path, *, writable: bool) -> mmap.mmap:
    descriptor = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
    try:
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        return mmap.mmap(descriptor, _SECONDS.size, access=access)
    finally:
        os.close(descriptor)


def _read(mapped: mmap.mmap) -> float:
    seconds: float = _SECONDS.unpack(mapped[: _SECONDS.size])[0]
    # What is no moment that a datetime can hold, a broken file's content, counts as unset.
    return seconds if 0 < seconds < _LAST_MOMENT else 0.0
