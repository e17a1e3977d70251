"""One SMTP session as a pure machine: replies in, bytes out, receipts aside. No sockets here.

The whole conversation is one coroutine that yields what it needs next: a reply, an
encrypted connection, an email, or leave to hand one over. With PIPELINING (RFC 2920) the
envelope is one write, and the next envelope travels behind the body of the message before it,
so that an email costs one round trip. At any moment at most one email is handed over and
not settled: the next body is written only when the reply to the last one has been read.
"""

import base64
import re
from collections.abc import Generator
from enum import Enum, auto
from typing import Final

from nurture.providers.base import Outcome, Receipt
from nurture.providers.replies import Phase, Reply, outcome_of
from nurture.providers.smtp_address import Encryption, SmtpAddress
from nurture.providers.smtp_message import Extensions, Prepared
from nurture.providers.smtp_reader import ReplyReader, SessionOver

_QUEUED_AS: Final = re.compile(r"queued as ([A-Za-z0-9.@_-]{1,100})")


class Need(Enum):
    """What the conversation waits for, and so what it must be resumed with."""

    #: A `Reply`; after a body has been written this is its final one.
    REPLY = auto()
    #: An encrypted connection.
    TLS = auto()
    #: A `Prepared` email; the session is idle and may be kept.
    EMAIL = auto()
    #: Leave to hand over `Dialogue.waiting`; resumed with the next email to announce, or None.
    LEAVE = auto()


Conversation = Generator[Need, "Reply | Prepared | None", None]


class Dialogue:
    """A conversation with one server. Whoever owns it moves bytes and obeys `need`.

    `output` is what to write, `receipts` what has been settled. `waiting` is the email whose
    envelope was written, `handed` the one whose body was: the one to doubt when the
    connection is lost after its end of data was written.
    """

    def __init__(self, address: SmtpAddress, hostname: str, *, encrypted: bool) -> None:
        self.offered = Extensions()
        self.output = bytearray()
        self.receipts: list[Receipt] = []
        self.waiting: Prepared | None = None
        self.handed: Prepared | None = None
        self._address = address
        self._hostname = hostname
        self._encrypted = encrypted
        self._reader = ReplyReader()
        self._conversation = self._converse()
        self.need = next(self._conversation)

    def feed(self, data: bytes) -> None:
        """Read bytes of the server. Raises `SessionOver`."""
        self._reader.feed(data)
        while self.need is Need.REPLY:
            reply = self._reader.next()
            if reply is None:
                return
            self.resume(reply)
        # Plaintext behind the reply to STARTTLS is an attacker's (CVE-2011-0411), and
        # anything said while nothing is asked is a server saying good-bye.
        if self._reader.rest:
            raise SessionOver(f"the server spoke out of turn: {self._reader.rest[:200]!r}")

    def resume(self, value: Reply | Prepared | None) -> None:
        """Give the conversation what it needs. Raises `SessionOver`."""
        self.need = self._conversation.send(value)

    def _converse(self) -> Conversation:
        yield from self._open()
        clean = True
        following: Prepared | None = None
        while True:
            if following is None:
                following = yield from self._next_email()
                self.waiting = following
                self.output += self._announcement(following, clean=clean)
            current, following = following, None
            refusal = yield from self._envelope(current, clean=clean)
            clean = refusal is None
            if refusal is not None:
                self.waiting = None
                self.receipts.append(refusal)
                continue
            announced = yield Need.LEAVE
            self.waiting, self.handed = None, current
            self.output += current.body
            if isinstance(announced, Prepared):
                following = self.waiting = announced
                self.output += self._announcement(announced, clean=True)
            reply = yield from self._reply()
            if 300 <= reply.code < 400:
                raise SessionOver(f"the server answered a message with {reply}")
            self.handed = None
            self.receipts.append(_receipt(current, reply, Phase.BODY))
            if reply.code == 421:
                raise SessionOver(f"the server is closing: {reply}", code=421)

    def _open(self) -> Conversation:
        """Greeting, EHLO, encryption and authentication, in that order."""
        yield from self._expect((220,))
        yield from self._hello()
        wanted = self._address.encryption
        if not self._encrypted and wanted in (Encryption.REQUIRED, Encryption.OPPORTUNISTIC):
            if self.offered.starttls:
                yield from self._expect((220,), b"STARTTLS\r\n")
                yield Need.TLS
                # What was said before encryption proves nothing (RFC 3207, section 4.2).
                yield from self._hello()
            elif wanted is Encryption.REQUIRED:
                raise SessionOver("the server does not offer the STARTTLS that is required")
        if self._address.user:
            yield from self._authenticate()

    def _hello(self) -> Conversation:
        yield from self._expect((250,), f"EHLO {self._hostname}\r\n".encode())
        self.offered = Extensions.read(self._reader.lines)

    def _authenticate(self) -> Conversation:
        """PLAIN (RFC 4616) or LOGIN; over an encrypted connection both are safe."""
        user, password = self._address.user.encode(), self._address.password.encode()
        if "PLAIN" in self.offered.auth:
            token = base64.b64encode(b"\0" + user + b"\0" + password)
            yield from self._expect((235,), b"AUTH PLAIN " + token + b"\r\n")
        elif "LOGIN" in self.offered.auth:
            yield from self._expect((334,), b"AUTH LOGIN\r\n")
            yield from self._expect((334,), base64.b64encode(user) + b"\r\n")
            yield from self._expect((235,), base64.b64encode(password) + b"\r\n")
        else:
            told = "the server offers neither AUTH PLAIN nor AUTH LOGIN"
            raise SessionOver(told, Outcome.SENDER)

    def _next_email(self) -> Generator[Need, "Reply | Prepared | None", Prepared]:
        email = yield Need.EMAIL
        if not isinstance(email, Prepared):
            raise TypeError(email)
        return email

    def _announcement(self, email: Prepared, *, clean: bool) -> bytes:
        """What can be written at once: everything up to DATA when pipelining, else one line."""
        reset = b"" if clean else b"RSET\r\n"
        if self.offered.pipelining:
            return reset + email.mail + email.rcpt + b"DATA\r\n"
        return reset or email.mail

    def _envelope(
        self, email: Prepared, *, clean: bool
    ) -> Generator[Need, "Reply | Prepared | None", Receipt | None]:
        """Read the replies to an announced envelope; None when the server waits for the body."""
        pipelining = self.offered.pipelining
        if not clean:
            reply = yield from self._reply()
            if reply.code != 250:
                raise SessionOver(f"the server refused RSET: {reply}")
            if not pipelining:
                self.output += email.mail
        refusal: Receipt | None = None
        for phase, following in _ENVELOPE:
            reply = yield from self._reply()
            if reply.code == 421:
                raise SessionOver(f"the server is closing: {reply}", code=421)
            good = reply.code == 354 if phase is Phase.DATA else 200 <= reply.code < 300
            if not good and refusal is None:
                if reply.code < 400:
                    raise SessionOver(f"the server answered {phase} with {reply}")
                refusal = _receipt(email, reply, phase)
            if not pipelining:
                if refusal is not None:
                    return refusal
                if phase is not Phase.DATA:
                    self.output += email.rcpt if following is Phase.RCPT else b"DATA\r\n"
        if refusal is not None and reply.code == 354:
            # RFC 2920 section 3.1: DATA may be welcome though no recipient is; send nothing.
            self.output += b".\r\n"
            yield from self._reply()
        return refusal

    def _expect(self, codes: tuple[int, ...], command: bytes = b"") -> Conversation:
        self.output += command
        reply = yield from self._reply()
        if reply.code not in codes:
            outcome = outcome_of(reply, Phase.SESSION)
            if outcome is Outcome.ACCEPTED:
                outcome = Outcome.LATER
            what = command.split()[0].decode() if command else "the connection"
            told = f"the server refused {what}: {reply}"
            raise SessionOver(told, outcome, reply.code)

    def _reply(self) -> Generator[Need, "Reply | Prepared | None", Reply]:
        reply = yield Need.REPLY
        if not isinstance(reply, Reply):
            raise TypeError(reply)
        return reply


_ENVELOPE: Final = (
    (Phase.MAIL, Phase.RCPT),
    (Phase.RCPT, Phase.DATA),
    (Phase.DATA, Phase.BODY),
)


def _receipt(email: Prepared, reply: Reply, phase: Phase) -> Receipt:
    outcome = outcome_of(reply, phase)
    queued = _QUEUED_AS.search(reply.text) if outcome is Outcome.ACCEPTED else None
    return Receipt(
        send_id=email.send_id,
        outcome=outcome,
        provider_message_id=queued[1] if queued else "",
        code=reply.code,
        status=reply.status,
        detail=reply.text,
    )
