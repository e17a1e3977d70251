"""Webhook signatures as Standard Webhooks has them (standardwebhooks.com), by the stdlib alone.

Signed is `id.timestamp.body` with HMAC-SHA256. The id is the same for every repetition of a
call, so it is what repetitions are known by.
"""

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

from nurture.providers.base import Forged, WebhookRequest

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"


PREFIX: Final = "whsec_"


def sign(body: bytes, *secrets: bytes, webhook_id: str, at: datetime) -> dict[str, str]:
    """The headers that prove `body`; `at` is the moment of the call, not of the event.

    With several secrets there are several signatures, of which the receiver accepts any: so
    a secret is changed while calls go on.
    """
    timestamp = str(int(at.timestamp()))
    digests = (_digest(secret, webhook_id, timestamp, body) for secret in secrets)
    signed = (f"v1,{base64.b64encode(digest).decode('ascii')}" for digest in digests)
    return {ID: webhook_id, TIMESTAMP: timestamp, SIGNATURE: " ".join(signed)}


def secret_text(secret: bytes) -> str:
    """A secret as it is shown to people: whsec_ and base64."""
    return PREFIX + base64.b64encode(secret).decode("ascii")


def secret_bytes(text: str) -> bytes:
    """The secret in `text`, as `secret_text` wrote it."""
    return base64.b64decode(text.removeprefix(PREFIX), validate=True)


def check(request: WebhookRequest, secret: bytes, tolerance: timedelta | None) -> None:
    """Raise `Forged` unless one of the signatures in the header is ours for this body.

    The age is checked when the request says when it was received and `tolerance` is given.
    """
    webhook_id, timestamp = request.header(ID), request.header(TIMESTAMP)
    expected = _digest(secret, webhook_id, timestamp, request.body)
    proven = False
    for candidate in request.header(SIGNATURE).split():
        version, _, encoded = candidate.partition(",")
        try:
            given = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        proven = proven or (version == "v1" and hmac.compare_digest(given, expected))
    if not (proven and webhook_id and secret):
        raise Forged("the webhook call is not signed by its sender", remedy="Check the secret.")
    if tolerance is not None and request.received_at is not None:
        age = abs(request.received_at - _moment(timestamp))
        if age > tolerance:
            raise Forged("the webhook call is too old", remedy="Check the sender's clock.")


def _digest(secret: bytes, webhook_id: str, timestamp: str, body: bytes) -> bytes:
    signed = f"{webhook_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    return hmac.digest(secret, signed, "sha256")


def _moment(timestamp: str) -> datetime:
    # The timestamp is signed, so it is our own; one beyond all dates is as old as can be.
    try:
        return datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.min.replace(tzinfo=UTC)
