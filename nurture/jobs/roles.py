"""What a process of the background does, by its role, from its beginning to its exit status."""

import gc
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import nurture
from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.errors import NurtureError
from nurture.jobs import messenger, recorder, ticker, worker_process
from nurture.jobs.lifeline import Stop
from nurture.jobs.nursery import SUPERVISOR, Nursery
from nurture.jobs.queue import wake_by
from nurture.jobs.supervisor import Supervisor
from nurture.wiring import build

log = logging.getLogger(__name__)

ROLES: Final[Mapping[str, Callable[[Dependencies, str, Stop], int]]] = {
    "worker": worker_process.run,
    "ticker": ticker.run,
    "recorder": recorder.run,
    "messenger": messenger.run,
}

# Objects made before the young, the middle and the old generation are looked at.
COLLECTS_AFTER: Final = (50_000, 20, 20)


def main(role: str, name: str, lifeline: int, line: int = -1, workers: int = -1) -> int:
    """Do the work of a role until asked to stop.

    A supervisor is also given its line to the nursery, and how many workers it has, -1 for as
    many as the settings say.
    """
    logging.basicConfig(
        level=logging.INFO,
        format=f"%(asctime)s {name} %(levelname)s %(message)s",
        force=True,  # The nursery's own way of telling was inherited.
    )
    stop = Stop()
    stop.listen(lifeline)
    settings = Settings.from_environment(os.environ)
    deps = build(settings, wake_by(settings))
    spare_the_collector()
    if role == SUPERVISOR:
        count = settings.workers if workers < 0 else workers
        return _supervise(Supervisor(deps, Nursery(line), stop, workers=count), name)
    return ROLES[role](deps, name, stop)


def afresh(role: str, name: str, lifeline: int, line: int = -1, workers: int = -1) -> int:
    """Do the same as a program that was started anew, having loaded everything again."""
    for kept in (lifeline, line):
        if kept >= 0:
            os.set_inheritable(kept, True)  # noqa: FBT003 - its name says it
    numbers = map(str, (lifeline, line, workers))
    command = [sys.executable, "-m", "nurture.jobs", role, name, *numbers]
    os.execve(sys.executable, command, _with_package(os.environ))  # noqa: S606 - built here


#: What children of the nursery do. Outside Linux some libraries of the system, such as macOS's
#: for proxies and Kerberos, do not bear being used in a process that was only forked.
BECOME: Final = main if sys.platform == "linux" else afresh


def _supervise(supervisor: Supervisor, name: str) -> int:
    try:
        return supervisor.run(name)
    except NurtureError as error:
        log.error("%s", error)  # noqa: TRY400 - it says what to do, and where it arose does not matter
        return 1


def spare_the_collector() -> None:
    """Let the garbage collector look at what work makes, not at the program itself each time.

    All that was loaded until now lives as long as the process, and reading through it again and
    again took a tenth of a worker's time. Rows and decisions hold no circles and go by themselves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTS_AFTER)


def _with_package(environment: Mapping[str, str]) -> dict[str, str]:
    """Let this package be found when it is not installed but lies in a checkout."""
    root = str(Path(nurture.__file__).resolve().parents[1])
    paths = [root, *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}
