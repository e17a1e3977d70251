"""Each provider on a stand of its own: a real server behind it, and its webhooks at hand.

A new provider joins the conformance suite by a stand in `STANDS`. The local part of a recipient
asks the server for a fate: `hard.7@example.net` is to bounce hard, and so on.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from nurture.providers.base import EventKind, Outcome, Provider, WebhookRequest
from nurture.providers.inbox import Inbox, InboxProvider, InboxServer, sign
from nurture.providers.postmark import PostmarkProvider
from nurture.providers.smtp import SmtpProvider
from nurture.providers.smtp_address import SmtpAddress
from tests.providers.emails import NOW
from tests.providers.moods import DROP, Mood
from tests.providers.postmark_server import postmark
from tests.providers.servers import SmtpServer

PAYLOADS = Path(__file__).parent / "payloads"
SECRET = b"a secret of thirty-two bytes, ok"


@dataclass
class Webhooks:
    """How to call a provider's webhook, and what the recorded calls must be understood as."""

    signed: Callable[[bytes], WebhookRequest]
    forged: Callable[[bytes], Sequence[WebhookRequest]]
    recorded: dict[str, tuple[bytes, EventKind]]


@dataclass
class Stand:
    provider: Provider
    #: The outcomes this provider's server can be asked for one recipient at a time.
    fates: frozenset[Outcome]
    at_once: int | None
    accepted: Callable[[], Sequence[str]]
    webhooks: Webhooks | None = None


class TheirTime:
    def now(self) -> Any:
        return NOW


REFUSALS = {
    Outcome.HARD: "550 5.1.1 no such user",
    Outcome.SOFT: "452 4.2.2 mailbox full",
    Outcome.POLICY: "554 5.7.1 looks like spam",
    Outcome.SENDER: "550 5.7.26 unauthenticated",
    Outcome.LATER: "450 4.7.1 greylisted",
}


def _scripted() -> dict[str, str]:
    return {
        f"{outcome}.{n}@example.net": reply for outcome, reply in REFUSALS.items() for n in range(9)
    }


@contextmanager
def smtp_stand(_folder: Path) -> Iterator[Stand]:
    mood = Mood(replies=_scripted())
    mood.final = {f"uncertain.{n}@example.net": DROP for n in range(9)}
    with SmtpServer(mood) as server:
        address = SmtpAddress.parse(f"smtp://127.0.0.1:{server.port}", production=False)
        with closing(SmtpProvider(address, connections=2)) as provider:
            yield Stand(
                provider,
                frozenset(Outcome),
                at_once=2,
                accepted=lambda: [
                    mail.recipient
                    for mail in server.received
                    if not mail.recipient.startswith("uncertain")
                ],
            )


@contextmanager
def inbox_stand(folder: Path) -> Iterator[Stand]:
    path = folder / "inbox.sqlite3"
    server = InboxServer(path, TheirTime())
    with server, Inbox(path) as inbox:
        for address, reply in _scripted().items():
            inbox.refuse(address, reply)
        provider = InboxProvider("127.0.0.1", server.port, secret=SECRET, connections=2)
        with closing(provider):
            yield Stand(
                provider,
                frozenset(REFUSALS) | {Outcome.ACCEPTED},
                at_once=2,
                accepted=lambda: [mail.recipient for mail in inbox.newest(limit=1000)],
                webhooks=Webhooks(_inbox_call, _inbox_forgeries, _inbox_recorded()),
            )


POSTMARK_SAYS = {
    Outcome.ACCEPTED: {"ErrorCode": 0, "Message": "OK", "MessageID": "0a1b"},
    Outcome.HARD: {"ErrorCode": 300, "Message": "Invalid 'To' address: 'x'."},
    Outcome.POLICY: {"ErrorCode": 411, "Message": "Forbidden attachment type"},
    Outcome.SENDER: {"ErrorCode": 400, "Message": "Sender signature not found."},
    Outcome.LATER: {"ErrorCode": 429, "Message": "Rate limit exceeded"},
    Outcome.UNCERTAIN: {"Nonsense": True},
}


@contextmanager
def postmark_stand(_folder: Path) -> Iterator[Stand]:
    accepted: list[str] = []

    def answer(emails: list[dict[str, Any]]) -> tuple[int, bytes]:
        fates = [Outcome(mail["Metadata"]["fate"]) for mail in emails]
        accepted.extend(
            mail["Metadata"]["recipient"]
            for mail, fate in zip(emails, fates, strict=True)
            if fate is Outcome.ACCEPTED
        )
        return 200, json.dumps([POSTMARK_SAYS[fate] for fate in fates]).encode()

    with postmark(answer) as server:
        provider = PostmarkProvider(
            "token", base_url=server.url, webhook_user="hook", webhook_password="mật khẩu"
        )
        with closing(provider):
            yield Stand(
                provider,
                frozenset(POSTMARK_SAYS),
                at_once=None,
                accepted=lambda: accepted,
                webhooks=Webhooks(_postmark_call, _postmark_forgeries, _postmark_recorded()),
            )


STANDS: dict[str, Callable[[Path], AbstractContextManager[Stand]]] = {
    "smtp": smtp_stand,
    "inbox": inbox_stand,
    "postmark": postmark_stand,
}


def _inbox_call(body: bytes) -> WebhookRequest:
    headers = sign(body, SECRET, webhook_id="call-1", at=NOW)
    received = NOW + timedelta(seconds=2)
    return WebhookRequest("POST", headers, body, received_at=received)


def _inbox_forgeries(body: bytes) -> Sequence[WebhookRequest]:
    good = sign(body, SECRET, webhook_id="call-1", at=NOW)
    late = NOW + timedelta(hours=1)
    return [
        WebhookRequest("POST", {}, body),
        WebhookRequest("POST", sign(body, b"other", webhook_id="call-1", at=NOW), body),
        WebhookRequest("POST", good, body + b" "),
        WebhookRequest("POST", {**good, "webhook-id": "call-2"}, body),
        WebhookRequest("POST", {**good, "webhook-timestamp": "1"}, body),
        WebhookRequest("POST", {**good, "webhook-signature": "v1,"}, body),
        WebhookRequest("POST", {**good, "webhook-signature": "v1,é v2 ,,"}, body),
        WebhookRequest(
            "POST", {**good, "webhook-signature": "v1a" + good["webhook-signature"][2:]}, body
        ),
        WebhookRequest("POST", good, body, received_at=late),
    ]


def _inbox_recorded() -> dict[str, tuple[bytes, EventKind]]:
    words = {
        "delivered": EventKind.DELIVERED,
        "deferred": EventKind.DEFERRED,
        "bounce": EventKind.BOUNCED,
        "soft_bounce": EventKind.BOUNCED,
        "complaint": EventKind.COMPLAINED,
        "unsubscribe": EventKind.UNSUBSCRIBED,
        "autoreply": EventKind.AUTORESPONDED,
        "teleported": EventKind.UNKNOWN,
    }
    return {
        word: (
            json.dumps(
                {
                    "type": word,
                    "recipient": "an@example.net",
                    "message_id": "<send.1@example.com>",
                    "send_id": 4711,
                    "at": "2026-11-22T08:00:00Z",
                }
            ).encode(),
            kind,
        )
        for word, kind in words.items()
    }


def _basic(credentials: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


def _postmark_call(body: bytes) -> WebhookRequest:
    return WebhookRequest("POST", _basic("hook:mật khẩu"), body)


def _postmark_forgeries(body: bytes) -> Sequence[WebhookRequest]:
    headers = [
        {},
        _basic("hook:wrong"),
        _basic("other:mật khẩu"),
        _basic(""),
        _basic(":"),
        {"Authorization": "Basic not base64 at all"},
        {"Authorization": "Basic é"},
        {"Authorization": "Bearer " + _basic("hook:mật khẩu")["authorization"][6:]},
        {"Authorization": ""},
    ]
    return [WebhookRequest("POST", header, body) for header in headers]


def _postmark_recorded() -> dict[str, tuple[bytes, EventKind]]:
    kinds = {
        "delivery": EventKind.DELIVERED,
        "bounce_hard": EventKind.BOUNCED,
        "bounce_soft": EventKind.BOUNCED,
        "bounce_transient": EventKind.DEFERRED,
        "bounce_blocked": EventKind.BOUNCED,
        "bounce_spam": EventKind.BOUNCED,
        "bounce_dmarc": EventKind.BOUNCED,
        "bounce_dns": EventKind.BOUNCED,
        "bounce_undetermined": EventKind.BOUNCED,
        "bounce_autoresponder": EventKind.AUTORESPONDED,
        "bounce_new_word": EventKind.UNKNOWN,
        "spam_complaint": EventKind.COMPLAINED,
        "open": EventKind.OPENED,
        "click": EventKind.CLICKED,
        "subscription_unsubscribe": EventKind.UNSUBSCRIBED,
        "subscription_hard_bounce": EventKind.REJECTED,
        "subscription_by_customer": EventKind.REJECTED,
        "subscription_resubscribe": EventKind.RESUBSCRIBED,
        "new_record": EventKind.UNKNOWN,
    }
    folder = PAYLOADS / "postmark"
    assert kinds.keys() == {path.stem for path in folder.glob("*.json")}
    return {name: ((folder / f"{name}.json").read_bytes(), kind) for name, kind in kinds.items()}
