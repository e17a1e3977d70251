"""What Postmark's webhooks say, in our words: pure.

Fields: postmarkapp.com/developer/webhooks. A word that is new becomes `unknown`; a field that is
missing or of the wrong type is left empty. Only a body that is no JSON is an error.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

from nurture.errors import Invalid
from nurture.providers.base import BounceClass, EventKind, ProviderEvent
from nurture.providers.fields import moment_of, number_of, text_of
from nurture.providers.postmark_payload import SEND_ID
from nurture.providers.replies import classify, read_reply

_PROVIDER: Final = "postmark"

#: RecordType to kind and the field that holds the moment; bounces and subscription changes
#: are told apart further by their own words below.
_RECORDS: Final[Mapping[str, tuple[EventKind, str]]] = {
    "Delivery": (EventKind.DELIVERED, "DeliveredAt"),
    "Bounce": (EventKind.BOUNCED, "BouncedAt"),
    "SpamComplaint": (EventKind.COMPLAINED, "BouncedAt"),
    "Open": (EventKind.OPENED, "ReceivedAt"),
    "Click": (EventKind.CLICKED, "ReceivedAt"),
    "SubscriptionChange": (EventKind.UNSUBSCRIBED, "ChangedAt"),
    "SMTPApiError": (EventKind.FAILED, "BouncedAt"),
}

_Meaning = tuple[EventKind, BounceClass | None]
_BOUNCED: Final = EventKind.BOUNCED
_BOUNCES: Final[Mapping[str, _Meaning]] = {
    "HardBounce": (_BOUNCED, BounceClass.HARD),
    "BadEmailAddress": (_BOUNCED, BounceClass.HARD),
    "SoftBounce": (_BOUNCED, BounceClass.SOFT),
    "DnsError": (_BOUNCED, BounceClass.SOFT),
    "DNSError": (_BOUNCED, BounceClass.SOFT),
    "Transient": (EventKind.DEFERRED, BounceClass.SOFT),
    "Blocked": (_BOUNCED, BounceClass.BLOCK),
    "SpamNotification": (_BOUNCED, BounceClass.CONTENT),
    "VirusNotification": (_BOUNCED, BounceClass.CONTENT),
    "DMARCPolicy": (_BOUNCED, BounceClass.SENDER),
    "Unknown": (_BOUNCED, BounceClass.UNDETERMINED),
    "OpenRelayTest": (_BOUNCED, BounceClass.UNDETERMINED),
    "Unconfirmed": (_BOUNCED, BounceClass.UNDETERMINED),
    "AutoResponder": (EventKind.AUTORESPONDED, None),
    "AddressChange": (EventKind.AUTORESPONDED, None),
    "ChallengeVerification": (EventKind.AUTORESPONDED, None),
    "SpamComplaint": (EventKind.COMPLAINED, None),
    "Unsubscribe": (EventKind.UNSUBSCRIBED, None),
    "Subscribe": (EventKind.RESUBSCRIBED, None),
    "ManuallyDeactivated": (EventKind.REJECTED, None),
    "SMTPApiError": (EventKind.FAILED, None),
    "TemplateRenderingFailed": (EventKind.FAILED, None),
}


def events_in(body: bytes) -> tuple[ProviderEvent, ...]:
    """One event per record. Postmark sends one record per call; an array is read as well.

    Raises `Invalid` when the body is no JSON, or neither an object nor an array.
    """
    remedy = "Point the webhook of Postmark here, and nothing else."
    try:
        told = json.loads(body)
        records = [told] if isinstance(told, dict) else told
        if isinstance(records, list):
            return tuple(_event(r if isinstance(r, dict) else {"": r}) for r in records)
    except (ValueError, RecursionError) as error:
        raise Invalid("the webhook's body is no JSON", remedy=remedy) from error
    raise Invalid("the webhook's body holds no record", remedy=remedy)


def _event(record: dict[str, Any]) -> ProviderEvent:
    word = text_of(record, "RecordType")
    kind, moment = _RECORDS.get(word, (EventKind.UNKNOWN, ""))
    raw_kind, bounce, code, status = word, None, 0, ""
    detail = text_of(record, "Details") or text_of(record, "Description")
    if word == "Bounce":
        raw_kind = f"Bounce:{text_of(record, 'Type')}"
        kind, bounce = _BOUNCES.get(text_of(record, "Type"), (EventKind.UNKNOWN, None))
        code, status = _diagnosis(detail)
        if kind is _BOUNCED and bounce is BounceClass.UNDETERMINED and code >= 400:
            bounce = classify(read_reply(code, f"{status} {detail}".strip()))
    elif word == "SubscriptionChange":
        kind = _subscription(record)
        raw_kind = f"SubscriptionChange:{text_of(record, 'SuppressionReason')}"
        detail = text_of(record, "SuppressionReason") or detail
    elif word == "Delivery":
        code, status = _diagnosis(detail)
    geo, metadata = record.get("Geo"), record.get("Metadata")
    return ProviderEvent(
        provider=_PROVIDER,
        dedupe_key=_dedupe_key(record, word, moment),
        kind=kind,
        occurred_at=moment_of(record.get(moment)) if moment else None,
        send_id=number_of(metadata.get(SEND_ID)) if isinstance(metadata, dict) else None,
        provider_message_id=text_of(record, "MessageID"),
        recipient=text_of(record, "Recipient") or text_of(record, "Email"),
        bounce=bounce,
        code=code,
        status=status,
        detail=detail,
        url=text_of(record, "OriginalLink"),
        user_agent=text_of(record, "UserAgent"),
        ip=text_of(geo, "IP") if isinstance(geo, dict) else "",
        raw_kind=raw_kind,
    )


def _subscription(record: Mapping[str, Any]) -> EventKind:
    """A change of Postmark's suppression list.

    Only what a recipient did by hand is an unsubscription. Bounces and complaints come with
    records of their own, and what somebody entered at Postmark is theirs: both are mirrored.
    """
    suppressed = record.get("SuppressSending")
    if suppressed is False:
        return EventKind.RESUBSCRIBED
    if suppressed is not True:
        return EventKind.UNKNOWN
    by_hand = record.get("SuppressionReason") in ("ManualSuppression", None)
    by_recipient = record.get("Origin", "Recipient") == "Recipient"
    return EventKind.UNSUBSCRIBED if by_hand and by_recipient else EventKind.REJECTED


def _dedupe_key(record: Mapping[str, Any], word: str, moment: str) -> str:
    """Bounces have a number of their own; other records are what they say, and nothing more.

    A record of an unknown kind is its whole content: two different ones must not merge.
    """
    number = record.get("ID")
    if word in ("Bounce", "SpamComplaint") and isinstance(number, int) and abs(number) < 2**63:
        return f"{_PROVIDER}:{word}:{number}"
    if moment:
        names = ["MessageID", "Recipient", "Email", moment, "OriginalLink", "UserAgent"]
        if word == "SubscriptionChange":
            names += ["SuppressSending", "SuppressionReason", "Origin"]
        identity: object = [word, *(record.get(name) for name in names)]
    else:
        identity = record
    text = json.dumps(identity, sort_keys=True).encode()
    return f"{_PROVIDER}:{word[:40]}:{blake2b(text, digest_size=16).hexdigest()}"


def _diagnosis(detail: str) -> tuple[int, str]:
    """The SMTP code and enhanced status in a line such as `smtp;550 5.1.1 user unknown`."""
    words = detail.replace("smtp;", " ").replace("-", " ", 1).split()
    for position, word in enumerate(words[:12]):
        if len(word) == 3 and word.isascii() and word.isdigit() and word[0] in "245":
            reply = read_reply(int(word), " ".join(words[position + 1 :]))
            return reply.code, reply.status
    return 0, ""
