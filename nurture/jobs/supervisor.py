"""The supervisor: has workers, a ticker, a recorder and a messenger begun, and again when they die.

They are forked from the nursery and not from here, because this process has connections, locks
and threads.
"""

import logging
import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from redis.exceptions import RedisError

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.errors import NurtureError
from nurture.jobs.hit_queue import HitQueue
from nurture.jobs.lifeline import Stop
from nurture.jobs.nursery import STOPS_WITHIN, SUPERVISOR, Nursery
from nurture.jobs.presence import Presence, new_name, pulse, recover_dead
from nurture.jobs.queue import connect
from nurture.jobs.valkey import EmbeddedValkey

log = logging.getLogger(__name__)

LOOKS_EVERY: Final = 0.05  # seconds
LOOKS_AFTER_REDIS_EVERY: Final = 0.5  # seconds
PATIENCE: Final = 1.0  # seconds
# A child that lived for so long was well; one that dies sooner is started again ever later.
WELL: Final = 5.0  # seconds
FIRST_WAIT: Final = 0.2  # seconds
LONGEST_WAIT: Final = 30.0  # seconds
# A child that dies of being asked had not got so far as to listen, and holds nothing.
ENDED_IN_ORDER: Final = (0, -signal.SIGTERM)


@dataclass
class Post:
    """A role that must be filled, and the child that fills it at present."""

    role: str
    name: str = ""
    filled: bool = False
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0


class Supervisor:
    """Runs everything but the web, on one machine, until `stop` is asked for."""

    def __init__(self, deps: Dependencies, nursery: Nursery, stop: Stop, *, workers: int) -> None:
        self._deps = deps
        self._nursery = nursery
        alone = (Post("ticker"), Post("recorder"), Post("messenger"))
        self._posts = [*alone, *(Post("worker") for _ in range(workers))]
        self._killing = False
        self._somebody_died = True  # Perhaps while nobody was looking.
        self._stop = stop
        stop.hard = self._be_hard

    def run(self, name: str) -> int:
        """Supervise until asked to stop; return the exit status, 0 when all ended in order."""
        with ExitStack() as stack:
            redis = None
            if not self._deps.settings.redis_url:
                redis = stack.enter_context(EmbeddedValkey(self._deps.settings.home / "valkey"))
            stack.enter_context(Presence(self._deps, name, SUPERVISOR))
            looked = 0.0
            while not self._stop():
                self._bury()
                self._recover()
                self._fill()
                if redis is not None and time.monotonic() - looked > LOOKS_AFTER_REDIS_EVERY:
                    _revive(redis)
                    looked = time.monotonic()
                self._stop.wait(LOOKS_EVERY)
            status = self._end()
        self._deps.database.close()
        return status

    def _be_hard(self) -> None:
        self._killing = True

    def _bury(self) -> None:
        """Take notice of children that have ended."""
        for name, status in self._nursery.ended():
            for post in self._posts:
                if post.filled and post.name == name:
                    self._vacate(post, status)

    def _vacate(self, post: Post, status: int) -> None:
        post.filled = False
        lived = time.monotonic() - post.started
        post.failures = 0 if status == 0 or lived >= WELL else post.failures + 1
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** max(0, post.failures - 1))
        post.not_before = time.monotonic() + (wait if post.failures else 0.0)
        if status:
            self._somebody_died = True
            log.warning("%s ended with status %d after %.1f s", post.name, status, lived)
        if post.role == "recorder":
            _leave_hits(self._deps.settings, post.name)

    def _recover(self) -> None:
        """Settle what the dead left, again and again until the database takes it."""
        if not self._somebody_died:
            return
        try:
            recover_dead(self._deps, self._deps.clock.now())
        except NurtureError as error:
            log.warning("what a dead process left cannot be settled yet: %s", error)
            return
        self._somebody_died = False

    def _fill(self) -> None:
        now = time.monotonic()
        for post in self._posts:
            if not post.filled and post.not_before <= now:
                post.name, post.started, post.filled = new_name(post.role), now, True
                self._nursery.begin(post.role, post.name)

    def _end(self) -> int:
        """Ask everybody to stop and wait for them; return the exit status."""
        living = {post.name for post in self._posts if post.filled}
        for name in living:
            self._nursery.signal(name, signal.SIGTERM)
        in_order = True
        deadline = time.monotonic() + STOPS_WITHIN
        while living:
            for name, status in self._nursery.ended():
                living.discard(name)
                in_order = in_order and status in ENDED_IN_ORDER
            if self._nursery.gone:
                return self._outlive(living, deadline)
            if self._killing or time.monotonic() > deadline:
                for name in living:
                    self._nursery.signal(name, signal.SIGKILL)
            time.sleep(LOOKS_EVERY)
        self._somebody_died = not in_order
        self._recover()
        return 0 if in_order else 1

    def _outlive(self, living: Iterable[str], deadline: float) -> int:
        """Wait for those who stop by themselves because the nursery was killed."""
        home = self._deps.settings.home
        while any(pulse(home, name) == "alive" for name in living):
            if self._killing or time.monotonic() > deadline:
                break
            time.sleep(LOOKS_EVERY)
        self._somebody_died = True
        self._recover()
        return 1


def _leave_hits(settings: Settings, recorder: str) -> None:
    """Let the next recorder take over at once what this one had in hand when it ended."""
    with suppress(RedisError), connect(settings, patience=PATIENCE) as redis:
        # Where Redis cannot be told, the silence of the dead says it later.
        HitQueue(redis, recorder).leave()


def _revive(redis: EmbeddedValkey) -> None:
    try:
        if redis.revive():
            log.warning("the embedded Valkey had ended and was started again")
    except NurtureError as error:
        log.warning("the embedded Valkey cannot be started again: %s", error)
