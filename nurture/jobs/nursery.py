"""The nursery: the process that `nurture worker` is, from which all others are forked.

It has loaded everything once, opens nothing and has a single thread, so that nothing is shared
that must not be: no connection and no lock. What it shares is the program itself, in memory that
is read only. Its first child is the supervisor, which decides who else is begun and when; the
nursery does as it is told and tells who has ended.

All hold one end of a pipe, the lifeline, whose other end only the nursery holds: should it be
killed, they see the pipe end and stop in order.
"""

import gc
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from nurture.jobs.presence import new_name

log = logging.getLogger(__name__)

SUPERVISOR: Final = "supervisor"
# For those who are left without a supervisor: longer than a part in hand takes with a slow
# provider.
STOPS_WITHIN: Final = 60.0  # seconds
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_MOST: Final = 65_536  # bytes in one reading of a socket

#: What a process is to do in a role: by its name, the lifeline, and the supervisor's line to the
#: nursery, -1 for anybody else. Returns its exit status.
Become = Callable[[str, str, int, int], int]


class Nursery:
    """What the supervisor knows of the nursery: a line to it, through which both talk."""

    def __init__(self, line: int) -> None:
        self._line = socket.socket(fileno=line)
        self._heard = b""
        #: Whether the nursery has died; then nobody tells any more who has ended.
        self.gone = False

    def begin(self, role: str, name: str) -> None:
        """Have a process begun. That it could not be is told like an end."""
        self._tell(f"begin {role} {name}")

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process that was begun; nothing happens when it has ended."""
        self._tell(f"signal {name} {int(number)}")

    def ended(self) -> list[tuple[str, int]]:
        """Who has ended since this was last asked, by which status; negative is a signal."""
        try:
            heard = self._line.recv(_MOST, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            heard = b""
        if not heard:
            self.gone = True
        *lines, self._heard = (self._heard + heard).split(b"\n")
        return [(name, int(status)) for name, status in (line.decode().split() for line in lines)]

    def _tell(self, what: str) -> None:
        try:
            self._line.sendall(f"{what}\n".encode())
        except OSError:
            self.gone = True


def keep(become: Become) -> int:
    """Begin the supervisor and whom it asks for; return its exit status when nobody is left.

    Signals that ask to stop are the supervisor's, and passed on to it. When it dies everybody
    else stops in order, by the end of the lifeline.
    """
    return _House(become).keep()


class _House:
    """The nursery's own side: who was begun here, and how they are heard of."""

    def __init__(self, become: Become) -> None:
        self._become = become
        self._lifeline, self._our_end = os.pipe()
        self._line, self._supervisors_line = socket.socketpair()
        self._woken, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)  # noqa: FBT003 - its name says it
        self._listens_to = [self._woken, self._line]
        self._heard = b""
        self._children: dict[int, str] = {}
        self._supervisor = 0
        self._status = 0
        self._killing = False

    def keep(self) -> int:
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, _heard)
        # Children would copy every page in which the garbage collector marks what it has seen.
        gc.collect()
        gc.freeze()
        self._supervisor = self._fork(SUPERVISOR, new_name(SUPERVISOR), self._supervisors_line)
        self._supervisors_line.close()
        while self._supervisor:
            self._listen(None)
        os.close(self._our_end)
        self._see_off()
        return self._status if self._status >= 0 else 128 - self._status

    def _see_off(self) -> None:
        """Wait for whom the supervisor has left behind; who does not stop in time is killed."""
        deadline = time.monotonic() + STOPS_WITHIN
        while self._children:
            self._listen(max(0.0, deadline - time.monotonic()))
            if self._killing or time.monotonic() > deadline:
                for child in self._children:
                    os.kill(child, signal.SIGKILL)
                deadline = time.monotonic() + STOPS_WITHIN

    def _listen(self, seconds: float | None) -> None:
        """Wait for a signal or for what the supervisor says, and do what follows."""
        for one in select.select(self._listens_to, [], [], seconds)[0]:
            if one is self._woken:
                for number in self._woken.recv(_MOST):
                    self._on_signal(number)
            else:
                self._on_line()

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._bury()
        elif self._supervisor:
            os.kill(self._supervisor, signal.SIGTERM)
        else:
            self._killing = True

    def _bury(self) -> None:
        """Take notice of all that have ended, also of strangers whom the kernel leaves to us."""
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            name = self._children.pop(child, None)
            code = os.waitstatus_to_exitcode(status)
            if child == self._supervisor:
                self._supervisor, self._status = 0, code
            elif name is not None:
                self._tell(name, code)

    def _on_line(self) -> None:
        try:
            heard = self._line.recv(_MOST)
        except OSError:
            heard = b""
        if not heard:
            self._listens_to.remove(self._line)
        *lines, self._heard = (self._heard + heard).split(b"\n")
        for word, first, second in (line.decode().split() for line in lines):
            if word == "signal":
                self._signal(first, int(second))
            elif self._supervisor:  # Nobody is begun for one who has died since.
                self._begin(first, second)

    def _begin(self, role: str, name: str) -> None:
        try:
            self._fork(role, name, None)
        except OSError as error:
            log.error("%s cannot be begun: %s", name, error)  # noqa: TRY400 - told by the error
            self._tell(name, os.EX_OSERR)

    def _signal(self, name: str, number: int) -> None:
        # Who is in this list has not been waited for, so the number is still theirs.
        for child in [child for child, called in self._children.items() if called == name]:
            os.kill(child, number)

    def _tell(self, name: str, status: int) -> None:
        with suppress(OSError):  # The supervisor has ended.
            self._line.sendall(f"{name} {status}\n".encode())

    def _fork(self, role: str, name: str, line: socket.socket | None) -> int:
        """Begin a process; return its id."""
        # A signal that comes before the child has put ours away must find it all the same.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            child = os.fork()
            if not child:
                self._live(role, name, line)
            self._children[child] = name
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        return child

    def _live(self, role: str, name: str, line: socket.socket | None) -> NoReturn:
        """Be the child, to its end."""
        status = 1
        try:
            self._move_out(role, line)
            fileno = -1 if line is None else line.detach()
            status = self._become(role, name, self._lifeline, fileno)
        except SystemExit as asked:
            status = asked.code if isinstance(asked.code, int) else 1
        except BaseException:  # noqa: BLE001 - told as Python itself would, and then it ends
            sys.excepthook(*sys.exc_info())
        finally:
            logging.shutdown()
            # Not by way of the nursery's own end, which is on this stack.
            os._exit(status)

    def _move_out(self, role: str, line: socket.socket | None) -> None:
        """Leave to the nursery what is the nursery's."""
        signal.set_wakeup_fd(-1)
        os.close(self._our_end)
        for ours in (self._line, self._woken, self._wakes):
            ours.close()
        if line is None and self._supervisors_line.fileno() >= 0:
            self._supervisors_line.close()
        # A session of its own, because Ctrl-C in a terminal is for the nursery, which passes it
        # on to the supervisor; that asks everybody once and in order.
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        with suppress(OSError):  # Where there is one, as on Linux: what `ps` and `top` show.
            Path("/proc/self/comm").write_text(role, "ascii")


def _heard(_number: int, _frame: object) -> None:
    """Let a signal be written to the wake-up socket, and do nothing here."""
