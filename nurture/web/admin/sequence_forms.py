"""The forms of a draft's steps: a submitted form to a document, without judging what stands in it.

Whatever was typed comes into the document as it was typed, so that a draft can be saved in any
state and the form shows it again; saying what is wrong is left to the one parser. What a file
can say and a form was not asked to change comes back as it was.
"""

from collections.abc import Mapping
from typing import Any, Final

from nurture.domain.sequence import END
from nurture.web.admin.condition_rows import condition_of
from nurture.web.admin.condition_values import scalar, value_from
from nurture.web.admin.sequence_fields import (
    Document,
    Form,
    duration,
    editor,
    given,
    in_both,
    listed,
    mapping,
    numbered,
    part,
    short,
    text,
    words,
)

KINDS: Final = (
    "email", "wait", "wait_until", "wait_for", "branch", "split", "update", "notify", "webhook",
    "change_stage", "move_to", "enter", "leave", "goal", "exit",
)  # fmt: skip
# The kinds as people look for them: what is sent, when, for whom, and what else is done.
KIND_GROUPS: Final = (
    ("email", "wait", "wait_until", "wait_for"),
    ("branch", "split", "goal", "exit"),
    ("change_stage", "move_to", "enter", "leave"),
    ("update", "notify", "webhook"),
)
# The kinds whose way on is written beside them; all others name their ways inside, or end.
LEADING: Final = frozenset(KINDS) - {"wait_for", "branch", "split", "move_to", "exit"}
TARGETS: Final = ("yes", "no", "unknowable", "next", "to", "else", "past", "missing")
LETTERS: Final = ("budget", "authority", "need", "timing")
# What is no step's key, though it may be spelled like one.
_NOT_PATHS: Final = ("when", "where", "notify", "update", "webhook")


def kind_of(step: object) -> str:
    """Return what a step does, by its word in a file; "email" when it does nothing yet."""
    found = (kind for kind in KINDS if isinstance(step, dict) and kind in step)
    return next(found, "email")


def blank(kind: str, key: str) -> Document:
    """Return a new step to fill in."""
    content: dict[str, object] = {
        "wait": "2d",
        "wait_until": {"field": ""},
        "wait_for": {"event": "click", "within": "3d"},
        "branch": {"cases": [{"when": None}]},
        "split": {"arms": [{"key": "a"}, {"key": "b"}]},
        "update": {},
        "notify": {"to": "owner", "email": ""},
        "webhook": {"endpoint": "", "event": ""},
        "goal": {"event": "purchase"},
    }
    return {"key": key, kind: content.get(kind, "")}


def step_from(form: Form, kind: str, before: Mapping[str, Any] | None = None) -> Document:
    """Return the step that a form describes; `before` is the step that the form was made of."""
    was = before or {}
    step: Document = {"key": text(form, "key")}
    match kind:
        case "email":
            step["email"] = text(form, "email")
            if (topic := text(form, "topic")) and topic != "marketing":
                step["topic"] = topic
        case "wait":
            step["wait"] = _pause(form)
        case "exit":
            step["exit"] = in_both(form, "exit", was.get("exit"))
        case "change_stage" | "move_to" | "enter" | "leave":
            step[kind] = text(form, kind)
        case _:
            step[kind] = _group(form, kind, was)
    following = text(form, "next")
    # A goal is where a sequence ends, unless it says otherwise.
    if following and (kind, following) != ("goal", END):
        step["next"] = following
    passes = text(form, "passes")
    if passes not in ("", "1"):
        step["passes"] = scalar(passes)
    return step


def rename(document: Document, old: str, new: str) -> Document:
    """Return the document with every path and answer that names the step `old` naming `new`."""
    if not old or old == new:
        return document
    return {**document, "steps": [_renamed(step, old, new) for step in document.get("steps", [])]}


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {
            name: new
            if one == old and name in (*TARGETS, "of")
            else (_renamed(one, old, new) if name not in _NOT_PATHS else one)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [_renamed(one, old, new) for one in value]
    return value


def _group(form: Form, kind: str, was: Mapping[str, Any]) -> Document:
    match kind:
        case "wait_until":
            return _date(form, part(was, "wait_until", "property"))
        case "wait_for":
            paths = given(form, ("yes", "no", "unknowable"))
            return {**_match(form), "within": duration(form, "within"), **paths}
        case "branch":
            return {"cases": _cases(form), **given(form, ("else", "unknowable"))}
        case "split":
            return short(
                {
                    "experiment": text(form, "experiment"),
                    "arms": _arms(form),
                    "measure": _measure(form),
                }
            )
        case "update":
            return _changes(form)
        case "notify":
            owner = text(form, "whom") != "address"
            return {"to": "owner" if owner else text(form, "to"), "email": text(form, "email")}
        case "webhook":
            told = {"endpoint": text(form, "endpoint"), "event": text(form, "event")}
            return {**told, **short({"fields": form.getlist("fields")})}
        case _:
            return {**_match(form), **short({"within": duration(form, "within")})}


def _pause(form: Form) -> object:
    days = form.getlist("days")
    until = short({"days": days, "at": text(form, "at")})
    waits = duration(form, "wait")
    return short({"for": waits, "until": until}) if until else waits


def _date(form: Form, was: object) -> Document:
    if text(form, "dated") == "property":
        named = {"property": words(form, "property", was)}
    else:
        named = {"field": text(form, "field")}
    side = text(form, "side")
    offset = {side: duration(form, "offset")} if side in ("before", "after") else {}
    # How long is asked for where somebody said before or after: nothing is not "on the date".
    return {**named, **offset, **given(form, ("at", *_DATE_PATHS))}


_DATE_PATHS: Final = ("past", "missing")


def _match(form: Form) -> Document:
    what = text(form, "what")
    found: Document = {}
    if what != "when":
        found["event"] = text(form, "event")
        found |= short({"of": text(form, "of"), "where": mapping(text(form, "where"))})
    if what in ("when", "either"):
        found["when"] = condition_of(editor(form, "when"))
    return found


def _cases(form: Form) -> list[Document]:
    return [
        {"when": condition_of(editor(form, prefix)), **given_as(form, prefix, "to")}
        for _number, prefix in numbered(form, "case")
    ]


def _arms(form: Form) -> list[Document]:
    held = form.get("hold_out", "")
    return [
        {
            "key": text(form, f"{prefix}.key"),
            **short({"weight": _weight(text(form, f"{prefix}.weight"))}),
            **given_as(form, prefix, "to"),
            **({"hold_out": True} if held == str(number) else {}),
        }
        for number, prefix in numbered(form, "arm")
    ]


def given_as(form: Form, prefix: str, name: str) -> Document:
    """Return one field of a numbered part under its own name, if it holds something."""
    value = text(form, f"{prefix}.{name}")
    return {name: value} if value else {}


def _weight(written: str) -> object:
    return "" if written in ("", "1") else scalar(written)


def _measure(form: Form) -> Document:
    if text(form, "measured") != "yes":
        return {}
    typed = {name: text(form, f"measure.{name}") for name in ("event", "minimum", "confidence")}
    return {
        "event": typed["event"],
        **short(
            {
                "where": mapping(text(form, "measure.where")),
                "within": _unless(duration(form, "measure.within"), "7d"),
                "minimum": _unless(scalar(typed["minimum"]), 200),
                "confidence": _unless(scalar(typed["confidence"]), 0.95),
                "stop": duration(form, "measure.stop"),
            }
        ),
    }


def _unless(value: object, usual: object) -> object:
    # 7d and 1w are the same week, and files say 1w.
    return "" if value == usual or (value, usual) == ("1w", "7d") else value


def _changes(form: Form) -> Document:
    names, values = form.getlist("set.name"), form.getlist("set.value")
    fields = {name: value_from(one) for name, one in zip(names, values, strict=False) if name}
    return short(
        {
            "set": fields,
            "clear": form.getlist("clear"),
            "tag": listed(text(form, "tag")),
            "untag": listed(text(form, "untag")),
            "bant": {name: text(form, f"bant.{name}") for name in _letters(form)},
        }
    )


def _letters(form: Form) -> list[str]:
    # In the order in which the file has them, which the form shows first.
    asked = [name for name in form.getlist("letter") if name in LETTERS]
    return [name for name in asked or LETTERS if text(form, f"bant.{name}")]
