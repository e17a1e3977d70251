"""What the rules may know about one contact: plain values, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from types import MappingProxyType

from nurture.domain.tags import fresh, meant

Value = str | int | float | bool | None | tuple[str, ...]

# A default by factory: Python 3.11 takes no unhashable default, and this one is.
NOTHING: Mapping[str, Value] = MappingProxyType({})
GLOBAL = "global"


class Refusal(StrEnum):
    """Why a contact may not be mailed at all."""

    SUPPRESSED = "suppressed"
    UNSUBSCRIBED = "unsubscribed"
    NO_CONSENT = "no_consent"


class Engaged(StrEnum):
    """What an occurrence can be; anything else is a custom event named by its sender."""

    OPEN = "open"
    CLICK = "click"
    VISIT = "visit"
    FORM = "form"
    PURCHASE = "purchase"
    DELIVERED = "delivered"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    SUBSCRIPTION_ASKED = "subscription_asked"
    SUBSCRIBED = "subscribed"


class Verdict(StrEnum):
    """Who stood behind an occurrence, as far as we can tell."""

    HUMAN = "human"
    MACHINE = "machine"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something a contact did or that happened to them.

    `properties` holds `step` and `sequence` (keys) and `link` (destination) for opens and
    clicks, and whatever the sender gave for other events.
    """

    name: str
    occurred_at: datetime
    properties: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    verdict: Verdict = Verdict.HUMAN
    id: int = 0
    dedupe_key: str = ""


class Fact(StrEnum):
    """What a step may change about a contact."""

    FIELD = "field"
    TAG = "tag"
    UNTAG = "untag"
    BANT = "bant"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a contact: a field set (None clears it), a tag put or taken, a BANT letter."""

    fact: Fact
    name: str
    value: Value = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a contact stands in the funnel: one stage, however many tracks they are in.

    Until `rests_until` no rule promotes them: they were turned down and recycled.
    """

    stage: str
    highest: str
    since: datetime
    rests_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A person with one email address, as the rules see them.

    `engagement` and `fit` are the sums at the moment the contact was read; `consents` maps a
    topic to whether consent stands; `suppressions` are the live scopes ("global" or a topic);
    `received` are the content keys that reached them; `history` is sorted by `occurred_at`
    and holds only as much as the caller knew the rules would ask for (a tuple, or for a long life a
    `History`). `mailed` are the instants
    of the latest emails, ascending, as far back as frequency caps look. `company_timezone` is
    where their company is, `segments` the keys of the segments they are in.
    """

    id: int
    address: str
    language: str = "en"
    timezone: str = ""
    fields: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    tags: frozenset[str] = frozenset()
    standing: Standing | None = None
    engagement: float = 0.0
    fit: float = 0.0
    grade: str = "D"
    temperature: str = "cold"
    persona: str = ""
    bant: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    consents: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    suppressions: frozenset[str] = frozenset()
    received: frozenset[str] = frozenset()
    sequences: frozenset[str] = frozenset()
    history: Sequence[Occurrence] = ()
    mailed: tuple[datetime, ...] = ()
    company_timezone: str = ""
    segments: frozenset[str] = frozenset()


_NAMES = tuple(one.name for one in fields(Contact))
_PAST, _PLACES = _NAMES.index("history"), _NAMES.index("segments")
_values = attrgetter(*_NAMES)


def recalling(contact: Contact, history: Sequence[Occurrence], segments: frozenset[str]) -> Contact:
    """Return the contact with this past, in these segments.

    The same as `replace` in half the time: everybody to whom anything happens comes by here.
    """
    values = list(_values(contact))
    values[_PAST], values[_PLACES] = history, segments
    return Contact(*values)


def changed(contact: Contact, change: Change) -> Contact:
    """Return the contact after one change."""
    match change.fact:
        case Fact.FIELD:
            fields = {**contact.fields, change.name: change.value}
            if change.value is None:
                del fields[change.name]
            return replace(contact, fields=MappingProxyType(fields))
        case Fact.TAG:
            return replace(contact, tags=contact.tags | set(fresh([change.name], contact.tags)))
        case Fact.UNTAG:
            return replace(contact, tags=contact.tags - set(meant([change.name], contact.tags)))
        case Fact.BANT:
            bant = MappingProxyType({**contact.bant, change.name: str(change.value)})
            return replace(contact, bant=bant)


def refusal(
    contact: Contact, topic: str, transactional: frozenset[str] = frozenset()
) -> Refusal | None:
    """Return why `contact` may not get mail on `topic`, or None when they may.

    Suppression beats consent; a withdrawn consent is an unsubscribe; silence is no consent,
    unless the topic is transactional: what a contract needs is sent without being asked for.
    """
    if GLOBAL in contact.suppressions:
        return Refusal.SUPPRESSED
    if topic in contact.suppressions or contact.consents.get(topic) is False:
        return Refusal.UNSUBSCRIBED
    if topic not in transactional and not contact.consents.get(topic, False):
        return Refusal.NO_CONSENT
    return None


def whoever(contacts: Mapping[int, Contact], contact_id: int) -> Contact:
    """Return a contact who was read; of somebody erased, who never is, nothing but that.

    The answer to an email that was under way still is told to their run, which is over.
    """
    known = contacts.get(contact_id)
    return known or Contact(contact_id, "", suppressions=frozenset({GLOBAL}))
