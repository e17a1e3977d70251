"""Conditions back to documents, as short as can be."""

from collections.abc import Mapping
from typing import Any, assert_never

from nurture.domain import conditions as c
from nurture.domain.comparing import span
from nurture.domain.conditions import Compare, Condition, Did, Op
from nurture.domain.contact import Value
from nurture.domain.durations import format_duration

Document = dict[str, Any]


def condition_document(condition: Condition) -> Document:
    """Return a condition as it is written in a file."""
    match condition:
        case c.All(parts):
            return {"all": [condition_document(part) for part in parts]}
        case c.Any(parts):
            return {"any": [condition_document(part) for part in parts]}
        case c.Not(part):
            return {"not": condition_document(part)}
        case Did(event, at_least, within, where, at_most):
            # `at_most: 0` says much, unlike other zeros.
            most = {} if at_most is None else {"at_most": at_most}
            usual = 1 if at_most is None else 0
            least = {} if at_least == usual else {"at_least": at_least}
            rest = {
                "within": "" if within is None else format_duration(within),
                "where": where_document(where),
            }
            return {"did": event, **least, **most, **short(rest)}
        case Compare():
            return _compare(condition)
        case _:
            assert_never(condition)


def _compare(compare: Compare) -> Document:
    kind, name, op = compare.subject.kind, compare.subject.name, compare.op
    value = _plain(compare.value)
    length = span(compare.value)
    if op in (Op.WITHIN_LAST, Op.IN_NEXT) and length is not None:
        value = format_duration(length)
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


def where_document(where: Mapping[str, Value]) -> Document:
    """Return wanted properties as they are written in a file, by their names."""
    return {name: _plain(value) for name, value in sorted(where.items())}


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def short(document: Document) -> Document:
    """Return the document without what says nothing: empty texts, lists and groups, and zeros."""
    return {
        key: value
        for key, value in document.items()
        if not (value is None or value in ("", [], {}) or (value == 0 and value is not False))
    }
