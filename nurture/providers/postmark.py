"""Postmark: sends in batches over its API, and hears by webhook what became of them.

What Postmark offers towards sending once, and what it does not: there is no idempotency key. A
call that is repeated sends twice. Our send id travels in Metadata and comes back in every
webhook, so an email left in doubt is settled as soon as Postmark says anything about
it; until then it stays in doubt, and is never sent again by itself.
"""

import base64
import hmac
import json
import ssl
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, SSLError

from nurture.providers.base import (
    Forged,
    HandingOver,
    Outcome,
    OutgoingEmail,
    ProviderEvent,
    Receipt,
    WebhookRequest,
)
from nurture.providers.postmark_events import events_in
from nurture.providers.postmark_payload import outcome_of_error, payload, receipt_of

#: Most emails and octets in one call (postmarkapp.com/developer/user-guide/send-email-with-api).
MOST_EMAILS: Final = 500
MOST_OCTETS: Final = 50_000_000


class PostmarkProvider:
    """One Postmark server (by its token) and message stream.

    `timeouts` are seconds to connect and seconds to wait for an answer: the second is long,
    because giving up there leaves a whole batch in doubt. Without webhook credentials every
    webhook call counts as forged.
    """

    name: Final = "postmark"

    def __init__(
        self,
        token: str,
        *,
        stream: str = "broadcast",
        webhook_user: str = "",
        webhook_password: str = "",
        base_url: str = "https://api.postmarkapp.com",
        timeouts: tuple[float, float] = (10, 120),
    ) -> None:
        self._stream = stream
        self._url = base_url.rstrip("/") + "/email/batch"
        self._timeouts = timeouts
        self._credentials = f"{webhook_user}:{webhook_password}".encode()
        self._answers_webhooks = bool(webhook_user and webhook_password)
        self._session = requests.Session()
        # Neither a proxy nor a .netrc of the environment may see or replace the token.
        self._session.trust_env = False
        self._session.headers.update(
            {
                "Accept": "application/json",
                # A kept connection may be closed by the other side just as the next call is
                # written, and then a whole batch is in doubt. A handshake per 500 is cheaper.
                "Connection": "close",
                "Content-Type": "application/json",
                "X-Postmark-Server-Token": token,
            }
        )

    def send(
        self,
        batch: Sequence[OutgoingEmail],
        now: datetime,  # noqa: ARG002 - Postmark uses its own time
    ) -> Iterator[HandingOver | Receipt]:
        """See `Provider.send`: one `HandingOver` per call, because a call is taken as a whole."""
        for ids, body in _calls(batch, self._stream):
            yield HandingOver(ids)
            yield from self._call(ids, body)

    def verify(self, request: WebhookRequest) -> None:
        """Compare the Basic credentials, which is all that Postmark offers.

        Answer `Forged` with 401: a 403 would make Postmark give the event up for good.
        """
        scheme, _, encoded = request.header("Authorization").partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except ValueError:
            given = b""
        # Both comparisons always run, so that the time taken tells nothing.
        matches = hmac.compare_digest(given, self._credentials)
        if not (matches and scheme.lower() == "basic" and self._answers_webhooks):
            raise Forged(
                "the webhook call has no valid credentials",
                remedy="Set NURTURE_POSTMARK_WEBHOOK_USER and _PASSWORD as in Postmark's webhook.",
            )

    def parse(self, request: WebhookRequest) -> tuple[ProviderEvent, ...]:
        """The events of one call. Raises `Invalid` for a body that is no JSON."""
        return events_in(request.body)

    def close(self) -> None:
        """Close the kept connections; the provider can be used again afterwards."""
        self._session.close()

    def _call(self, ids: tuple[int, ...], body: bytes) -> Iterator[Receipt]:
        try:
            answer = self._session.post(
                self._url, data=body, timeout=self._timeouts, allow_redirects=False
            )
        except requests.RequestException as error:
            outcome = Outcome.LATER if _never_left(error) else Outcome.UNCERTAIN
            told = f"Postmark could not be called: {type(error).__name__}"
            return (Receipt(send_id, outcome, detail=told) for send_id in ids)
        if answer.status_code == 200:
            return _receipts(ids, answer)
        return _refusals(ids, answer)


def _calls(batch: Sequence[OutgoingEmail], stream: str) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """The send ids and the JSON body of each call, within Postmark's limits."""
    ids: list[int] = []
    elements: list[bytes] = []
    size = 2
    for email in batch:
        element = json.dumps(payload(email, stream), ensure_ascii=False).encode()
        if ids and (len(ids) == MOST_EMAILS or size + len(element) + 1 > MOST_OCTETS):
            yield tuple(ids), b"[" + b",".join(elements) + b"]"
            ids, elements, size = [], [], 2
        ids.append(email.send_id)
        elements.append(element)
        size += len(element) + 1
    if ids:
        yield tuple(ids), b"[" + b",".join(elements) + b"]"


def _never_left(error: requests.RequestException) -> bool:
    """Whether the request cannot have reached Postmark: there was no connection to write to."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, SSLError):
        return bool(reason.args) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, NewConnectionError)


def _receipts(ids: tuple[int, ...], answer: requests.Response) -> Iterator[Receipt]:
    """One per email, in the order of the call; what the answer leaves out is in doubt."""
    try:
        elements = answer.json()
    except ValueError:
        elements = None
    if not isinstance(elements, list) or len(elements) > len(ids):
        elements = []
    elements += [None] * (len(ids) - len(elements))
    for send_id, element in zip(ids, elements, strict=True):
        yield receipt_of(send_id, element)


def _refusals(ids: tuple[int, ...], answer: requests.Response) -> Iterator[Receipt]:
    """The whole call was refused.

    429 and 503 say that nothing was done. Behind any other 5xx part of the batch may
    have been accepted (Postmark: "in most cases the message is lost"), so those are in doubt.
    """
    try:
        told = answer.json()
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    number = told.get("ErrorCode")
    code = number if isinstance(number, int) and number else answer.status_code
    message = str(told.get("Message", "")) or f"Postmark answered {answer.status_code}"
    if answer.status_code in (429, 503):
        outcome = Outcome.LATER
    elif answer.status_code >= 500:
        outcome = Outcome.UNCERTAIN
    else:
        # What refuses a whole call is not about one address, whatever its number.
        outcome = outcome_of_error(code, message)[0]
        outcome = Outcome.LATER if outcome is Outcome.LATER else Outcome.SENDER
    for send_id in ids:
        yield Receipt(send_id, outcome, code=code, detail=message)
