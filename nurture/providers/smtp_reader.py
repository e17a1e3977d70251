"""Bytes of a server into replies, and the end of a session as an exception."""

from typing import Final

from nurture.errors import NurtureError
from nurture.providers.base import Outcome
from nurture.providers.replies import Reply, read_reply

_MOST_BYTES: Final = 65_536


class SessionOver(NurtureError):
    """The session cannot go on. `outcome` is the fate of emails that only it could have sent."""

    def __init__(self, message: str, outcome: Outcome = Outcome.LATER, code: int = 0) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.code = code


class ReplyReader:
    """Collects bytes and gives complete replies, multi-line ones included."""

    def __init__(self) -> None:
        #: The lines of the reply read last, without their codes.
        self.lines: list[str] = []
        self._buffer = b""
        self._partial: list[str] = []
        self._size = 0

    @property
    def rest(self) -> bytes:
        """What has arrived and belongs to no reply read yet."""
        return self._buffer

    def feed(self, data: bytes) -> None:
        """Add bytes of the server."""
        self._buffer = self._buffer + data if self._buffer else data

    def next(self) -> Reply | None:
        """The next complete reply, None if it has not all arrived. Raises `SessionOver`."""
        while (end := self._buffer.find(b"\n")) >= 0:
            line, self._buffer = self._buffer[:end].rstrip(b"\r"), self._buffer[end + 1 :]
            code, mark = line[:3], line[3:4]
            if len(code) < 3 or not code.isdigit() or mark not in (b" ", b"-", b""):
                raise SessionOver(f"this is no SMTP reply: {line[:200]!r}")
            self._partial.append(line[4:].decode("utf-8", "replace"))
            self._size += len(line)
            if mark != b"-":
                self.lines, self._partial, self._size = self._partial, [], 0
                return read_reply(int(code), _joined(self.lines))
        if self._size + len(self._buffer) > _MOST_BYTES:
            raise SessionOver("the server's reply does not end")
        return None


def _joined(lines: list[str]) -> str:
    """The text of a reply; the status stands on every line and is kept once (RFC 2034)."""
    if len(lines) == 1:
        return lines[0]
    first, *others = lines
    status = first.split(" ", 1)[0]
    return " ".join([first, *(line.removeprefix(status).strip() for line in others)])
