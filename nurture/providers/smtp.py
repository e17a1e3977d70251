"""The provider that speaks SMTP to a relay: pooled connections, one thread, one generator.

Several connections are served in turn by one selector. Each hands over one email at a time, so
what a crash can leave in doubt is at most one email per connection. Connections stay
open between batches.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from nurture.providers.base import (
    Forged,
    HandingOver,
    OutgoingEmail,
    ProviderEvent,
    Receipt,
    WebhookRequest,
)
from nurture.providers.smtp_address import SmtpAddress
from nurture.providers.smtp_connection import Timeouts
from nurture.providers.smtp_pool import Pool
from nurture.providers.smtp_round import Round


class SmtpProvider:
    """Sends through one relay. `hostname` is for EHLO; empty means our address as a literal."""

    name: Final = "smtp"

    def __init__(
        self,
        address: SmtpAddress,
        *,
        connections: int = 4,
        hostname: str = "",
        timeouts: Timeouts | None = None,
    ) -> None:
        self._pool = Pool(address, connections, hostname, timeouts)

    def send(
        self,
        batch: Sequence[OutgoingEmail],
        now: datetime,  # noqa: ARG002 - a relay is told no time
    ) -> Iterator[HandingOver | Receipt]:
        """See `Provider.send`. Closing the generator early drops the connections in use."""
        return Round(self._pool, batch).run()

    def verify(self, request: WebhookRequest) -> None:  # noqa: ARG002 - nothing could convince
        """A relay calls no webhooks, so whoever does is not one."""
        raise Forged("an SMTP relay calls no webhooks", remedy="Remove the webhook.")

    def parse(self, request: WebhookRequest) -> tuple[ProviderEvent, ...]:  # noqa: ARG002
        """Nothing, for the same reason."""
        return ()

    def close(self) -> None:
        """Take leave of the relay. The provider can be used again afterwards."""
        self._pool.close()
