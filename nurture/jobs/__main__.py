"""A child of the supervisor: `python -m nurture.jobs ROLE NAME LIFELINE`."""

import gc
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Final

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.jobs import messenger, recorder, ticker, worker_process
from nurture.jobs.lifeline import Stop
from nurture.jobs.queue import wake_by
from nurture.wiring import build

ROLES: Final[Mapping[str, Callable[[Dependencies, str, Stop], int]]] = {
    "worker": worker_process.run,
    "ticker": ticker.run,
    "recorder": recorder.run,
    "messenger": messenger.run,
}

# Objects made before the young, the middle and the old generation are looked at.
COLLECTS_AFTER: Final = (50_000, 20, 20)


def main(role: str, name: str, lifeline: str) -> int:
    """Do the work of a role until asked to stop."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {name} %(levelname)s %(message)s")
    stop = Stop()
    stop.listen(int(lifeline))
    settings = Settings.from_environment(os.environ)
    deps = build(settings, wake_by(settings))
    _spare_the_collector()
    return ROLES[role](deps, name, stop)


def _spare_the_collector() -> None:
    """Let the garbage collector look at what work makes, not at the program itself each time.

    All that was loaded until now lives as long as the process, and reading through it again and
    again took a tenth of a worker's time. Rows and decisions hold no circles and go by themselves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTS_AFTER)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
