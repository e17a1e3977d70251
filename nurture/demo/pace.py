"""The demo's clock: as fast as asked, and never faster than the work gets done."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.clock import Pacer
from nurture.engine.dependencies import Dependencies
from nurture.store.progress import Backlog, backlog

# Work may lie this long, in the demo's time, before the clock waits for it. Send windows are
# hours wide, so what is due at eight is out before they close.
SLACK = timedelta(minutes=90)
LOOKS_EVERY = 0.04  # seconds of real time between two looks at the backlog
STEP = 0.005  # seconds of real time between two steps of the clock
LONGEST_STEP = 0.05  # seconds of real time that one step makes up for


@dataclass
class Pace:
    """Advances the clock by `speed` days a second until `end`, waiting while work lies about."""

    deps: Dependencies
    pacer: Pacer
    speed: float
    now: datetime
    _stepped: float = 0.0
    _looked: float = 0.0
    _held: bool = False

    def step(self, end: datetime, *, wait: bool) -> datetime:
        """Move the clock on by the time that has passed; `wait` keeps it where it is."""
        real = time.monotonic()
        passed = min(real - (self._stepped or real), LONGEST_STEP)
        self._stepped = real
        if real - self._looked > LOOKS_EVERY:
            self._held = not self.behind(SLACK).is_empty
            self._looked = time.monotonic()
        if not self._held and not wait:
            self.now = min(end, self.now + timedelta(days=self.speed * passed))
            self.pacer.set(self.now)
        return self.now

    def behind(self, slack: timedelta) -> Backlog:
        """Return what was due `slack` ago and is not done."""
        with self.deps.database.read() as tx:
            return backlog(tx, self.now - slack, self.now)
