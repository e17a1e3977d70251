"""The nursery, with processes that do next to nothing: who is begun, asked, told of, and left."""

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from nurture.config import Settings
from nurture.jobs.lifeline import Stop
from nurture.jobs.nursery import SUPERVISOR, Nursery, keep
from nurture.jobs.roles import afresh
from tests.crash.scene import until
from tests.jobs.world import World
from tests.processes import APART

WITHIN = 20  # seconds


class Play:
    """What processes do by their role, and write down in a folder by their name."""

    def __init__(self, folder: Path, plan: list[tuple[str, str]]) -> None:
        self._folder = folder
        self._plan = plan

    def __call__(self, role: str, name: str, lifeline: int, line: int) -> int:
        stop = Stop()
        stop.listen(lifeline)
        if role == SUPERVISOR:
            return self._supervise(Nursery(line), stop)
        self._write(name, here())
        if role == "fails":
            raise RuntimeError("as was to be expected")
        if role == "leaves":
            sys.exit(7)
        while role != "ends" and not stop():
            stop.wait(1)
        return 3 if role == "ends" else 0

    def _supervise(self, nursery: Nursery, stop: Stop) -> int:
        for role, name in self._plan:
            nursery.begin(role, name)
        self._write("supervisor", here())
        ended: dict[str, int] = {}
        while not stop() and not nursery.gone:
            ended |= nursery.ended()
            self._write("ended", ended)
            for asked in self._folder.glob("*.signal"):
                nursery.signal(asked.stem, signal.Signals(int(asked.read_text())))
                asked.unlink()
            stop.wait(0.01)
        return 5

    def _write(self, name: str, what: dict[str, Any]) -> None:
        made = self._folder / f"{name}.new"
        made.write_text(json.dumps(what))
        made.rename(self._folder / f"{name}.json")


def here() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "session": os.getsid(0),
        "title": Path("/proc/self/comm").read_text().strip(),
        "input": str(Path("/proc/self/fd/0").readlink()),
    }


def kept(folder: Path, plan: list[tuple[str, str]]) -> None:
    sys.exit(keep(Play(folder, plan)))


@contextmanager
def nursery(folder: Path, *plan: tuple[str, str]) -> Iterator[ForkServerProcess]:
    process = APART.Process(target=kept, args=(folder, list(plan)))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


def told(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    until(path.exists, WITHIN, f"{name} tells of itself")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def lives(pid: int) -> bool:
    """Whether a process lives; one that has ended and is not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def ask(folder: Path, name: str, number: signal.Signals) -> None:
    (folder / "new").write_text(str(int(number)))
    (folder / "new").rename(folder / f"{name}.signal")


def test_the_supervisor_hears_how_each_has_ended(tmp_path: Path) -> None:
    plan = [("ends", "a"), ("fails", "b"), ("leaves", "c"), ("waits", "d"), ("waits", "e")]
    with nursery(tmp_path, *plan) as running:
        assert told(tmp_path, "d")["parent"] == running.pid
        assert told(tmp_path, "e")["parent"] == running.pid
        ask(tmp_path, "d", signal.SIGTERM)
        ask(tmp_path, "e", signal.SIGKILL)
        ask(tmp_path, "nobody", signal.SIGKILL)
        until(lambda: len(told(tmp_path, "ended")) == 5, WITHIN, "all have ended")
        assert told(tmp_path, "ended") == {"a": 3, "b": 1, "c": 7, "d": 0, "e": -signal.SIGKILL}
        os.kill(told(tmp_path, "supervisor")["parent"], signal.SIGTERM)
        running.join(WITHIN)
        assert running.exitcode == 5, "its status is the supervisor's"


def test_children_have_a_session_and_a_title_of_their_own(tmp_path: Path) -> None:
    with nursery(tmp_path, ("waits", "one"), ("waits", "two")):
        one, two, above = (told(tmp_path, name) for name in ("one", "two", "supervisor"))
    for child, title in ((one, "waits"), (two, "waits"), (above, "supervisor")):
        assert child["session"] == child["pid"]
        assert child["title"] == title
        assert child["input"] == os.devnull


def test_whoever_is_left_by_a_killed_supervisor_stops_in_order(tmp_path: Path) -> None:
    with nursery(tmp_path, ("waits", "a"), ("waits", "b")) as running:
        children = [told(tmp_path, name)["pid"] for name in ("a", "b")]
        os.kill(told(tmp_path, "supervisor")["pid"], signal.SIGKILL)
        running.join(WITHIN)
        assert running.exitcode == 128 + signal.SIGKILL
        assert not any(map(lives, children)), "it leaves last"


def test_whoever_is_left_by_a_killed_nursery_stops_in_order(tmp_path: Path) -> None:
    with nursery(tmp_path, ("waits", "a"), ("waits", "b")) as running:
        pids = [told(tmp_path, name)["pid"] for name in ("a", "b", "supervisor")]
        running.kill()
        until(lambda: not any(map(lives, pids)), WITHIN, "all see the lifeline end")


def test_a_child_that_must_not_be_waited_for_is_killed_by_a_second_signal(tmp_path: Path) -> None:
    with nursery(tmp_path, ("waits", "a")) as running:
        assert running.pid is not None
        child, above = (told(tmp_path, name)["pid"] for name in ("a", "supervisor"))
        os.kill(child, signal.SIGSTOP)  # It will not see the end of the lifeline.
        os.kill(above, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{above}").exists(), WITHIN, "its death is noticed")
        assert lives(child)
        os.kill(running.pid, signal.SIGTERM)
        running.join(WITHIN)
        assert not lives(child)


def anew(environment: dict[str, str], lifeline: Connection, line: socket.socket) -> None:
    os.environ.update(environment)
    afresh(SUPERVISOR, "above", lifeline.fileno(), line.fileno(), workers=1)


def test_a_supervisor_that_loads_the_program_itself_has_everybody_begun_and_asked_to_stop(
    settings: Settings, sqlite_url: str, tmp_path: Path
) -> None:
    world = World(settings, sqlite_url, tmp_path)
    line, theirs = socket.socketpair()
    lifeline, ours = APART.Pipe(duplex=False)
    environment = {
        "NURTURE_HOME": str(world.settings.home),
        "DATABASE_URL": sqlite_url,
        "REDIS_URL": world.settings.redis_url,
    }
    running = APART.Process(target=anew, args=(environment, lifeline, theirs))
    with line, theirs, lifeline, line.makefile("r", encoding="ascii") as told:
        running.start()
        theirs.close()
        lifeline.close()
        begun = [told.readline().split() for _ in range(4)]
        assert sorted(role for _, role, _ in begun) == ["messenger", "recorder", "ticker", "worker"]
        assert [name for name, _ in world.workers(SUPERVISOR)] == ["above"]
        ours.close()  # As if the nursery had been killed.
        for _ in begun:
            word, name, number = told.readline().split()
            assert (word, int(number)) == ("signal", signal.SIGTERM)
            line.sendall(f"{name} 0\n".encode())
        running.join(WITHIN)
    assert running.exitcode == 0
    assert world.workers(SUPERVISOR) == []
    running.close()
    world.close()
