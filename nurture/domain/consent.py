"""What a wish to get mail on a topic leads to: consent, one letter that asks, or nothing."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nurture.domain.contact import GLOBAL, Contact

# A link to confirm works for so long after its email left.
CONFIRM_WITHIN = timedelta(days=7)

# One letter that asks in so long a time for each topic, and so many for each address over all of
# them: whoever types in somebody else's address a hundred times sends them no hundred letters.
ASK_REST = timedelta(hours=6)
MOST_ASKS = 3
MOST_ASKS_WITHIN = timedelta(days=1)

LONGEST_NAME = 60


class Act(StrEnum):
    """What a line of the log of consent says."""

    ASKED = "asked"
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a contact's log of consent; a later one has a greater id."""

    id: int
    topic: str
    act: Act
    at: datetime


class Proof(StrEnum):
    """How we know that the owner of a mailbox wishes what is asked in their name.

    `NONE`: somebody typed the address. `STATED`: a caller whom we trust says that they hold the
    proof. `MAILBOX`: whoever asks holds a link that only went to that mailbox.
    """

    NONE = "none"
    STATED = "stated"
    MAILBOX = "mailbox"


class Answer(StrEnum):
    """What a wish leads to. `STANDS`: there is consent. `WAITS`: a letter that asks was sent."""

    GRANTED = "granted"
    PENDING = "pending"
    STANDS = "stands"
    WAITS = "waits"
    REFUSED = "refused"


def wished(  # noqa: PLR0913 - each is a fact of its own that consent depends on
    contact: Contact,
    topic: str,
    proof: Proof,
    log: Sequence[Line],
    now: datetime,
    *,
    confirm: bool,
    under_way: bool = False,
) -> Answer:
    """Return what the wish to get mail on `topic` leads to.

    `confirm` is whether the topic wants confirmation, `log` the contact's, `under_way` whether
    a letter that asks about this topic has not left yet. Whoever is suppressed everywhere is not
    even asked. Whoever withdrew gets mail again only by their mailbox's word, whatever the topic
    says: neither a form nor another system lifts what a contact said themselves.
    """
    if GLOBAL in contact.suppressions:
        return Answer.REFUSED
    withdrawn = topic in contact.suppressions or contact.consents.get(topic) is False
    if contact.consents.get(topic) and not withdrawn:
        return Answer.STANDS
    stated = proof is Proof.STATED and not withdrawn
    if proof is Proof.MAILBOX or stated or not (confirm or withdrawn):
        return Answer.GRANTED
    return Answer.WAITS if under_way or _asked_enough(log, topic, now) else Answer.PENDING


def _asked_enough(log: Sequence[Line], topic: str, now: datetime) -> bool:
    asked = [line for line in log if line.act is Act.ASKED]
    lately = [line for line in asked if now - line.at < MOST_ASKS_WITHIN]
    just = any(line.topic == topic and now - line.at < ASK_REST for line in asked)
    return just or len(lately) >= MOST_ASKS


class Confirmed(StrEnum):
    """What pressing the button of a letter that asks leads to.

    `STANDS`: it was confirmed before. `LATE`: the link is too old. `SPENT`: the contact withdrew
    since, and an old link never brings back what they took away.
    """

    GRANTED = "granted"
    STANDS = "stands"
    LATE = "late"
    SPENT = "spent"
    REFUSED = "refused"


def confirmed(
    contact: Contact, asked: Line, log: Sequence[Line], left_at: datetime, now: datetime
) -> Confirmed:
    """Return what confirming the line `asked` leads to; `left_at` is when its letter left."""
    if GLOBAL in contact.suppressions:
        return Confirmed.REFUSED
    said = [
        line
        for line in log
        if line.id > asked.id and line.topic == asked.topic and line.act is not Act.ASKED
    ]
    if said:
        return Confirmed.STANDS if said[-1].act is Act.GRANTED else Confirmed.SPENT
    return Confirmed.LATE if now - left_at >= CONFIRM_WITHIN else Confirmed.GRANTED


def plain_name(text: str) -> str | None:
    """Return a name that a stranger typed, tidied; None when it could be anything but a name.

    It may be written into an email to an address that is not theirs. So it holds letters, spaces
    and the few signs of names, no address of a site, and at most `LONGEST_NAME` characters.
    """
    name = " ".join(part for part in unicodedata.normalize("NFC", text).split(" ") if part)
    if len(name) > LONGEST_NAME or any(not _is_of_names(sign) for sign in name):
        return None
    # Mail programs make a link of words with a full stop between them.
    return None if any(part for part in name.split(".")[1:] if not part.startswith(" ")) else name


def _is_of_names(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LM" or sign in " .'’-"
