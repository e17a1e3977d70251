"""Events from outside: what contacts do on a site or in a shop, told by that site."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nurture.domain.bant import ANSWERS, LETTERS, PREFIX, answer_of
from nurture.domain.contact import Engaged, Occurrence, Value
from nurture.domain.segments import BORDER
from nurture.domain.text import short_key
from nurture.engine.addresses import parse_address
from nurture.engine.dependencies import Dependencies
from nurture.engine.quarantine import quarantine_events, suspicion
from nurture.engine.record import record
from nurture.errors import Invalid, Problem
from nurture.store import people
from nurture.store.ledger import NewEvent

LONGEST_TEXT = 2_000
MOST_PROPERTIES = 50
MOST_EVENTS = 1_000
# All properties of an event as JSON, in characters: what an email could make use of.
LONGEST_PROPERTIES = 20_000

# Said by mail itself and by nobody else: a site that could claim them could score and suppress.
OURS = frozenset(
    {
        Engaged.OPEN, Engaged.CLICK, Engaged.DELIVERED, Engaged.BOUNCE, Engaged.COMPLAINT,
        Engaged.UNSUBSCRIBE, Engaged.SUBSCRIPTION_ASKED, Engaged.SUBSCRIBED, *BORDER,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a call: events that were new, known already, and about nobody we know.

    `quarantined` were new, too, and are kept aside because their time cannot be true.
    """

    new: int
    known: int
    strangers: int
    quarantined: int = 0


def api_key(deps: Dependencies) -> str:
    """Return the key that a site shows to tell us events."""
    return deps.secrets.key("api").hex()


def take_events(deps: Dependencies, items: Sequence[Any], now: datetime) -> Taken:
    """Record events: each {email, event, id, at?, properties?}; `id` makes repeating harmless.

    Raises Invalid with every fault, and then records nothing. An address that is no contact's
    is counted and dropped: events identify contacts, they never make them. What claims to come
    from the future or the distant past goes into quarantine.
    """
    if len(items) > MOST_EVENTS:
        raise Invalid(f"{len(items)} events in one call", remedy=f"Send at most {MOST_EVENTS}.")
    problems: list[Problem] = []
    read = [_read(item, f"[{number}]", now, problems) for number, item in enumerate(items)]
    if problems:
        raise Invalid.because(problems, of="No event was taken")
    with deps.database.read() as tx:
        ids = people.ids_by_address(tx, {address for address, _ in read})
    events = [
        NewEvent(ids[address], occurrence, "api") for address, occurrence in read if address in ids
    ]
    strange = [one for one in events if suspicion(one.occurrence.occurred_at, now)]
    held = quarantine_events(deps, strange, now)
    taken = [one for one in events if not suspicion(one.occurrence.occurred_at, now)]
    new = record(deps, taken, now)
    return Taken(new, len(events) - new - held, len(read) - len(events), held)


def _read(
    item: object, place: str, now: datetime, problems: list[Problem]
) -> tuple[str, Occurrence]:
    nothing = ("", Occurrence("", now))
    if not isinstance(item, Mapping):
        problems.append(Problem("an event is an object", "Send {email, event, id}.", field=place))
        return nothing
    found = len(problems)

    def text(name: str) -> str:
        value = item.get(name)
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
            wanted = f"Give a text of at most {LONGEST_TEXT} characters."
            problems.append(Problem(f"{name} is missing or no text", wanted, field=place))
            return ""
        if not is_storable(value):
            wanted = "Leave out NUL and half characters."
            problems.append(Problem(f"{name} cannot be stored", wanted, field=f"{place}.{name}"))
            return ""
        return value.strip()

    address, name, key = text("email"), text("event"), text("id")
    if name in OURS:
        told = f"{name} is what email itself tells"
        problems.append(Problem(told, "Name the event otherwise.", field=f"{place}.event"))
    at = _instant(item.get("at"), place, now, problems)
    properties = _properties(item.get("properties", {}), place, problems)
    try:
        compared = parse_address(address).compared if address else ""
    except Invalid as error:
        told = f"email: {error.args[0]}"
        problems.append(Problem(told, "Give name@domain.", field=f"{place}.email"))
    if len(problems) > found:
        return nothing
    return compared, Occurrence(name, at, properties, dedupe_key=short_key(f"api:{key}"))


def _instant(value: object, place: str, now: datetime, problems: list[Problem]) -> datetime:
    if value is None:
        return now
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        told, wanted = f"at {str(value)[:40]!r} is no instant", "Write 2026-11-23T09:30:00+07:00."
        problems.append(Problem(told, wanted, field=f"{place}.at"))
        return now
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _properties(value: object, place: str, problems: list[Problem]) -> dict[str, Value]:
    place = f"{place}.properties"
    if not isinstance(value, Mapping) or len(value) > MOST_PROPERTIES:
        wanted = f"Send at most {MOST_PROPERTIES} names with values."
        problems.append(Problem("properties is no object", wanted, field=place))
        return {}
    # Lists of objects (the items of a cart) travel along for emails; rules only read scalars.
    properties = {str(name)[:200]: one for name, one in value.items()}
    if not is_storable(properties):
        told = "properties cannot be stored"
        wanted = (
            "Send JSON without NUL, half characters, NaN or infinity, of at most "
            f"{LONGEST_PROPERTIES} characters."
        )
        problems.append(Problem(told, wanted, field=place))
        return {}
    problems += _bant_problems(properties, place)
    return properties


def _bant_problems(properties: Mapping[str, Value], place: str) -> Iterator[Problem]:
    """Yield what is wrong with answers to BANT: a slip in one would be lost without a word."""
    for name, value in properties.items():
        if not name.startswith(PREFIX):
            continue
        if name.removeprefix(PREFIX) not in LETTERS:
            wanted = f"Use {', '.join(PREFIX + letter for letter in LETTERS)}."
            yield Problem(f"BANT has no {name!r}", wanted, field=f"{place}.{name}")
        elif answer_of(value) is None:
            wanted = f"Answer {', '.join(ANSWERS)}, or true or false."
            yield Problem(f"{value!r} is no answer", wanted, field=f"{place}.{name}")


def is_storable(value: object) -> bool:
    """Return whether every database takes `value`: some refuse NUL, and half a character."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, TypeError, RecursionError):
        return False
    return len(text) <= LONGEST_PROPERTIES and "\\u0000" not in text
