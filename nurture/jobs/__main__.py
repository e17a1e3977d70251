"""A child of the supervisor: `python -m nurture.jobs ROLE NAME LIFELINE`."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Final

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.jobs import recorder, ticker, worker_process
from nurture.jobs.lifeline import Stop
from nurture.jobs.queue import wake_by
from nurture.wiring import build

ROLES: Final[Mapping[str, Callable[[Dependencies, str, Stop], int]]] = {
    "worker": worker_process.run,
    "ticker": ticker.run,
    "recorder": recorder.run,
}


def main(role: str, name: str, lifeline: str) -> int:
    """Do the work of a role until asked to stop."""
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {name} %(levelname)s %(message)s")
    stop = Stop()
    stop.listen(int(lifeline))
    settings = Settings.from_environment(os.environ)
    return ROLES[role](build(settings, wake_by(settings)), name, stop)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
