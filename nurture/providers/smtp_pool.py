"""The connections a provider keeps: opened when needed, kept between batches."""

import selectors
import time
from collections.abc import Callable

from nurture.providers.smtp_address import SmtpAddress
from nurture.providers.smtp_connection import Connection, Timeouts


class Place:
    """One of the connections that may be open at a time, with its history in this batch."""

    def __init__(self, back_off: tuple[float, ...]) -> None:
        self.connection: Connection | None = None
        self._back_off = back_off
        self.again_at = 0.0
        self._failures = 0

    @property
    def resting(self) -> bool:
        """Whether nothing more is to be tried here in this batch."""
        return self.connection is None and self._failures > len(self._back_off)

    def refresh(self) -> None:
        """Forget failures: a batch begins, or an email got through."""
        self._failures, self.again_at = 0, 0.0

    def rest(self) -> None:
        """Drop the connection, and open none until the next batch."""
        self.close()
        self._failures = len(self._back_off) + 1

    def lose(self, at: float) -> None:
        """Drop the connection, and plan when to open the next one."""
        self.close()
        self._failures += 1
        if self._failures <= len(self._back_off):
            self.again_at = at + self._back_off[self._failures - 1]

    def close(self) -> None:
        """Drop the connection, if there is one."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Pool:
    """At most `size` connections to one relay, waited for together."""

    def __init__(
        self,
        address: SmtpAddress,
        size: int,
        hostname: str = "",
        timeouts: Timeouts | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        #: The clock of time-outs, in seconds.
        self.now = monotonic
        self._address = address
        self._hostname = hostname
        self._timeouts = timeouts or Timeouts()
        self.places = [Place(self._timeouts.back_off) for _ in range(max(1, size))]
        self._context = address.tls_context()
        self._selector = selectors.DefaultSelector()

    def open(self) -> Connection:
        """A new connection that has begun to connect. Raises `SessionOver`."""
        connection = Connection(
            self._address, self._selector, self._context, self._hostname, self._timeouts
        )
        connection.connect(self.now())
        return connection

    def ready(self, wait: float) -> list[Connection]:
        """The connections whose sockets are ready, after at most `wait` seconds."""
        return [key.data for key, _ in self._selector.select(wait)]

    def close(self) -> None:
        """Take leave of the relay; connections are opened again when needed."""
        for place in self.places:
            place.close()
