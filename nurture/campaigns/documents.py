"""Sequences back to documents, and documents to YAML text that is always the same."""

from collections.abc import Mapping
from typing import Any

from nurture.campaigns.condition_documents import condition_document as condition_document
from nurture.campaigns.condition_documents import short, where_document
from nurture.campaigns.step_documents import clock, days, step_document
from nurture.campaigns.yaml_writing import dump
from nurture.domain import sequence as s
from nurture.domain.conditions import ALWAYS
from nurture.domain.durations import format_duration
from nurture.domain.steps import Exit, Step
from nurture.domain.timing import ANY_TIME, Window

Document = dict[str, Any]

SCHEMA_LINE = "# yaml-language-server: $schema=../docs/schema/sequence.schema.json"


def sequence_document(sequence: s.Sequence) -> Document:
    """Return the document that `parse_sequence` reads as `sequence`, as short as can be.

    The window is left out where it is borrowed from the funnel; version, holidays and time zone
    belong to the funnel and are never written.
    """
    again: object = sequence.reentry.value
    if sequence.reentry is s.Reentry.AFTER:
        again = {"after": format_duration(sequence.reentry_after)}
    return short(
        {
            "key": sequence.key,
            "name": {language: sequence.names[language] for language in ("vi", "en")},
            "stage": sequence.stage,
            "trigger": sequence.trigger and _trigger(sequence.trigger),
            "track": "" if sequence.track == "default" else sequence.track,
            "priority": sequence.priority,
            "entry": None if sequence.entry == ALWAYS else condition_document(sequence.entry),
            "exits": [
                {"reason": _words(sequence, reason), "when": condition_document(when)}
                for reason, when in sequence.exits
            ],
            "returning": "" if sequence.returning is s.Returning.SKIP else sequence.returning.value,
            "reentry": "" if sequence.reentry is s.Reentry.NEVER else again,
            "window": window_document(sequence.window) if sequence.window_is_own else None,
            "spread": format_duration(sequence.spread) if sequence.spread else "",
            "notes": dict(sequence.extra),
            "steps": [_step(sequence, step) for step in sequence.steps],
        }
    )


def _words(sequence: s.Sequence, reason: str) -> object:
    """Return a reason as the file has it: in both languages, or one text for everybody."""
    names = sequence.reasons.get(reason)
    return {language: names[language] for language in ("vi", "en")} if names else reason


def _step(sequence: s.Sequence, step: Step) -> Document:
    document = step_document(step)
    if isinstance(step, Exit):
        document["exit"] = _words(sequence, step.reason)
    return document


def write_sequence(document: Mapping[str, Any]) -> str:
    """Return the text of the file for a sequence's document, the same bytes for the same values.

    Comments of an earlier file are not kept; `notes` are.
    """
    return f"{SCHEMA_LINE}\n{dump(document, blocks=frozenset({'steps'}))}"


def window_document(window: Window) -> Document:
    """Return a window as it is written in a file."""
    # A window without days never opens, which is not the same as one that names none.
    opens = {} if window.days == ANY_TIME.days else {"days": days(window.days)}
    return {**opens, "from": clock(window.start), "to": clock(window.end)}


def _trigger(trigger: s.Trigger) -> Document:
    active = trigger.while_active
    return short(
        {
            "event": trigger.event,
            "where": where_document(trigger.where),
            "key": trigger.key,
            "cancel": list(trigger.cancel),
            "while_active": "" if active is s.WhileActive.IGNORE else active.value,
        }
    )
