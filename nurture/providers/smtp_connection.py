"""One connection to a relay: moves a dialogue's bytes through a transport, with time-outs.

Time-outs run on the machine's monotonic clock, whatever clock the engine lives by: a server
answers in real seconds even when a demonstration passes a day in one.
"""

import contextlib
import selectors
import ssl
from dataclasses import dataclass
from enum import Enum, auto
from typing import NoReturn

from nurture.providers.smtp_address import Encryption, SmtpAddress
from nurture.providers.smtp_dialogue import Dialogue, Need
from nurture.providers.smtp_message import Extensions, Prepared
from nurture.providers.smtp_reader import SessionOver
from nurture.providers.smtp_transport import Transport


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds without any progress. RFC 5321 section 4.5.3.2 asks clients for minutes.

    `final` is the wait for the answer to a whole message: it is long because giving up there
    leaves an email in doubt. `back_off` is how long to wait before a lost connection is opened
    again; when all of it is used up without any email settled in between, no more is tried
    in this batch.
    """

    connect: float = 15
    reply: float = 60
    transfer: float = 60
    final: float = 300
    back_off: tuple[float, ...] = (0.0, 0.2, 1.0, 3.0)


class _Stage(Enum):
    CONNECTING = auto()
    HANDSHAKE = auto()
    TALKING = auto()


class Connection:
    """A session with the relay at `address`. Every method may raise `SessionOver`.

    It is the data of its socket in `selector`; `deadline` is the moment on the monotonic clock at
    which it counts as lost.
    """

    def __init__(
        self,
        address: SmtpAddress,
        selector: selectors.BaseSelector,
        context: ssl.SSLContext,
        hostname: str,
        timeouts: Timeouts,
    ) -> None:
        self.dialogue: Dialogue | None = None
        self.deadline = float("inf")
        #: Whether an email could ever be given to it; before that a failure is the server's.
        self.opened = False
        self._address = address
        self._hostname = hostname
        self._timeouts = timeouts
        self._stage = _Stage.CONNECTING
        self._safe = 0
        self._transport = Transport(address, selector, self, context)

    @property
    def need(self) -> Need:
        """What the dialogue needs; `REPLY` as long as there is no dialogue."""
        return self.dialogue.need if self.dialogue else Need.REPLY

    @property
    def offered(self) -> Extensions:
        """What the server can do, as far as it is known."""
        return self.dialogue.offered if self.dialogue else Extensions()

    @property
    def in_doubt(self) -> bool:
        """Whether the email handed over may have been accepted without our knowing."""
        handed = self.dialogue is not None and self.dialogue.handed is not None
        return handed and self._transport.sent > self._safe

    def connect(self, at: float) -> None:
        """Begin to connect. Not in the constructor, so that `close` is always possible."""
        try:
            self._transport.connect()
        except OSError as error:
            raise SessionOver(f"no socket to be had: {error}") from error
        self.deadline = at + self._timeouts.connect

    def progress(self, at: float) -> None:
        """Do what the socket is ready for."""
        try:
            if self._stage is _Stage.CONNECTING:
                if not self._transport.connected():
                    self.deadline = at + self._timeouts.connect
                    return
                if self._address.encryption is Encryption.IMPLICIT:
                    self._encrypt()
                else:
                    self._talk()
            elif self._stage is _Stage.HANDSHAKE:
                self._encrypted()
            if self._stage is _Stage.TALKING:
                self._listen()
        except OSError as error:
            raise SessionOver(f"the connection was lost: {error}") from error
        self._speak(at)

    def give(self, email: Prepared, at: float) -> None:
        """Announce an email to an idle session."""
        if self.dialogue is not None:
            self.dialogue.resume(email)
        self._speak(at)

    def hand_over(self, following: Prepared | None, at: float) -> None:
        """Write the waiting email's body, and the envelope of the next one behind it."""
        if self.dialogue is None or self.dialogue.waiting is None:
            raise SessionOver("nothing is waiting to be handed over")
        self._transport.sent = 0
        self._safe = len(self.dialogue.output) + self.dialogue.waiting.dot
        self.dialogue.resume(following)
        self._speak(at)

    def expire(self) -> NoReturn:
        """The deadline has passed."""
        raise SessionOver("the server did not answer in time")

    def close(self) -> None:
        """Leave, politely if the session is idle."""
        if self.need is Need.EMAIL:
            with contextlib.suppress(OSError, SessionOver):
                self._transport.write(bytearray(b"QUIT\r\n"))
        self._transport.close()

    def _listen(self) -> None:
        dialogue = self.dialogue
        while dialogue is not None and (data := self._transport.read()):
            dialogue.feed(data)
            self.opened = self.opened or dialogue.need is Need.EMAIL
            if dialogue.need is Need.TLS:
                self._encrypt()
            if not self._transport.holds_more:
                return

    def _encrypt(self) -> None:
        # What STARTTLS is answered to has been read; nothing may be left unsent before TLS.
        self._stage = _Stage.HANDSHAKE
        self._transport.encrypt()
        self._encrypted()

    def _encrypted(self) -> None:
        if self._transport.shaken():
            self._talk()

    def _talk(self) -> None:
        self._stage = _Stage.TALKING
        if self.dialogue is None:
            encrypted = self._address.encryption is Encryption.IMPLICIT
            hostname = self._hostname or self._transport.name
            self.dialogue = Dialogue(self._address, hostname, encrypted=encrypted)
        else:
            self.dialogue.resume(None)

    def _speak(self, at: float) -> None:
        """Write what is to be said, ask to be woken, and set the moment of giving up."""
        try:
            if self._stage is _Stage.TALKING and self.dialogue is not None:
                self._transport.write(self.dialogue.output)
            self._transport.wait()
        except OSError as error:
            raise SessionOver(f"the connection was lost: {error}") from error
        self.deadline = at + self._patience()

    def _patience(self) -> float:
        dialogue = self.dialogue
        if self._stage is not _Stage.TALKING or dialogue is None:
            return self._timeouts.connect
        if dialogue.output:
            return self._timeouts.transfer
        if dialogue.need is not Need.REPLY:
            return float("inf")
        return self._timeouts.final if dialogue.handed else self._timeouts.reply
