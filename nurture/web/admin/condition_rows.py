"""Conditions as people edit them: rows of subject, relation and value, or the text of a file.

A document that rows cannot say exactly is edited as text, so that nothing is ever simplified
behind somebody's back. Text that is no condition stays as it is and is shown with its fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from nurture.campaigns.conditions import FACTS
from nurture.campaigns.yaml_text import load
from nurture.campaigns.yaml_writing import dump
from nurture.errors import Problem
from nurture.web.admin.condition_values import (
    scalar,
    shown,
    span,
    wanted_from,
    written_wanted,
)

_LISTS: Final = frozenset({"all", "any"})
GROUPS: Final = ("any", "all", "none")
NAMED: Final = ("field", "bant")
NUMBERS: Final = ("at_least", "at_most", "above", "below")
PLAIN: Final = ("is", "contains", "matches", *NUMBERS, "after", "before", "within_last", "in_next")
# The relations whose value is a time.
SPANS: Final = ("within", "not_within", "within_last", "in_next")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: `subject` as `field.city`, `did.click` or `stage`; all three are texts.

    `where` are names and values that an event's properties must have: `("plan", "pro, team")`.
    """

    subject: str = ""
    relation: str = "is"
    value: str = ""
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that count as one part of a condition. `mode` is all, any or none (of them)."""

    mode: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """A condition in its editor. `mode` is none, all, any or text; `text` is its YAML."""

    mode: str = "none"
    rows: tuple[Row | Group, ...] = ()
    text: str = ""


def editor_of(condition: object) -> Edited:
    """Return what the editor shows for a condition's document; None is no condition."""
    if condition is None or condition == {}:
        return Edited()
    if not isinstance(condition, Mapping):
        return Edited("text", (), condition if isinstance(condition, str) else repr(condition))
    text = written(condition)
    for mode in ("all", "any"):
        if set(condition) == {mode} and isinstance(condition[mode], Sequence):
            rows = [row_of(part) or group_of(part) for part in condition[mode]]
            if len(rows) > 1 and all(rows):
                return Edited(mode, tuple(row for row in rows if row), text)
    row = row_of(condition)
    return Edited("all", (row,), text) if row else Edited("text", (), text)


def written(condition: Mapping[str, Any]) -> str:
    """Return a condition as the text of a file, its parts on lines of their own."""
    # The writer sets such items apart by empty lines, which a page of its own wants, not a field.
    return dump(condition, blocks=_LISTS).replace("\n\n", "\n").strip("\n")


def condition_of(edited: Edited) -> object:
    """Return the document that an editor holds: None for none, the raw text when it is no YAML."""
    if edited.mode == "none":
        return None
    if edited.mode == "text":
        return condition_from_text(edited.text)
    parts = [_document(one) for one in edited.rows if isinstance(one, Group) or one.subject]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {edited.mode: parts}


def condition_from_text(text: str) -> object:
    """Return the condition written in `text`, or `text` itself when it cannot be read."""
    if not text.strip():
        return None
    loaded = load(text, "")
    return loaded.document if isinstance(loaded.document, dict) and not loaded.problems else text


def text_problems(condition: object) -> tuple[Problem, ...]:
    """Return why a condition that was kept as raw text could not be read as YAML."""
    return load(condition, "").problems if isinstance(condition, str) else ()


def row_of(part: object) -> Row | None:
    """Return the row that says exactly what `part` says, None when no row does."""
    if not isinstance(part, Mapping):
        return None
    found = _row(part)
    return found if found is not None and part_of(found) == part else None


def group_of(part: object) -> Group | None:
    """Return the group of rows that says exactly what `part` says, None when none does."""
    if not isinstance(part, Mapping) or len(part) != 1:
        return None
    ((mode, parts),) = part.items()
    if mode == "not" and isinstance(parts, Mapping) and set(parts) == {"any"}:
        mode, parts = "none", parts["any"]
    if mode not in GROUPS or not isinstance(parts, list | tuple) or not parts:
        return None
    rows = [row_of(one) for one in parts]
    return Group(mode, tuple(row for row in rows if row)) if all(rows) else None


def _document(one: Row | Group) -> dict[str, Any]:
    if isinstance(one, Row):
        return part_of(one)
    parts = [part_of(row) for row in one.rows]
    return {"not": {"any": parts}} if one.mode == "none" else {one.mode: parts}


def part_of(row: Row) -> dict[str, Any]:
    """Return the document of one row; what cannot be right is kept for the parser to say so."""
    kind, _, name = row.subject.partition(".")
    relation = row.relation
    if kind == "did":
        return _did(name, relation, row.value, row.where)
    if kind == "consent":
        return {"consent": name} | ({"is": False} if relation == "not_given" else {})
    if relation in ("is_not", "not_in"):
        return {"not": part_of(Row(row.subject, "is" if relation == "is_not" else "in", row.value))}
    value: object
    if relation == "in":
        value = [one.strip() for one in row.value.split(",") if one.strip()]
    elif relation in ("exists", "missing"):
        relation, value = "exists", relation == "exists"
    elif relation in ("within_last", "in_next"):
        value = span(row.value)
    else:
        value = scalar(row.value)
    if kind in NAMED:
        return {kind: name, relation: value}
    if kind == "score":
        return {"score": name, relation: value}
    return {kind: value if relation in ("is", "in") else {relation: value}}


def _did(
    event: str, relation: str, value: str, where: tuple[tuple[str, str], ...]
) -> dict[str, Any]:
    if relation in ("never", "not_within"):
        return {"not": _did(event, "ever" if relation == "never" else "within", value, where)}
    found: dict[str, Any] = {"did": event}
    if relation == "within":
        found["within"] = span(value)
    elif relation == "at_least":
        found["at_least"] = scalar(value)
    asked = wanted(where)
    return found | {"where": asked} if asked else found


def wanted(pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return what properties must be; one that is named twice may be any of its values."""
    found: dict[str, Any] = {}
    for name, written in pairs:
        if not name and not written:
            continue
        value = wanted_from(written)
        if name in found:
            value = [*_texts(found[name]), *_texts(value)]
        found[name] = value
    return found


def _texts(value: object) -> list[str]:
    some = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in some]


def _row(part: Mapping[str, Any]) -> Row | None:
    if set(part) == {"not"} and isinstance(part["not"], Mapping):
        inner = _row(part["not"])
        turned = {"is": "is_not", "in": "not_in", "ever": "never", "within": "not_within"}
        if inner is None or inner.relation not in turned:
            return None
        return replace(inner, relation=turned[inner.relation])
    if "did" in part:
        return _done(part)
    if "consent" in part:
        return Row(f"consent.{part['consent']}", "given" if part.get("is", True) else "not_given")
    for kind in ("field", "bant", "score"):
        if kind in part and len(part) == 2:
            (relation,) = set(part) - {kind}
            return _compared(f"{kind}.{part[kind]}", relation, part[relation])
    if len(part) == 1:
        ((kind, against),) = part.items()
        if kind in FACTS:
            return _against(kind, against)
    return None


def _done(part: Mapping[str, Any]) -> Row | None:
    where = part.get("where", {})
    if not isinstance(where, Mapping):
        return None
    said = {name: written_wanted(value) for name, value in where.items()}
    pairs = tuple((name, line) for name, line in said.items() if line is not None)
    if len(pairs) != len(where) or not all(
        isinstance(one, str) and one == shown(one) for one in where
    ):
        return None
    subject = f"did.{part['did']}"
    for relation in ("within", "at_least"):
        if relation in part:
            return Row(subject, relation, str(part[relation]), pairs)
    return Row(subject, "ever", "", pairs)


def _against(kind: str, against: object) -> Row | None:
    if isinstance(against, Mapping):
        if len(against) != 1:
            return None
        ((relation, value),) = against.items()
        return _compared(kind, relation, value)
    return _compared(kind, "in" if isinstance(against, list | tuple) else "is", against)


def _compared(subject: str, relation: str, value: object) -> Row | None:
    if relation == "exists":
        return Row(subject, "exists" if value else "missing")
    if relation == "in" and isinstance(value, list | tuple):
        return Row(subject, "in", ", ".join(str(one) for one in value))
    if relation in PLAIN and isinstance(value, str | int | float | bool):
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        return Row(subject, relation, shown)
    return None
