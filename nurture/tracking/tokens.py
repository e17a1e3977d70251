"""Tokens: what an address in an email says about its send, sealed.

A token carries two numbers, the email and the send, and nothing personal. It is sealed with
AES-SIV (RFC 5297), which is deterministic, so the same send always has the same addresses, and
authenticated, so nobody can make or change one. The purpose is associated data: a token for
opens is noise to the door that unsubscribes.

Binary shape: 4 octets email id, 8 octets send id (both unsigned, big-endian), preceded by the
16 octets of the synthetic IV: 28 octets, 38 characters of base64url or 56 of hexadecimal.
"""

import base64
import re
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

MAX_URL: Final = 4096
"""Octets of the longest personal destination: sealed it still fits a request line of 8 kB."""

MAX_ADDRESS_PREFIX: Final = 8
"""Octets before a sealed local part: a local part has at most 64 (RFC 5321, 4.5.3.1.1)."""

_PAYLOAD: Final = struct.Struct(">IQ")
_IV_OCTETS: Final = 16
_TOKEN_LENGTH: Final = 38
_ADDRESS_LENGTH: Final = 56
_HEX: Final = re.compile(f"[0-9a-f]{{{_ADDRESS_LENGTH}}}")  # `fromhex` alone allows spaces.
_MAX_SEALED_URL: Final = (_IV_OCTETS + MAX_URL) * 4 // 3 + 1


class Purpose(StrEnum):
    """What a token opens. A token sealed for one purpose is forged for every other."""

    OPEN = "open"
    CLICK = "click"
    UNSUBSCRIBE = "unsubscribe"
    VIEW = "view"
    CONFIRM = "confirm"
    AGAIN = "again"
    BOUNCE = "bounce"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a token says. Send id 0 is a preview and is never counted."""

    email_id: int
    send_id: int


class Tokens:
    """Seals with the first key and opens with any, so that keys can be rotated.

    A key has 32, 48 or 64 octets; `ValueError` otherwise. Old links live as long as old emails,
    so a retired key is moved to `older_keys` and not thrown away.
    """

    def __init__(self, key: bytes, *older_keys: bytes) -> None:
        self._ciphers = tuple(AESSIV(each) for each in (key, *older_keys))

    def seal(self, purpose: Purpose, email_id: int, send_id: int) -> str:
        """The token: 38 characters of `A-Z a-z 0-9 - _`.

        `ValueError` when the email id does not fit 32 bits or the send id 64, or is negative.
        """
        return _to_base64(self._seal_ids(purpose, email_id, send_id))

    def open(self, purpose: Purpose, token: str) -> Sealed | None:
        """What the token says, or None for anything we did not seal for this purpose.

        Each token has exactly one spelling: padding, other alphabets and stray trailing bits
        are refused, so that a token can be compared and counted as text.
        """
        if len(token) != _TOKEN_LENGTH:
            return None
        return self._open_ids(purpose, _from_base64(token))

    def seal_url(self, purpose: Purpose, send_id: int, url: str) -> str:
        """A destination that exists for one send only, sealed; base64url without padding.

        It opens for the same purpose and send alone, so it cannot be moved to another token.
        `ValueError` when the URL has more than `MAX_URL` octets or is not valid Unicode.
        """
        plain = url.encode()
        if len(plain) > MAX_URL:
            raise ValueError(f"A destination has at most {MAX_URL} octets, this one {len(plain)}.")
        return _to_base64(self._ciphers[0].encrypt(plain, _url_binding(purpose, send_id)))

    def open_url(self, purpose: Purpose, send_id: int, text: str) -> str | None:
        """The destination, or None for anything not sealed for this purpose and this send."""
        if len(text) > _MAX_SEALED_URL:
            return None
        plain = self._decrypt(_from_base64(text), _url_binding(purpose, send_id))
        return None if plain is None else plain.decode()

    def seal_address(self, email_id: int, send_id: int, *, prefix: str = "") -> str:
        """A local part that bounces come back to: `prefix` and 56 characters of `0-9 a-f`.

        `ValueError` when the ids do not fit or the prefix has more than `MAX_ADDRESS_PREFIX`.
        """
        if len(prefix.encode()) > MAX_ADDRESS_PREFIX:
            raise ValueError(f"A prefix has at most {MAX_ADDRESS_PREFIX} octets: {prefix!r}.")
        return prefix + self._seal_ids(Purpose.BOUNCE, email_id, send_id).hex()

    def open_address(self, local_part: str, *, prefix: str = "") -> Sealed | None:
        """The send that a bounce came back for, or None.

        Upper and lower case are the same here, since mail systems on the way change it; that
        is why addresses are not spelled in base64.
        """
        if not local_part.isascii():
            return None  # The Kelvin sign, for one, would turn into a "k" below.
        spelled = local_part.lower()
        token = spelled.removeprefix(prefix.lower())
        if len(spelled) != len(prefix) + _ADDRESS_LENGTH or not _HEX.fullmatch(token):
            return None
        return self._open_ids(Purpose.BOUNCE, bytes.fromhex(token))

    def _seal_ids(self, purpose: Purpose, email_id: int, send_id: int) -> bytes:
        try:
            plain = _PAYLOAD.pack(email_id, send_id)
        except struct.error as error:
            raise ValueError(f"Ids out of range: email {email_id}, send {send_id}.") from error
        return self._ciphers[0].encrypt(plain, _ids_binding(purpose))

    def _open_ids(self, purpose: Purpose, sealed: bytes) -> Sealed | None:
        plain = self._decrypt(sealed, _ids_binding(purpose))
        return None if plain is None else Sealed(*_PAYLOAD.unpack(plain))

    def _decrypt(
        self, sealed: bytes, binding: list[bytes | bytearray | memoryview]
    ) -> bytes | None:
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed, binding)
            except InvalidTag:
                continue
        return None


# The two kinds of sealed text differ in the number of associated strings, which S2V (RFC 5297,
# 2.4) authenticates, so neither can ever pass for the other.
def _ids_binding(purpose: Purpose) -> list[bytes | bytearray | memoryview]:
    return [purpose.encode()]


def _url_binding(purpose: Purpose, send_id: int) -> list[bytes | bytearray | memoryview]:
    return [purpose.encode(), b"url", str(send_id).encode()]


def _to_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64(text: str) -> bytes:
    """The octets, or none at all, which no cipher opens, unless this is their one spelling.

    The decoder of the standard library skips what it does not know and ignores trailing bits;
    encoding again and comparing is the check that leaves no second spelling.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
    return data if _to_base64(data) == text else b""
