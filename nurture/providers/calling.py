"""One signed call to another system: bounded in time and size, and only where it may go."""

import re
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException
from socket import SHUT_RDWR
from typing import Any, Final
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from nurture.domain.endpoints import url_fault
from nurture.providers.targets import Resolver, look_up, objection
from nurture.providers.trust import client_context

#: Standard Webhooks recommends to wait between 15 and 30 seconds for an answer.
PATIENCE: Final = 20.0
#: Octets of an answer's body that are read; the rest is never fetched.
MOST_READ: Final = 4_096
MOST_TOLD: Final = 300
GONE: Final = 410
_FAILURES: Final = (HTTPError, HTTPException, OSError, ValueError, EOFError)
_MOST_SECONDS: Final = 10 * 86_400
_SEEN: Final = re.compile(r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]+")


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one call. `reason` is empty exactly when it was taken (2xx).

    Otherwise one of: address, target (it may not be called), unreachable, timeout, broken,
    certificate, redirect, gone, answer (any other code). `asked` is the answer's Retry-After.
    """

    reason: str = ""
    code: int = 0
    detail: str = ""
    asked: timedelta | None = None

    @property
    def is_final(self) -> bool:
        """Whether calling again cannot help before a person has changed something."""
        return self.reason in ("address", "target", "gone")


class Caller:
    """Posts to other systems. Safe in any thread; each call has a connection of its own.

    `private` allows targets on this machine and on local networks, `encrypted` refuses http.
    Proxies of the environment are not used: they would choose where a call goes.
    """

    def __init__(
        self,
        *,
        private: bool = False,
        encrypted: bool = False,
        patience: float = PATIENCE,
        resolve: Resolver = look_up,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._private = private
        self._encrypted = encrypted and not private
        self._patience = patience
        self._resolve = resolve
        self._context = context or client_context()

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answered:
        """Post `body` and return what came of it; raises for nothing that the other side does."""
        fault = url_fault(url)
        if fault or (self._encrypted and not url.startswith("https:")):
            return Answered("address", detail=fault or "only https is called in production")
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parts.hostname or ""
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            return Answered("unreachable", detail=_plain(f"{host}: {error}"))
        for address in addresses:
            if told := objection(address, private=self._private):
                # One address that may not be called taints the name: it may be led by turns.
                return Answered("target", detail=f"{host} is {address}: {told}")
        if not addresses:
            return Answered("unreachable", detail=f"{host} has no address")
        connection = self._connection(parts.scheme, addresses[0], port, host)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        whole = {"Host": parts.netloc, "Connection": "close", **headers}
        return self._exchange(connection, path, body, whole)

    def _connection(self, scheme: str, address: str, port: int, host: str) -> "_Plain | _Encrypted":
        if scheme == "http":
            return _Plain(address, port, timeout=self._patience)
        return _Encrypted(
            address, port, timeout=self._patience, ssl_context=self._context,
            server_hostname=host,
        )  # fmt: skip

    def _exchange(
        self,
        connection: "_Plain | _Encrypted",
        path: str,
        body: bytes,
        headers: dict[str, str],
    ) -> Answered:
        began = time.monotonic()
        # Time-outs of a socket bound each wait; one that gets a byte now and then never ends by
        # them. So the connection is cut when the whole call has lasted too long.
        watch = threading.Timer(self._patience, connection.cut)
        watch.daemon = True
        watch.start()
        try:
            connection.request("POST", path, body, headers, preload_content=False)
            response = connection.getresponse()
            if 200 <= response.status < 300:
                # Taken, whatever stands in the answer or never comes of it.
                return Answered("", response.status)
            return _refused(
                response.status, _words(response), response.headers.get("Retry-After", ""),
                response.headers.get("Location", ""),
            )  # fmt: skip
        except ssl.SSLCertVerificationError as error:
            return Answered("certificate", detail=_plain(error.verify_message))
        except _FAILURES as error:
            if connection.is_cut or time.monotonic() - began >= self._patience:
                return Answered("timeout", detail=f"no answer within {self._patience:g} seconds")
            return _broken(error, connection)
        finally:
            watch.cancel()
            connection.close()


class _Bounded:
    """A connection that another thread may cut, whatever it is doing."""

    is_cut = False
    was_open = False
    _line: Any = None

    def cut(self) -> None:
        """End the connection where it is; who waits on it is woken by an error."""
        self.is_cut = True
        line = self._line
        if line is not None:
            with suppress(OSError):
                line.shutdown(SHUT_RDWR)

    def _watched(self, sock: Any) -> Any:
        # A second handle on the same connection: the first one is given away to TLS.
        self.was_open = True
        self._line = sock.dup()
        if self.is_cut:
            self.cut()
        return sock

    def _let_go(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class _Plain(_Bounded, HTTPConnection):
    def _new_conn(self) -> Any:
        return self._watched(super()._new_conn())

    def close(self) -> None:
        """Close the connection and the second handle on it."""
        super().close()
        self._let_go()


class _Encrypted(_Bounded, HTTPSConnection):
    def _new_conn(self) -> Any:
        return self._watched(super()._new_conn())

    def close(self) -> None:
        """Close the connection and the second handle on it."""
        super().close()
        self._let_go()


def _words(response: BaseHTTPResponse) -> str:
    """Return the beginning of what a refusal says."""
    try:
        return _plain(response.read(MOST_READ, decode_content=False).decode("utf-8", "replace"))
    except _FAILURES:
        return ""


def _refused(code: int, told: str, retry_after: str, location: str) -> Answered:
    asked = _seconds(retry_after)
    if 300 <= code < 400:
        return Answered("redirect", code, _plain(f"it leads to {location}") if location else told)
    return Answered("gone" if code == GONE else "answer", code, told, asked)


def _broken(error: Exception, connection: _Bounded) -> Answered:
    told = _plain(str(error.args[-1]) if error.args else type(error).__name__)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Answered("certificate", detail=_plain(cause.verify_message))
        cause = cause.__cause__ or cause.__context__
    return Answered("broken" if connection.was_open else "unreachable", detail=told)


def _seconds(text: str) -> timedelta | None:
    """Return a Retry-After in seconds; one that is a date is left out, for it needs a clock."""
    digits = text.strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        return None
    return timedelta(seconds=min(int(digits), _MOST_SECONDS))


def _plain(text: str) -> str:
    return " ".join(_SEEN.sub(" ", text).split())[:MOST_TOLD]
