"""What every provider speaks: an email going out, its receipt, an event coming back.

The words for events are those of the field (delivered, bounced, complained …), with what is
usually lost added: whether a bounce is hard, and whether a machine opened. Providers turn their
own words into these; a word they do not know becomes `EventKind.UNKNOWN`, never an error.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from nurture.errors import Refused


class Outcome(StrEnum):
    """The fate of one email at the moment of sending, named by what follows from it."""

    #: The provider has taken responsibility for it.
    ACCEPTED = "accepted"
    #: The address is dead: suppress it.
    HARD = "hard"
    #: The address could not be reached this time: count it.
    SOFT = "soft"
    #: Content or a block was refused: neither suppress nor count.
    POLICY = "policy"
    #: Our own fault (authentication, credentials, configuration): pause the sender.
    SENDER = "sender"
    #: Nothing was handed over, or it was handed back for certain: try again.
    LATER = "later"
    #: It was handed over and its fate is unknown: never resend blindly.
    UNCERTAIN = "uncertain"


class EventKind(StrEnum):
    """What a provider says happened to an email after it was accepted."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    #: Not yet delivered; the provider goes on trying.
    DEFERRED = "deferred"
    #: Not delivered; `ProviderEvent.bounce` says how final that is.
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    #: The provider lifted its own suppression. For the record only: it never lifts one of ours.
    RESUBSCRIBED = "resubscribed"
    #: The provider holds the address on its own list: mirror that, do not count a bounce.
    REJECTED = "rejected"
    #: The provider could not send through no fault of the address.
    FAILED = "failed"
    AUTORESPONDED = "autoresponded"
    #: A word we do not know: stored and counted, never acted upon.
    UNKNOWN = "unknown"


class BounceClass(StrEnum):
    """Why an email came back; only `HARD` speaks against the address."""

    HARD = "hard"
    SOFT = "soft"
    #: A rule of the receiver's.
    POLICY = "policy"
    #: The sending address or machine is on somebody's list.
    BLOCK = "block"
    #: The content or the size was refused.
    CONTENT = "content"
    UNDETERMINED = "undetermined"
    #: Our own fault: authentication, reverse DNS, rate, credentials.
    SENDER = "sender"


@dataclass(frozen=True, slots=True)
class OutgoingEmail:
    """One email for one recipient.

    `key` is stable for the send however often it is tried. `mail_from` is the envelope sender,
    where bounces go. `message` is the complete MIME message with CRLF line ends; SMTP sends it as
    it is. Providers with an API take `subject`, `html`, `text` and `headers`, and what is
    empty among these from `message`.
    """

    send_id: int
    key: str
    mail_from: str
    recipient: str
    message: bytes = field(repr=False)
    subject: str = ""
    html: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HandingOver:
    """These sends are about to leave: from here on a crash leaves them in doubt.

    It is yielded before the bytes that could make the provider accept them; the provider goes on
    only when the generator is resumed, so whoever iterates can write it down first.
    """

    send_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The fate of one send; every send of a batch gets exactly one.

    `code` is the SMTP code or the provider's own error number, 0 when nobody answered. `status`
    is an enhanced status (RFC 3463) such as 5.1.1 where one was given. `mirrored` marks
    an address that the provider refuses from a list of its own: suppress it with the provider as
    the source, and leave the bounce rate alone.
    """

    send_id: int
    outcome: Outcome
    provider_message_id: str = ""
    code: int = 0
    status: str = ""
    detail: str = ""
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One thing a webhook told, in our words; `raw_kind` keeps the provider's.

    `dedupe_key` is the same for every repetition of the same event and unique among providers.
    `occurred_at` is the provider's time in UTC, None where it gave none that can be read.
    `machine` is None where the provider has no opinion.
    """

    provider: str
    dedupe_key: str
    kind: EventKind
    occurred_at: datetime | None
    send_id: int | None = None
    provider_message_id: str = ""
    recipient: str = ""
    bounce: BounceClass | None = None
    code: int = 0
    status: str = ""
    detail: str = ""
    url: str = ""
    user_agent: str = ""
    ip: str = ""
    machine: bool | None = None
    raw_kind: str = ""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook call as it came: `body` is the raw bytes, which signatures cover.

    Header names may have any case. `received_at` allows a check of a signature's age; without
    it the age is not checked, and the dedupe key alone makes a replayed call harmless.
    """

    method: str
    headers: Mapping[str, str] = field(repr=False)  # They may hold the provider's password.
    body: bytes = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    remote_ip: str = ""
    received_at: datetime | None = None

    def header(self, name: str) -> str:
        """The value of a header whatever its case, or an empty text."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")


class Forged(Refused):
    """A webhook call that does not prove where it comes from: answer 401 and store nothing."""


class Provider(Protocol):
    """A carrier of mail: sends, and understands what it is told back.

    `send` yields `HandingOver` before anything could be accepted and one `Receipt` per email as
    soon as its fate is known; it raises for no fault of a server or of a single email. One
    batch runs at a time per provider object.
    """

    @property
    def name(self) -> str: ...

    def send(
        self, batch: Sequence[OutgoingEmail], now: datetime
    ) -> Iterator[HandingOver | Receipt]: ...

    def verify(self, request: WebhookRequest) -> None:
        """Raise `Forged` unless the call proves that it comes from the provider."""

    def parse(self, request: WebhookRequest) -> tuple[ProviderEvent, ...]:
        """Every event in a verified call; raises `Invalid` only for a body that cannot be read."""

    def close(self) -> None: ...
