"""Things done again and again, each on its own: one that fails waits longer, the others go on."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

log = logging.getLogger(__name__)

LONGEST_WAIT: Final = 60.0  # seconds


@dataclass
class Chore:
    """One thing to do; `do` returns how much it found to do, 0 for nothing.

    `every` is the least time between two runs, in seconds.
    """

    name: str
    do: Callable[[], int]
    every: float = 0.0
    failures: int = 0
    not_before: float = 0.0


class Chores:
    """Chores that are done in turn."""

    def __init__(
        self,
        chores: Sequence[Chore],
        first_wait: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chores = chores
        self._first_wait = first_wait
        self._now = monotonic

    def round(self) -> int:
        """Do each chore whose time has come; return how much there was to do."""
        return sum(self._do(chore) for chore in self._chores if chore.not_before <= self._now())

    def _do(self, chore: Chore) -> int:
        try:
            done = chore.do()
        except Exception:
            wait = min(LONGEST_WAIT, self._first_wait * 2.0**chore.failures)
            chore.failures = min(chore.failures + 1, 30)
            chore.not_before = self._now() + wait
            log.exception("%s failed and is tried again in %.1f seconds", chore.name, wait)
            return 0
        chore.failures = 0
        chore.not_before = self._now() + chore.every
        return done
