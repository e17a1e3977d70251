"""How child processes are asked to stop: by a signal, or by the death of whoever started them."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

HARD_STOP: Final = 70  # The exit status after a second signal.


class Stop:
    """Asked for by SIGTERM or SIGINT, or by the end of the pipe that the parent holds open.

    The first request is remembered for whoever looks; at a second signal `hard` is called. By
    default the process ends where it stands, which is always safe here: it is a crash like any.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.hard: Callable[[], None] = lambda: os._exit(HARD_STOP)

    def __call__(self) -> bool:
        """Whether the process is asked to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the request at most so long; return whether it came."""
        return self._event.wait(seconds)

    def ask(self) -> None:
        """Ask the process to stop."""
        self._event.set()

    def listen(self, lifeline: int = -1) -> None:
        """Listen to signals, and to the parent through the file descriptor `lifeline`."""
        signal.signal(signal.SIGTERM, self.on_signal)
        signal.signal(signal.SIGINT, self.on_signal)
        if lifeline >= 0:
            threading.Thread(
                target=self._watch, args=(lifeline,), name="lifeline", daemon=True
            ).start()

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Remember the first signal; be hard at the second."""
        if self._event.is_set():
            self.hard()
        self._event.set()

    def _watch(self, lifeline: int) -> None:
        # Nothing is ever written: the read ends when the last holder of the other end is gone.
        while os.read(lifeline, 1):
            pass
        if not self():
            os.kill(os.getpid(), signal.SIGTERM)
