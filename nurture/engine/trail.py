"""Decisions as they are stored: what explanations are made of, and what states replay from."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any, get_args

from nurture.domain import enrollment as e
from nurture.domain.enrollment import Decision, Enrollment, Event


def dump(decision: Decision) -> dict[str, Any]:
    """Return a decision as JSON: `do` says which, the rest are its own fields."""
    return {"do": type(decision).__name__, **_fields(decision)}


def line(
    run: Enrollment, cause: str, decisions: Sequence[Decision], now: datetime
) -> dict[str, Any]:
    """Return the line of the log that says what was decided for a run, and because of what."""
    return remark(run.contact_id, run.id, cause, decisions, now)


def remark(
    contact_id: int, run_id: int | None, cause: str, decisions: Sequence[Decision], now: datetime
) -> dict[str, Any]:
    """Return a line of the log about a contact, and the run that it is about if there is one."""
    return {
        "contact_id": contact_id,
        "enrollment_id": run_id,
        "at": now,
        "cause": cause,
        "event_id": None,
        "send_id": None,
        "decided": [dump(decision) for decision in decisions],
    }


_DECISIONS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(e.Decision)}
_STATES: Mapping[str, type[Any]] = {kind.__name__: kind for kind in e.STATE_NAMES}


def load(stored: Mapping[str, Any]) -> Decision:
    """Return the decision that `dump` wrote."""
    kind = _DECISIONS[stored["do"]]
    values = {name: value for name, value in stored.items() if name != "do"}
    decision: Decision = kind(**_typed(kind, values))
    return decision


def _typed(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    typed = {}
    for field in fields(kind):
        if field.name not in values:
            continue  # Written before there was such a field: its default says what was so then.
        value = values[field.name]
        if isinstance(value, Mapping) and "is" in value:
            state = _STATES[value["is"]]
            inner = {name: one for name, one in value.items() if name != "is"}
            value = state(**_typed(state, inner))
        elif field.type in (datetime, datetime | None) and isinstance(value, str):
            value = datetime.fromisoformat(value)
        typed[field.name] = value
    return typed


def cause_of(event: Event) -> str:
    """Return the name of the event that called for decisions, with what tells it apart."""
    match event:
        case e.Happened(occurrence):
            return f"Happened {occurrence.name}"
        case e.Withdrawn(reason):
            return f"Withdrawn {reason}"
        case e.Decided(cause):
            return cause
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
    kind: Any = type(value)
    return {name: _plain(getattr(value, name)) for name in _names(kind)}


@lru_cache(maxsize=64)
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _plain(value: Any) -> Any:
    if isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if type(value) in e.STATE_NAMES:
        return {"is": type(value).__name__, **_fields(value)}
    return value
