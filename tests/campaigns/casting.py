"""Contacts made to measure: changed until a condition is true of them, or is not."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from nurture.domain.conditions import All, Any, Compare, Condition, Did, Not, Op, holds
from nurture.domain.contact import Contact, Occurrence, Standing, Value

STAGES = ("customer", "visitor", "lead", "mql", "sql", "opportunity", "advocate")
OTHERWISE = "something else"


def cast(condition: Condition, contact: Contact, now: datetime, *, truth: bool = True) -> Contact:
    """Return `contact` changed so that `condition` holds, or does not when `truth` is False."""
    made = _cast(condition, contact, now, truth=truth)
    assert holds(condition, made, now) is truth, (condition, truth)
    return made


def _cast(condition: Condition, contact: Contact, now: datetime, *, truth: bool) -> Contact:
    if holds(condition, contact, now) is truth:
        return contact
    match condition:
        case Not(part):
            return _cast(part, contact, now, truth=not truth)
        case All(parts) | Any(parts):
            # All of them have to be true, but one false one is enough; for Any it is the reverse.
            every = truth is isinstance(condition, All)
            for part in parts if every else parts[:1]:
                contact = _cast(part, contact, now, truth=truth)
            return contact
        case Did(event, where=where) if truth:
            properties = {key: concrete(value) for key, value in where.items()}
            done = Occurrence(event, now - timedelta(minutes=1), properties)
            return replace(contact, history=(*contact.history, done))
        case Compare(subject, op, value) if op in (Op.IS, Op.IN):
            listed = value if isinstance(value, tuple) else (value,)
            if subject.kind == "stage" and not truth:
                listed, truth = tuple(one for one in STAGES if one not in listed), True
            return _put(contact, subject.kind, subject.name, listed[0], now, truth=truth)
        case _:
            raise AssertionError(f"nobody can be made for {condition}")


def _put(
    contact: Contact, kind: str, name: str, value: Value, now: datetime, *, truth: bool
) -> Contact:
    text = str(value)
    match kind:
        case "stage":
            return replace(contact, standing=Standing(text, text, now))
        case "segment":
            inside = contact.segments | {text} if truth else contact.segments - {text}
            return replace(contact, segments=inside)
        case "tag":
            tags = contact.tags | {text} if truth else contact.tags - {text}
            return replace(contact, tags=tags)
        case "field":
            given = value if truth else OTHERWISE
            return replace(contact, fields=MappingProxyType({**contact.fields, name: given}))
        case "bant":
            given = text if truth else "unknown"
            return replace(contact, bant=MappingProxyType({**contact.bant, name: given}))
        case "temperature":
            return replace(contact, temperature=text if truth else OTHERWISE)
        case "consent":
            wish = bool(value) is truth
            return replace(contact, consents=MappingProxyType({**contact.consents, name: wish}))
        case _:
            raise AssertionError(f"nobody can be made with another {kind}")


def concrete(value: Value) -> Value:
    """Return a value that fits a pattern of a definition: the first of several, without stars."""
    if isinstance(value, tuple):
        return concrete(value[0])
    return value.replace("*", "").replace("?", "x") if isinstance(value, str) else value
