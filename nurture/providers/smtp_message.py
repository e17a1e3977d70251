"""One email as SMTP writes it: envelope lines and the dot-stuffed body, checked beforehand.

Whatever could break out of a line or end the message early is refused here, before a byte is
written: addresses with control characters, and bare CR or LF in the message, which
some servers take for line ends ("SMTP smuggling").
"""

import re
from dataclasses import dataclass
from typing import Final

from nurture.providers.base import Outcome, OutgoingEmail, Receipt

END_OF_DATA: Final = b"\r\n.\r\n"
MOST_LOOKS: Final = 100
_ALL_BUT_LINE_ENDS: Final = bytes(octet for octet in range(256) if octet not in b"\r\n")
# RFC 5321 section 4.5.3.1: 64 octets before the @, 255 after it, 256 for the whole path.
_ADDRESS: Final = re.compile(
    r'(?P<local>"[^"\\\x00-\x1f\x7f]{1,62}"|[^\s"(),:;<>@\[\]\\\x00-\x1f\x7f]{1,64})'
    r"@(?P<domain>[^\s\"(),;<>@\\\x00-\x1f\x7f]{1,255})"
)


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the server offered after EHLO. `size` is its limit in octets, 0 for none told."""

    pipelining: bool = False
    eight_bit: bool = False
    utf8: bool = False
    says_size: bool = False
    size: int = 0
    starttls: bool = False
    auth: frozenset[str] = frozenset()

    @classmethod
    def read(cls, lines: list[str]) -> "Extensions":
        """From the lines of the EHLO reply, without their codes; the first is the greeting."""
        offered: dict[str, list[str]] = {}
        for line in lines[1:]:
            # "AUTH=LOGIN" is how an old Microsoft client wanted it; servers still write both.
            keyword, _, rest = line.strip().replace("=", " ", 1).partition(" ")
            offered.setdefault(keyword.upper(), rest.split())
        limit = (offered.get("SIZE") or ["0"])[0]
        return cls(
            pipelining="PIPELINING" in offered,
            eight_bit="8BITMIME" in offered,
            utf8="SMTPUTF8" in offered,
            says_size="SIZE" in offered,
            size=int(limit) if limit.isascii() and limit.isdigit() else 0,
            starttls="STARTTLS" in offered,
            auth=frozenset(word.upper() for word in offered.get("AUTH", [])),
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """An email ready to be written. `dot` is where the end of data begins in `body`."""

    send_id: int
    mail: bytes
    rcpt: bytes
    body: bytes
    dot: int


def prepare(email: OutgoingEmail, offered: Extensions) -> Prepared | Receipt:
    """The email as bytes, or the receipt that says why this server cannot be given it."""
    sender = _path(email.mail_from) if email.mail_from else ("", False)
    if sender is None:
        return _refused(email, Outcome.SENDER, "5.1.7", "the envelope sender is no address")
    recipient = _path(email.recipient)
    if recipient is None:
        return _refused(email, Outcome.HARD, "5.1.3", "the recipient is no address")
    message = email.message
    if _has_bare_line_end(message):
        return _refused(email, Outcome.SENDER, "5.6.0", "the message has bare CR or LF")
    if offered.size and len(message) > offered.size:
        detail = f"{len(message)} octets are more than the {offered.size} the server takes"
        return _refused(email, Outcome.POLICY, "5.3.4", detail)
    options = f" SIZE={len(message)}" if offered.says_size else ""
    utf8 = sender[1] or recipient[1]
    if utf8 and not offered.utf8:
        detail = "the server takes no addresses beyond ASCII (SMTPUTF8)"
        return _refused(email, Outcome.POLICY, "5.6.7", detail)
    if utf8:
        options += " SMTPUTF8"
    if utf8 or not message.isascii():
        if not offered.eight_bit:
            detail = "the server takes no 8-bit mail (8BITMIME)"
            return _refused(email, Outcome.SENDER, "5.6.3", detail)
        options += " BODY=8BITMIME"
    body = _stuffed(message)
    return Prepared(
        send_id=email.send_id,
        mail=f"MAIL FROM:<{sender[0]}>{options}\r\n".encode(),
        rcpt=f"RCPT TO:<{recipient[0]}>\r\n".encode(),
        body=body,
        dot=len(body) - len(END_OF_DATA),
    )


def _stuffed(message: bytes) -> bytes:
    """The message with leading dots doubled (RFC 5321, section 4.5.2) and its end marked."""
    if _may_start_a_line_with_a_dot(message):
        message = message.replace(b"\r\n.", b"\r\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message + (b".\r\n" if message.endswith(b"\r\n") else END_OF_DATA)


def _may_start_a_line_with_a_dot(message: bytes) -> bool:
    # Base64 has no dots, so a few looks at those of the head settle it for most emails, and
    # searching for one octet takes a tenth of the time that searching for three does.
    at = -1
    for _ in range(MOST_LOOKS):
        at = message.find(b".", at + 1)
        if at < 0:
            return False
        if message[at - 1 : at] == b"\n":
            return True
    return True


def _has_bare_line_end(message: bytes) -> bool:
    # Throwing away all but CR and LF in one pass is by far the fastest way to see them alone.
    ends = message.translate(None, _ALL_BUT_LINE_ENDS)
    return ends != b"\r\n" * (len(ends) // 2)


def _path(address: str) -> tuple[str, bool] | None:
    """The address with its domain in ASCII, and whether it still needs SMTPUTF8."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    if address.isascii():
        return address, False
    local, domain = found["local"], found["domain"]
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return f"{local}@{domain}", not local.isascii()


def _refused(email: OutgoingEmail, outcome: Outcome, status: str, detail: str) -> Receipt:
    return Receipt(email.send_id, outcome, status=status, detail=detail)
