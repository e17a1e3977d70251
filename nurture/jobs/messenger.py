"""The messenger: tells other systems and our own people, in a process of its own.

Each call has a thread, so that one which hangs holds up no other; an endpoint has a few at a time,
and notices one, through the provider that is this process's own. The main thread claims what there
is room for, and writes down answers together.
"""

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from nurture.engine.deliveries import (
    Errand,
    call,
    recover_deliveries,
    settle_webhooks,
    take_webhooks,
)
from nurture.engine.dependencies import Dependencies
from nurture.engine.notices import Notice, hand_over_notices, take_notices
from nurture.jobs.chores import Chore, Chores
from nurture.jobs.lifeline import Stop
from nurture.jobs.presence import Presence
from nurture.providers.calling import PATIENCE, Answered
from nurture.store.deliveries import Claimed

log = logging.getLogger(__name__)

# Answers written down in one transaction.
MOST_ANSWERS: Final = 100
LOOKS_FOR_STRAYS_EVERY: Final = 30.0  # seconds
# After this, calls that are still under way are left to whoever recovers this process.
LEAVES_WITHIN: Final = PATIENCE + 5.0  # seconds


class Messenger:
    """What one process called `name` has under way."""

    def __init__(self, deps: Dependencies, name: str) -> None:
        self._deps = deps
        self._name = name
        self._answers: queue.SimpleQueue[tuple[Claimed, Answered]] = queue.SimpleQueue()
        self._unwritten: list[tuple[Claimed, Answered]] = []
        self._called: dict[int, str] = {}
        self._notices: frozenset[int] = frozenset()
        self._writer: threading.Thread | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and nothing waits to be written down."""
        return not self._called and not self._is_writing()

    def settle(self) -> int:
        """Write down the answers that have come; return how many."""
        while len(self._unwritten) < MOST_ANSWERS:
            try:
                self._unwritten.append(self._answers.get_nowait())
            except queue.Empty:
                break
        settle_webhooks(self._deps, self._name, self._unwritten, self._now())
        # Only now: what the database did not take is written in the next round.
        done, self._unwritten = self._unwritten, []
        for one, _ in done:
            self._called.pop(one.id, None)
        return len(done)

    def tell_systems(self) -> int:
        """Begin the calls that are due and that there is room for; return how many."""
        under_way = Counter(self._called.values())
        errands = take_webhooks(self._deps, self._name, under_way, self._now())
        for errand in errands:
            self._called[errand.claimed.id] = errand.claimed.target
            threading.Thread(
                target=self._call, args=(errand,), name=f"call {errand.claimed.id}", daemon=True
            ).start()
        return len(errands)

    def tell_people(self) -> int:
        """Begin to hand over notices that are due, unless some are under way; return how many."""
        if self._is_writing():
            return 0
        notices = take_notices(self._deps, self._name, self._now())
        self._notices = frozenset(one.claimed.id for one in notices)
        if notices:
            self._writer = threading.Thread(
                target=self._hand_over, args=(notices,), name="notices", daemon=True
            )
            self._writer.start()
        return len(notices)

    def give_back_strays(self) -> int:
        """Give back what is taken in our name and not under way; return how many."""
        writing = self._notices if self._is_writing() else frozenset()
        known = {*self._called, *writing}
        return recover_deliveries(self._deps, self._name, self._now(), known)

    def wait(self, seconds: float) -> None:
        """Wait for an answer at most so long."""
        try:
            self._unwritten.append(self._answers.get(timeout=seconds))
        except queue.Empty:
            return

    def _is_writing(self) -> bool:
        return self._writer is not None and self._writer.is_alive()

    def _call(self, errand: Errand) -> None:
        self._answers.put((errand.claimed, call(self._deps, errand)))

    def _hand_over(self, notices: Sequence[Notice]) -> None:
        try:
            hand_over_notices(self._deps, self._name, notices, self._now())
        except Exception:
            # They are strays from now on, and given back as such.
            log.exception("%d notices could not be handed over", len(notices))

    def _now(self) -> datetime:
        return self._deps.clock.now()


def run(deps: Dependencies, name: str, stop: Stop) -> int:
    """Tell until asked to stop, then wait for what is under way; return the exit status."""
    messenger = Messenger(deps, name)
    tick = deps.settings.tick_seconds
    settling = Chore("writing down answers", messenger.settle)
    turn = Chores(
        [
            settling,
            Chore("telling other systems", messenger.tell_systems),
            Chore("telling our people", messenger.tell_people),
            Chore("giving back strays", messenger.give_back_strays, every=LOOKS_FOR_STRAYS_EVERY),
        ],
        first_wait=tick,
    )
    with Presence(deps, name, "messenger"):
        while not stop():
            turn.round()
            messenger.wait(tick)
        last = Chores([settling], first_wait=tick)
        deadline = time.monotonic() + LEAVES_WITHIN
        while not messenger.is_idle and time.monotonic() < deadline:
            last.round()
            messenger.wait(min(tick, 0.1))
        last.round()
        if not messenger.is_idle:
            recover_deliveries(deps, name, deps.clock.now())
    deps.provider.close()
    deps.database.close()
    return 0
