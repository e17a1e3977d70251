"""The supervisor: starts workers, a ticker, a recorder and a messenger, and again when they die.

Children are processes of their own, started afresh rather than forked, so that no connection or
lock is shared. They hold one end of a pipe whose other end only the supervisor holds: should it be
killed, they see the pipe end and stop in order.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis.exceptions import RedisError

import nurture
from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.errors import NurtureError
from nurture.jobs.hit_queue import HitQueue
from nurture.jobs.lifeline import Stop
from nurture.jobs.presence import Presence, new_name, recover_dead
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
# Longer than a part in hand takes with a slow provider.
STOPS_WITHIN: Final = 60.0  # seconds
# A child that dies of being asked had not got so far as to listen, and holds nothing.
ENDED_IN_ORDER: Final = (0, -signal.SIGTERM)


@dataclass
class Post:
    """A role that must be filled, and the child that fills it at present."""

    role: str
    name: str = ""
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    not_before: float = 0.0


class Supervisor:
    """Runs everything but the web, on one machine. `environment` is what children are given."""

    def __init__(
        self, deps: Dependencies, environment: Mapping[str, str], *, workers: int | None = None
    ) -> None:
        self._deps = deps
        self._environment = _with_package(environment)
        count = deps.settings.workers if workers is None else workers
        alone = (Post("ticker"), Post("recorder"), Post("messenger"))
        self._posts = [*alone, *(Post("worker") for _ in range(count))]
        self._killing = False
        self._somebody_died = True  # Perhaps while nobody was looking.
        self.stop = Stop(self._be_hard)

    def run(self) -> int:
        """Supervise until asked to stop; return the exit status, 0 when all ended in order."""
        name = new_name("supervisor")
        with ExitStack() as stack:
            redis = None
            if not self._deps.settings.redis_url:
                redis = stack.enter_context(EmbeddedValkey(self._deps.settings.home / "valkey"))
            stack.enter_context(Presence(self._deps, name, "supervisor"))
            lifeline = stack.enter_context(_pipe())
            looked = 0.0
            while not self.stop():
                self._bury()
                self._recover()
                self._fill(lifeline)
                if redis is not None and time.monotonic() - looked > LOOKS_AFTER_REDIS_EVERY:
                    _revive(redis)
                    looked = time.monotonic()
                self.stop.wait(LOOKS_EVERY)
            return self._end()

    def _be_hard(self) -> None:
        self._killing = True

    def _bury(self) -> None:
        """Take notice of children that have ended."""
        for post in self._posts:
            if post.child is None or post.child.poll() is None:
                continue
            status, post.child = post.child.returncode, None
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

    def _fill(self, lifeline: int) -> None:
        now = time.monotonic()
        for post in self._posts:
            if post.child is None and post.not_before <= now:
                post.name, post.started = new_name(post.role), now
                post.child = self._start(post, lifeline)

    def _start(self, post: Post, lifeline: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "nurture.jobs", post.role, post.name, str(lifeline)]
        # A session of its own, because Ctrl-C in a terminal is for the supervisor, which asks
        # its children once and in order.
        return subprocess.Popen(  # noqa: S603 - the command is built here
            command,
            env=self._environment,
            pass_fds=(lifeline,),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _end(self) -> int:
        """Ask everybody to stop and wait for them; return the exit status."""
        children = [post.child for post in self._posts if post.child is not None]
        for child in children:
            child.terminate()
        deadline = time.monotonic() + STOPS_WITHIN
        while any(child.poll() is None for child in children):
            if self._killing or time.monotonic() > deadline:
                for child in children:
                    child.kill()
            time.sleep(LOOKS_EVERY)
        in_order = all(child.returncode in ENDED_IN_ORDER for child in children)
        self._somebody_died = not in_order
        self._recover()
        return 0 if in_order else 1


@contextmanager
def _pipe() -> Iterator[int]:
    """Give the end of a pipe that children hold; the other end is this process's alone."""
    held_by_children, held_here = os.pipe()
    try:
        yield held_by_children
    finally:
        os.close(held_here)
        os.close(held_by_children)


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


def _with_package(environment: Mapping[str, str]) -> dict[str, str]:
    """Let children find this package when it is not installed but lies in a checkout."""
    root = str(Path(nurture.__file__).resolve().parents[1])
    paths = [root, *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}
