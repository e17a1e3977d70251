"""Sequences back to documents, and documents to YAML text that is always the same."""

from collections.abc import Mapping
from datetime import time
from typing import Any, assert_never

from nurture.campaigns.shapes import DAYS
from nurture.campaigns.steps import DEFAULT_TOPIC
from nurture.campaigns.yaml_writing import dump
from nurture.domain import conditions as c
from nurture.domain import sequence as s
from nurture.domain.conditions import ALWAYS, Compare, Condition, Did, Op
from nurture.domain.contact import Value
from nurture.domain.durations import format_duration
from nurture.domain.funnel import Funnel
from nurture.domain.timing import ANY_TIME, Window

Document = dict[str, Any]

SCHEMA_LINE = "# yaml-language-server: $schema=../docs/schema/sequence.schema.json"


def sequence_document(sequence: s.Sequence, funnel: Funnel | None = None) -> Document:
    """Return the document that `parse_sequence` reads as `sequence`, as short as can be.

    The window is left out where it is the funnel's (or, without a funnel, any time); version,
    holidays and time zone belong to the funnel and are never written.
    """
    again: object = sequence.reentry.value
    if sequence.reentry is s.Reentry.AFTER:
        again = {"after": format_duration(sequence.reentry_after)}
    common = ANY_TIME if funnel is None else funnel.window
    return _short(
        {
            "key": sequence.key,
            "name": {language: sequence.names[language] for language in ("vi", "en")},
            "stage": sequence.stage,
            "trigger": sequence.trigger and _trigger(sequence.trigger),
            "track": "" if sequence.track == "default" else sequence.track,
            "priority": sequence.priority,
            "entry": None if sequence.entry == ALWAYS else condition_document(sequence.entry),
            "exits": [
                {"reason": reason, "when": condition_document(when)}
                for reason, when in sequence.exits
            ],
            "reentry": "" if sequence.reentry is s.Reentry.NEVER else again,
            "window": None if sequence.window == common else window_document(sequence.window),
            "spread": format_duration(sequence.spread) if sequence.spread else "",
            "notes": dict(sequence.extra),
            "steps": [_step(step) for step in sequence.steps],
        }
    )


def write_sequence(document: Mapping[str, Any]) -> str:
    """Return the text of the file for a sequence's document, the same bytes for the same values.

    Comments of an earlier file are not kept; `notes` are.
    """
    return f"{SCHEMA_LINE}\n{dump(document, blocks=frozenset({'steps'}))}"


def condition_document(condition: Condition) -> Document:
    """Return a condition as it is written in a file."""
    match condition:
        case c.All(parts):
            return {"all": [condition_document(part) for part in parts]}
        case c.Any(parts):
            return {"any": [condition_document(part) for part in parts]}
        case c.Not(part):
            return {"not": condition_document(part)}
        case Did(event, at_least, within, where):
            return _short(
                {
                    "did": event,
                    "at_least": 0 if at_least == 1 else at_least,
                    "within": "" if within is None else format_duration(within),
                    "where": _where(where),
                }
            )
        case Compare():
            return _compare(condition)
        case _:
            assert_never(condition)


def window_document(window: Window) -> Document:
    """Return a window as it is written in a file."""
    # A window without days never opens, which is not the same as one that names none.
    days = {} if window.days == ANY_TIME.days else {"days": _days(window.days)}
    return {**days, "from": _clock(window.start), "to": _clock(window.end)}


def _compare(compare: Compare) -> Document:
    kind, name, op = compare.subject.kind, compare.subject.name, compare.op
    value = _plain(compare.value)
    match kind:
        case "consent" if op is Op.IS:
            return {"consent": name} if value is True else {"consent": name, "is": value}
        case "field" | "bant" | "consent":
            return {kind: name, op.value: value}
        case "engagement" | "fit":
            return {"score": kind, op.value: value}
        case _:
            short = op is Op.IS or op is Op.IN
            return {kind: value if short else {op.value: value}}


def _step(step: s.Step) -> Document:
    document: Document = {"key": step.key}
    match step:
        case s.Email():
            topic = "" if step.topic == DEFAULT_TOPIC else step.topic
            document |= {"email": step.template, "topic": topic, "next": step.next}
        case s.Wait():
            document |= {"wait": _pause(step), "next": step.next}
        case s.WaitFor():
            paths = {"yes": step.yes, "no": step.no, "unknowable": step.unknowable}
            within = {"within": format_duration(step.within)}
            document["wait_for"] = _short(_match(step.match, step.when) | within | paths)
        case s.Branch():
            cases = [{"when": condition_document(one.when), "to": one.to} for one in step.cases]
            document["branch"] = _short({"cases": cases, "else": step.otherwise})
        case s.MoveTo():
            document["move_to"] = step.sequence
        case s.ChangeStage():
            document |= {"change_stage": step.stage, "next": step.next}
        case s.Exit():
            document["exit"] = step.reason
        case s.Goal():
            document["goal"] = _short(_match(step.match, step.when))
            document["next"] = "" if step.next == s.END else step.next
        case _:
            assert_never(step)
    passes = 0 if step.passes == s.DEFAULT_PASS_LIMIT else step.passes
    return _short(document | {"passes": passes})


def _trigger(trigger: s.Trigger) -> Document:
    return _short(
        {
            "event": trigger.event,
            "where": _where(trigger.where),
            "key": trigger.key,
            "cancel": list(trigger.cancel),
        }
    )


def _match(match: s.Match | None, when: Condition | None) -> Document:
    document: Document = {}
    if match is not None:
        document |= {"event": match.event, "of": match.of, "where": _where(match.where)}
    if when is not None:
        document["when"] = condition_document(when)
    return document


def _pause(step: s.Wait) -> object:
    if not step.days and step.at is None:
        return format_duration(step.duration)
    at = "" if step.at is None else _clock(step.at)
    until = _short({"days": _days(step.days), "at": at})
    return _short({"for": format_duration(step.duration) if step.duration else "", "until": until})


def _days(days: frozenset[int]) -> list[str]:
    return [DAYS[day - 1] for day in sorted(days)]


def _clock(clock: time) -> str:
    return f"{clock:%H:%M}"


def _where(where: Mapping[str, Value]) -> Document:
    return {name: _plain(value) for name, value in sorted(where.items())}


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def _short(document: Document) -> Document:
    """Return the document without what says nothing: empty texts, lists and groups, and zeros."""
    return {
        key: value
        for key, value in document.items()
        if not (value is None or value in ("", [], {}) or (value == 0 and value is not False))
    }
