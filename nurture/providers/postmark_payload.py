"""An email as one element of Postmark's batch call, and what Postmark's error numbers mean.

Field names and limits: postmarkapp.com/developer/api/email-api and /overview (error codes).
"""

import email
import email.policy
from email.message import EmailMessage
from typing import Any, Final

from nurture.providers.base import Outcome, OutgoingEmail, Receipt

#: The key in Postmark's Metadata under which our send id travels out and comes back.
SEND_ID: Final = "nurture-send"
_KEY: Final = "nurture-key"
# Postmark takes at most 10 metadata fields, names of 20 and values of 80 characters.
_MOST_FIELDS, _MOST_NAME, _MOST_VALUE, _MOST_TAG = 10, 20, 80, 1000
# Postmark writes these itself, from fields of their own or from the content.
_NOT_PASSED_ON: Final = frozenset(
    {
        *("from", "to", "cc", "bcc", "reply-to", "subject", "date", "return-path", "sender"),
        *("mime-version", "content-type", "content-transfer-encoding", "dkim-signature"),
    }
)


def payload(outgoing: OutgoingEmail, stream: str) -> dict[str, Any]:
    """The element for one email. Opens and clicks are tracked by our own links, not Postmark's."""
    whole = _Whole(outgoing)
    headers = whole.headers()
    body: dict[str, Any] = {
        "From": headers.get("from", outgoing.mail_from),
        "To": headers.get("to", outgoing.recipient),
        "Subject": outgoing.subject or headers.get("subject", ""),
        "Headers": [
            {"Name": name, "Value": value}
            for name, value in whole.named_headers()
            if name.lower() not in _NOT_PASSED_ON
        ],
        "Metadata": _metadata(outgoing),
        "MessageStream": stream,
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    optional = {
        "ReplyTo": headers.get("reply-to", ""),
        "HtmlBody": outgoing.html or whole.part("html"),
        "TextBody": outgoing.text or whole.part("plain"),
        "Tag": outgoing.tag[:_MOST_TAG],
    }
    body.update({name: value for name, value in optional.items() if value})
    if "message-id" in headers:
        # Without this header Postmark replaces our Message-ID, and returned mail names its own.
        body["Headers"].append({"Name": "X-PM-KeepID", "Value": "true"})
    return body


def outcome_of_error(code: int, message: str) -> tuple[Outcome, bool]:
    """What an ErrorCode means for one email, and whether it mirrors Postmark's own list.

    A number we do not know pauses the sender: the email was not accepted, that must
    be seen, and nothing speaks against the address.
    """
    if code == 0:
        return Outcome.ACCEPTED, False
    if code == 406:  # Inactive recipient: it bounced hard, complained or was deactivated before.
        return Outcome.HARD, True
    if code == 300 and "'to'" in message.lower():  # Invalid email request: "Invalid 'To' address".
        return Outcome.HARD, False
    if code in (100, 429):  # Maintenance; too many requests.
        return Outcome.LATER, False
    if code == 411:  # Forbidden attachment type.
        return Outcome.POLICY, False
    return Outcome.SENDER, False


def receipt_of(send_id: int, element: object) -> Receipt:
    """The receipt for one element of the answer to a batch; one that cannot be read is in doubt."""
    if not isinstance(element, dict) or not isinstance(element.get("ErrorCode"), int):
        return Receipt(send_id, Outcome.UNCERTAIN, detail="Postmark's answer cannot be read")
    code, message = element["ErrorCode"], str(element.get("Message", ""))
    outcome, mirrored = outcome_of_error(code, message)
    return Receipt(
        send_id,
        outcome,
        provider_message_id=str(element.get("MessageID", "")),
        code=code,
        detail=message,
        mirrored=mirrored,
    )


def _metadata(outgoing: OutgoingEmail) -> dict[str, str]:
    """Our send id first, so that a webhook can be matched before our own commit is visible."""
    fields = {SEND_ID: str(outgoing.send_id), _KEY: outgoing.key[:_MOST_VALUE]}
    for name, value in outgoing.metadata.items():
        if len(fields) < _MOST_FIELDS and len(name) <= _MOST_NAME:
            fields.setdefault(name, value[:_MOST_VALUE])
    return fields


class _Whole:
    """What the fields of an `OutgoingEmail` leave empty, taken from its message when needed."""

    def __init__(self, outgoing: OutgoingEmail) -> None:
        self._outgoing = outgoing
        self._parsed: EmailMessage | None = None

    def named_headers(self) -> list[tuple[str, str]]:
        """The message's headers, decoded, with those given beside it in their place."""
        given = {name.lower(): (name, value) for name, value in self._outgoing.headers.items()}
        found = [
            (name, str(value)) for name, value in self._message.items() if name.lower() not in given
        ]
        return [*found, *given.values()]

    def headers(self) -> dict[str, str]:
        """The same by lower-case name."""
        return {name.lower(): value for name, value in self.named_headers()}

    def part(self, subtype: str) -> str:
        """The text of the first text part of this kind, empty where there is none."""
        found = self._message.get_body((subtype,))
        return str(found.get_content()) if found is not None else ""

    @property
    def _message(self) -> EmailMessage:
        if self._parsed is None:
            parsed = email.message_from_bytes(self._outgoing.message, policy=email.policy.SMTP)
            self._parsed = parsed
        return self._parsed
