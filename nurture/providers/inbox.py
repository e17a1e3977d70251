"""The local inbox: a provider, its SMTP server, and readers of the mail it keeps.

The provider is plain SMTP to that server. What a real provider would tell by webhook
(a complaint, a late bounce) comes as JSON signed as Standard Webhooks has it:

    {"type": "complaint", "recipient": "an@example.com", "message_id": "<…>", "send_id": 7,
     "at": "2026-11-22T08:00:00Z"}

`type` is one of delivered, deferred, bounce, soft_bounce, complaint, unsubscribe, autoreply;
`send_id` and `detail` may be left out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from nurture.errors import Invalid
from nurture.providers.base import (
    BounceClass,
    EventKind,
    HandingOver,
    OutgoingEmail,
    ProviderEvent,
    Receipt,
    WebhookRequest,
)
from nurture.providers.fields import moment_of, number_of, text_of
from nurture.providers.inbox_mail import Inbox, InboxMail
from nurture.providers.inbox_server import InboxServer, serve
from nurture.providers.signing import ID, check, sign
from nurture.providers.smtp import SmtpProvider
from nurture.providers.smtp_address import Encryption, SmtpAddress

__all__ = ["Inbox", "InboxMail", "InboxProvider", "InboxServer", "serve", "sign"]

_WORDS: Final[Mapping[str, tuple[EventKind, BounceClass | None]]] = {
    "delivered": (EventKind.DELIVERED, None),
    "deferred": (EventKind.DEFERRED, BounceClass.SOFT),
    "bounce": (EventKind.BOUNCED, BounceClass.HARD),
    "soft_bounce": (EventKind.BOUNCED, BounceClass.SOFT),
    "complaint": (EventKind.COMPLAINED, None),
    "unsubscribe": (EventKind.UNSUBSCRIBED, None),
    "autoreply": (EventKind.AUTORESPONDED, None),
}


class InboxProvider:
    """Sends to the inbox at `host` and `port`; webhooks are signed with `secret`.

    `tolerance` bounds the age of a signature; None leaves it open, for clocks that run fast.
    """

    name: Final = "inbox"

    def __init__(
        self,
        host: str,
        port: int,
        *,
        secret: bytes,
        connections: int = 4,
        tolerance: timedelta | None = timedelta(minutes=5),
    ) -> None:
        address = SmtpAddress(host, port, encryption=Encryption.NEVER)
        self._smtp = SmtpProvider(address, connections=connections, hostname="localhost")
        self._secret = secret
        self._tolerance = tolerance

    def send(
        self, batch: Sequence[OutgoingEmail], now: datetime
    ) -> Iterator[HandingOver | Receipt]:
        """See `Provider.send`."""
        return self._smtp.send(batch, now)

    def verify(self, request: WebhookRequest) -> None:
        """Raise `Forged` unless the call is signed with our secret."""
        check(request, self._secret, self._tolerance)

    def parse(self, request: WebhookRequest) -> tuple[ProviderEvent, ...]:
        """The events of a call: of one object, or of each in an array.

        The dedupe key is the call's signed id and the position. Raises `Invalid` for no JSON.
        """
        try:
            told = json.loads(request.body)
        except (ValueError, RecursionError) as error:
            raise Invalid("the webhook's body is no JSON", remedy="Send one object.") from error
        records = [told] if isinstance(told, dict) else told
        if not isinstance(records, list):
            raise Invalid("the webhook's body holds no event", remedy="Send one object.")
        call = request.header(ID)
        return tuple(
            _event(record if isinstance(record, dict) else {}, f"inbox:{call}:{position}")
            for position, record in enumerate(records)
        )

    def close(self) -> None:
        """Take leave of the inbox."""
        self._smtp.close()


def _event(record: Mapping[str, Any], dedupe_key: str) -> ProviderEvent:
    word = text_of(record, "type")
    kind, bounce = _WORDS.get(word, (EventKind.UNKNOWN, None))
    return ProviderEvent(
        provider="inbox",
        dedupe_key=dedupe_key,
        kind=kind,
        occurred_at=moment_of(record.get("at")),
        send_id=number_of(record.get("send_id")),
        provider_message_id=text_of(record, "message_id"),
        recipient=text_of(record, "recipient"),
        bounce=bounce,
        detail=text_of(record, "detail"),
        raw_kind=word,
    )
