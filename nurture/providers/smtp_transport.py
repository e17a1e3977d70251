"""A non-blocking socket to a relay, encrypted or not, that counts what it may have sent."""

import errno
import os
import selectors
import socket
import ssl
from typing import Final

from nurture.providers.smtp_address import SmtpAddress
from nurture.providers.smtp_reader import SessionOver

_READ: Final = selectors.EVENT_READ
_WRITE: Final = selectors.EVENT_WRITE
_CHUNK: Final = 65_536


class Transport:
    """The socket of one connection, registered with `selector` under `owner`.

    Any method may raise `OSError` (errors of TLS are such, too) or `SessionOver`.
    `sent` counts the octets that may have left since it was last set to zero: for an encrypted
    socket a write that failed counts in full, because part of it may be on its way.
    """

    def __init__(
        self,
        address: SmtpAddress,
        selector: selectors.BaseSelector,
        owner: object,
        context: ssl.SSLContext,
    ) -> None:
        self.sent = 0
        self._address = address
        self._selector = selector
        self._owner = owner
        self._context = context
        self._socket: socket.socket | None = None
        self._interest = 0
        self._blocked = 0
        self._failure = "it has no address"
        try:
            # Resolving is the one call that blocks; it happens once per connection.
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise SessionOver(f"{address.host} cannot be resolved: {error}") from error
        self._endpoints = [(family, where) for family, _, _, _, where in found]

    def connect(self) -> None:
        """Begin to connect to the next address of the relay that does not refuse at once."""
        while self._endpoints:
            family, endpoint = self._endpoints.pop(0)
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            # Our writes are whole commands and messages; waiting for more would only delay them.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            failure = sock.connect_ex(endpoint)
            if failure in (0, errno.EINPROGRESS):
                self._socket, self._interest = sock, _WRITE
                self._selector.register(sock, _WRITE, self._owner)
                return
            sock.close()
            self._failure = os.strerror(failure)
        where = f"{self._address.host}:{self._address.port}"
        raise SessionOver(f"no connection to {where}: {self._failure}")

    def connected(self) -> bool:
        """Whether the connection stands, now that the socket is ready; else the next one begins."""
        failure = self._open.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            self.close()
            self._failure = os.strerror(failure)
            self.connect()
        return not failure

    def encrypt(self) -> None:
        """Begin TLS, with the certificate checked against the relay's name."""
        # The registration stays: wrapping keeps the file descriptor.
        self._socket = self._context.wrap_socket(
            self._open, server_hostname=self._address.host, do_handshake_on_connect=False
        )

    def shaken(self) -> bool:
        """Go on with the TLS handshake; whether it is complete."""
        sock = self._open
        self._blocked = 0
        if isinstance(sock, ssl.SSLSocket):
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                self._blocked = _READ
            except ssl.SSLWantWriteError:
                self._blocked = _WRITE
        return not self._blocked

    def read(self) -> bytes:
        """What has arrived, empty for nothing now. Raises `SessionOver` at its end."""
        try:
            data = self._open.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return b""
        except ssl.SSLWantWriteError:
            self._blocked = _WRITE
            return b""
        if not data:
            raise SessionOver("the server closed the connection")
        return data

    @property
    def holds_more(self) -> bool:
        """Whether TLS has decrypted bytes that the selector cannot know of."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def write(self, output: bytearray) -> None:
        """Send what the socket takes now, and remove it from `output`."""
        self._blocked = 0
        while output:
            before = self.sent
            if isinstance(self._socket, ssl.SSLSocket):
                self.sent += len(output)
            try:
                count = self._open.send(output)
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._blocked = _WRITE
                return
            except ssl.SSLWantReadError:
                self._blocked = _READ
                return
            self.sent = before + count
            del output[:count]

    def wait(self) -> None:
        """Have the selector wake the owner for what the socket needs next."""
        if self._socket is None:
            return
        interest = _READ | self._blocked
        if interest != self._interest:
            self._interest = interest
            self._selector.modify(self._socket, interest, self._owner)

    @property
    def name(self) -> str:
        """Our own address as EHLO takes it where no name is known (RFC 5321, section 4.1.3)."""
        own = str(self._open.getsockname()[0]).partition("%")[0]
        return f"[IPv6:{own}]" if ":" in own else f"[{own}]"

    def close(self) -> None:
        """Drop the socket; nothing is sent."""
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise SessionOver("the connection is closed")
        return self._socket
