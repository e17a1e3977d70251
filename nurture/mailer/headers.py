"""Header fields as bytes: encoded words, folding, and values that must not be touched.

The standard library parses and folds each header anew, which costs more than all the rest of an
email. Here each kind of value has one function that writes it right at once; the standard
library's parser is the oracle in the tests.
"""

import re
from binascii import b2a_base64
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email

from nurture.errors import Invalid
from nurture.mailer.render import one_line

LINE: Final = 78
"""Characters a header line should not exceed (RFC 5322, 2.1.1); 998 is where it must end."""

_WORD: Final = 75
"""Characters an encoded word may have (RFC 2047, 2)."""

_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_PLAIN: Final = re.compile(r"[ -~]*")
_DOT_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_DOMAIN: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_MESSAGE_ID: Final = re.compile(r"<?([!#-;=?A-~]{1,400}@[!#-;=?A-~]{1,255})>?")
_URL: Final = re.compile(r"https?://[!#-;=?-~]{1,900}")
_LONGEST_NAME: Final = 120
_PREFIX: Final = b"=?utf-8?b?"


def unstructured(name: str, value: str) -> bytes:
    """`name: value` for free text such as a subject, folded, with its CRLF."""
    value = one_line(value)
    if _PLAIN.fullmatch(value) and "=?" not in value:
        folded = _folded(value, len(name) + 2)
        if folded is not None:
            return f"{name}: {folded}\r\n".encode("ascii")
    return f"{name}: ".encode() + encoded_words(value, len(name) + 2) + b"\r\n"


def mailbox(name: str, display: str, address: str) -> bytes:
    """`name: display <address>` with its CRLF; the address alone when there is no display name.

    Raises `Invalid` for an address that cannot stand in a header.
    """
    spec = ascii_address(address).encode()
    display = one_line(display)[:_LONGEST_NAME].strip()
    if not display:
        return f"{name}: ".encode() + spec + b"\r\n"
    shown = phrase(display, len(name) + 2)
    last = len(shown) - (shown.rfind(b"\n") + 1) + (0 if b"\n" in shown else len(name) + 2)
    fold = b" " if last + len(spec) + 3 <= LINE else b"\r\n "
    return f"{name}: ".encode() + shown + fold + b"<" + spec + b">\r\n"


def phrase(text: str, used: int) -> bytes:
    """A display name (RFC 5322 `phrase`); `used` characters of its line are taken already."""
    short = used + len(text) + 2 <= LINE
    if short and "=?" not in text:
        if _ATOMS.fullmatch(text):
            return text.encode()
        if _PLAIN.fullmatch(text):
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            if used + len(escaped) + 2 <= LINE:
                return f'"{escaped}"'.encode()
    return encoded_words(text, used)


def encoded_words(text: str, used: int) -> bytes:
    """RFC 2047 encoded words, split between characters; `used` characters of the line are taken."""
    data = text.encode("utf-8", "replace")
    words: list[bytes] = []
    start = 0
    room = min(_WORD, LINE - used)
    while start < len(data):
        # Four characters of base64 hold three octets; the frame takes twelve characters.
        end = min(start + (room - len(_PREFIX) - 2) // 4 * 3, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(_PREFIX + b2a_base64(data[start:end], newline=False) + b"?=")
        start = end
        room = _WORD
    return b"\r\n ".join(words)


@lru_cache(maxsize=4096)
def ascii_address(address: str) -> str:
    """The address with its domain in ASCII (RFC 5891). Raises `Invalid`.

    A local part beyond ASCII needs SMTPUTF8 on every hop (RFC 6531), so it is refused here
    rather than bounced later.
    """
    local, at, domain = address.rpartition("@")
    if at and _DOT_ATOM.fullmatch(local) and not local.startswith(".") and ".." not in local:
        if domain.isascii() and _DOMAIN.fullmatch(domain):
            return address
        try:
            # The one place that knows IDNA 2008; deliverability would ask the network.
            checked = validate_email(address, check_deliverability=False)
        except EmailNotValidError:
            pass
        else:
            return f"{local}@{checked.ascii_domain}"
    raise Invalid(
        f"{address!r} cannot be written into an email", remedy="Correct the address of the contact."
    )


def message_id(value: str) -> bytes:
    """`<left@right>`, never folded. Raises `Invalid` for anything else."""
    found = _MESSAGE_ID.fullmatch(value)
    if found is None:
        raise Invalid(f"{value!r} is not a message id", remedy="Write it as <unique@domain>.")
    return f"<{found[1]}>".encode()


def http_url(value: str) -> str:
    """A URL that may stand in angle brackets. Raises `Invalid` for one that could break out."""
    if not _URL.fullmatch(value):
        raise Invalid(f"{value!r} cannot stand in a header", remedy="Percent-encode the address.")
    return value


def _folded(value: str, used: int) -> str | None:
    """ASCII text broken at spaces; None when a word is too long for its line."""
    if used + len(value) <= LINE:
        return value
    lines, length = [], used
    line: list[str] = []
    for word in value.split(" "):
        if len(word) >= LINE - used:
            return None
        if line and length + len(word) + 1 > LINE:
            lines.append(" ".join(line))
            line, length = [], 1
        length += len(word) + bool(line)
        line.append(word)
    return "\r\n ".join([*lines, " ".join(line)])
