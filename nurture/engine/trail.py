"""Decisions as they are stored: what the explanations are made of."""

from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from nurture.domain import enrollment as e
from nurture.domain.enrollment import Decision, Event


def dump(decision: Decision) -> dict[str, Any]:
    """Return a decision as JSON: `do` says which, the rest are its own fields."""
    return {"do": type(decision).__name__, **_fields(decision)}


def cause_of(event: Event) -> str:
    """Return the name of the event that called for decisions, with what tells it apart."""
    match event:
        case e.Happened(occurrence):
            return f"Happened {occurrence.name}"
        case e.Withdrawn(reason):
            return f"Withdrawn {reason}"
        case _:
            return type(event).__name__


def is_worth_a_line(decisions: tuple[Decision, ...], event: Event) -> bool:
    """Return whether the decisions belong into the log.

    Most of what contacts do is awaited by nobody, and the event itself is kept anyway; a lost
    race between a time-out and an answer is what an audit line is for.
    """
    if not decisions:
        return False
    quiet = isinstance(event, e.Happened | e.Reconsider)
    return not (quiet and all(isinstance(one, e.Note) for one in decisions))


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value):
        return {"is": type(value).__name__, **_fields(value)}
    return value
