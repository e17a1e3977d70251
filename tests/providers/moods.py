"""How a scripted SMTP server behaves, and what it was given."""

import ssl
from dataclasses import dataclass, field

DROP = "DROP"
ALL_EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 10000000", "ENHANCEDSTATUSCODES")


@dataclass
class Mood:
    """How an SMTP server behaves. A reply of DROP closes the connection instead."""

    extensions: tuple[str, ...] = ALL_EXTENSIONS
    greeting: str = "220 mx.example ESMTP"
    #: Command word (MAIL, RCPT, DATA …) or recipient to reply; the recipient wins.
    replies: dict[str, str] = field(default_factory=dict)
    #: Recipient to the reply after the whole message.
    final: dict[str, str] = field(default_factory=dict)
    #: Close after this many octets of a message, None for never.
    octets_before_drop: int | None = None
    #: Close after this many accepted messages on one connection, telling 421 first if asked to.
    messages_per_connection: int | None = None
    last_words: str = ""
    user: str = ""
    password: str = ""
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    #: Sent in the clear right behind the answer to STARTTLS.
    injected: bytes = b""


@dataclass
class Received:
    sender: str
    recipient: str
    message: bytes
    mail_line: str
    encrypted: bool
    user: str
