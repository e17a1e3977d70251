"""What an SMTP reply says about an email: pure, from code, enhanced status, text and phase.

The enhanced status (RFC 3463, registry of RFC 5248) is trusted before the code, because servers
answer 550 to everything. Where it says nothing (`x.0.0`, or none at all) a few
unmistakable phrases decide, and what stays unclear is soft: an address is suppressed only on clear
words. Faults of our own (authentication, reverse DNS, rate) never speak against an address;
which statuses those are comes from the sender rules of Gmail, Yahoo and Microsoft.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from nurture.providers.base import BounceClass, Outcome


class Phase(StrEnum):
    """Which command a reply answers; the same words mean something else at each."""

    #: Greeting, EHLO, STARTTLS, AUTH: nothing about any single email.
    SESSION = "session"
    MAIL = "mail"
    RCPT = "rcpt"
    #: DATA itself, before any of the message was sent.
    DATA = "data"
    #: The final reply, after the whole message.
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, its lines joined by spaces; `status` is empty where none was given."""

    code: int
    status: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.status} {self.text}".replace("  ", " ").strip()


# RFC 2034: the status follows the code on each line. Some servers write a hyphen after it.
_STATUS: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:[\s:-]+|$)")


def read_reply(code: int, text: str) -> Reply:
    """Split the enhanced status, if there is one, from the text of a reply."""
    found = _STATUS.match(text)
    # A status of another class than the code contradicts it, and the code is what SMTP obeys.
    if found and found[1][0] == str(code)[0]:
        return Reply(code, found[1], text[found.end() :].strip())
    return Reply(code, "", text.strip())


# Subject and detail of the status, without its class.
_DEAD: Final = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "4.4"})
_OURS: Final = frozenset(
    {
        # A bad sender address or domain.
        *("1.7", "1.8", "7.27"),
        # Credentials and encryption towards our own relay.
        *("7.3", "7.4", "7.8", "7.9", "7.10", "7.11", "7.13", "7.14", "7.30", "7.57", "7.60"),
        # SPF, DKIM, DMARC, ARC, reverse DNS, rate.
        *("7.5", "7.7", "7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26", "7.28", "7.29"),
        *("7.32", "7.40", "7.509", "7.512", "7.515", "7.705", "7.708", "7.750"),
    }
)
_CONTENT: Final = frozenset({"2.3", "3.4", "7.6", "7.17"})
_FULL: Final = frozenset({"2.2"})
# Registered details that say nothing by themselves, or that receivers use for many things.
_VAGUE: Final = frozenset(
    {"0.0", "1.0", "2.0", "2.1", "3.0", "4.0", "4.1", "5.0", "5.1", "5.2", "5.4", "7.0", "7.1"}
)

_WORDS: Final[tuple[tuple[BounceClass, re.Pattern[str]], ...]] = (
    (
        BounceClass.SENDER,
        re.compile(
            r"\b(spf|dkim|dmarc|ptr|reverse dns|rdns|unauthenticated|not authenticated"
            r"|authentication (required|failed|level)|must authenticate|relay(ing)? (access )?"
            r"(denied|not permitted|prohibited)|unable to relay|not permitted to relay"
            r"|sender (address |domain )?(rejected|not found|does not exist|not verified)"
            r"|rate limit(ed)?|too many (messages|connections|emails)|starttls)\b"
        ),
    ),
    (
        BounceClass.SOFT,
        re.compile(
            r"\b(mailbox (is )?full|over ?quota|quota (is )?exceeded|exceeded .{0,20}quota"
            r"|insufficient (system )?storage|out of storage|no space)\b"
        ),
    ),
    (
        BounceClass.BLOCK,
        re.compile(
            r"\b(block ?list(ed)?|black ?list(ed)?|listed (at|by|in|on)|spamhaus|barracuda|rbl"
            r"|dnsbl|poor reputation|bad reputation|reputation|client host .{0,60}blocked)\b"
        ),
    ),
    (
        BounceClass.CONTENT,
        re.compile(
            r"\b(spam|junk|virus|malware|phish\w*|content (was )?(rejected|refused|denied)"
            r"|message (was )?(too large|too big)|size limit|exceeds .{0,20}size|attachment)\b"
        ),
    ),
    (
        BounceClass.HARD,
        re.compile(
            r"\b((user|recipient|mailbox|address|account|addressee) (\S{1,80} )?(is )?"
            r"(unknown|not found|does ?n[o']t exist|disabled|deactivated|inactive|invalid)"
            r"|(unknown|no such|invalid|non-?existent|bad destination)"
            r" (local )?(user|recipient|mailbox|address|account|domain)"
            r"|(user|recipient|mailbox) .{0,120}(unknown|does ?n[o']t exist|not found)"
            r"|no mailbox (here )?by that name|not a valid (mailbox|recipient|user)"
            r"|account .{0,60}(disabled|inactive|suspended)"
            r"|recipient address rejected: access denied"
            r"|(domain|host) (name )?(not found|does ?n[o']t exist)|null ?mx"
            r"|does not accept (e-?)?mail)\b"
        ),
    ),
    (BounceClass.POLICY, re.compile(r"\b(policy|polic(y|ies)|prohibited|administrative)\b")),
)
_GREYLISTED: Final = re.compile(r"gr[ea]y-?list")


def classify(reply: Reply, phase: Phase = Phase.RCPT) -> BounceClass:
    """Why a 4xx or 5xx reply refused an email; `DSN` statuses read the same way."""
    if phase is Phase.SESSION:
        return BounceClass.SENDER
    detail = reply.status.partition(".")[2]
    text = reply.text.lower()
    if reply.code < 500:
        return _temporary(detail, text, phase)
    certain = _by_status(detail)
    if certain is None or (phase is Phase.MAIL and certain is BounceClass.HARD):
        certain = _by_words(text, phase)
        if certain is None:
            certain = _by_default(detail, phase)
    return certain


def outcome_of(reply: Reply, phase: Phase) -> Outcome:
    """What a reply means for the email it answers.

    A temporary refusal that is not about the recipient is `LATER`: a server that is busy or
    closing, a sender that is looked up, greylisting. 421 always closes the connection
    (RFC 5321, section 3.8) and so never accepts anything.
    """
    if reply.code < 400:
        return Outcome.ACCEPTED
    why = classify(reply, phase)
    if reply.code < 500:
        if reply.code == 421 or _GREYLISTED.search(reply.text.lower()):
            return Outcome.LATER
        busy = reply.status.startswith(("4.3.", "4.5."))
        early = phase in (Phase.MAIL, Phase.DATA) and not reply.status.startswith("4.7.")
        if phase is Phase.SESSION or busy or early:
            return Outcome.LATER
    return _OUTCOMES[why]


_OUTCOMES: Final = {
    BounceClass.HARD: Outcome.HARD,
    BounceClass.SOFT: Outcome.SOFT,
    BounceClass.POLICY: Outcome.POLICY,
    BounceClass.BLOCK: Outcome.POLICY,
    BounceClass.CONTENT: Outcome.POLICY,
    BounceClass.UNDETERMINED: Outcome.SOFT,
    BounceClass.SENDER: Outcome.SENDER,
}


def _temporary(detail: str, text: str, phase: Phase) -> BounceClass:
    if _GREYLISTED.search(text):
        return BounceClass.SOFT
    if detail in _OURS or detail.startswith("7.") or (phase is Phase.MAIL and not detail):
        return BounceClass.SENDER
    # Without a status only words about ourselves count; a temporary reply is never hard.
    ours = not detail and _by_words(text, phase) is BounceClass.SENDER
    return BounceClass.SENDER if ours else BounceClass.SOFT


def _by_status(detail: str) -> BounceClass | None:
    """The class that a status gives alone, or None where it is vague or missing."""
    if not detail or detail in _VAGUE:
        return None
    for details, why in (
        (_DEAD, BounceClass.HARD),
        (_OURS, BounceClass.SENDER),
        (_CONTENT, BounceClass.CONTENT),
        (_FULL, BounceClass.SOFT),
    ):
        if detail in details:
            return why
    # Microsoft answers 5.7.6xx to machines on its own list of banned addresses.
    if re.fullmatch(r"7\.6\d\d", detail):
        return BounceClass.BLOCK
    return _BY_SUBJECT.get(detail.partition(".")[0])


# Subjects of RFC 3463: 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy.
_BY_SUBJECT: Final = {
    "2": BounceClass.SOFT,
    "3": BounceClass.SOFT,
    "4": BounceClass.SOFT,
    "5": BounceClass.SENDER,
    "6": BounceClass.CONTENT,
    "7": BounceClass.POLICY,
}


def _by_words(text: str, phase: Phase) -> BounceClass | None:
    for why, words in _WORDS:
        if words.search(text):
            # A "domain not found" about MAIL is about our domain, not the recipient's.
            return BounceClass.SENDER if phase is Phase.MAIL else why
    return None


def _by_default(detail: str, phase: Phase) -> BounceClass:
    """Nothing is clear: blame what the phase is about, and never the address."""
    if phase is Phase.MAIL:
        return BounceClass.SENDER
    if detail.startswith("7."):
        return BounceClass.POLICY
    if phase is Phase.BODY:
        return BounceClass.CONTENT
    return BounceClass.UNDETERMINED
