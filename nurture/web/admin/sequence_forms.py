"""The forms of a draft: a submitted form to a document, without judging what stands in it.

Whatever was typed comes into the document as it was typed, so that a draft can be saved in any
state and the form shows it again; saying what is wrong is left to the one parser.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from nurture.campaigns.yaml_text import load
from nurture.campaigns.yaml_writing import dump
from nurture.web.admin.condition_rows import Edited, Row, condition_of, scalar

Form = MultiDict[str, str]
Document = dict[str, Any]

KINDS: Final = (
    "email", "wait", "wait_for", "branch", "change_stage", "move_to", "goal", "exit",
)  # fmt: skip
TARGETS: Final = ("yes", "no", "unknowable", "next", "to", "else")
_DURATION: Final = re.compile(r"(.*?)\s*([mhdw])\Z", re.DOTALL)


def kind_of(step: object) -> str:
    """Return what a step does, by its word in a file; "email" when it does nothing yet."""
    found = (kind for kind in KINDS if isinstance(step, dict) and kind in step)
    return next(found, "email")


def blank(kind: str, key: str) -> Document:
    """Return a new step to fill in."""
    content: dict[str, object] = {
        "email": "", "wait": "2d", "wait_for": {"event": "click", "within": "3d"},
        "branch": {"cases": [{"when": None, "to": ""}]}, "change_stage": "", "move_to": "",
        "goal": {"event": "purchase"}, "exit": "",
    }  # fmt: skip
    return {"key": key, kind: content[kind]}


def step_from(form: Form, kind: str) -> Document:
    """Return the step that a form describes."""
    step: Document = {"key": text(form, "key")}
    match kind:
        case "email":
            step["email"] = text(form, "email")
            if (topic := text(form, "topic")) and topic != "marketing":
                step["topic"] = topic
        case "wait":
            step["wait"] = _pause(form)
        case "wait_for":
            step["wait_for"] = {
                **_match(form), "within": duration(form, "within"),
                **_given(form, ("yes", "no", "unknowable")),
            }  # fmt: skip
        case "branch":
            step["branch"] = {"cases": _cases(form), **_given(form, ("else",))}
        case "goal":
            step["goal"] = _match(form)
        case _:
            step[kind] = text(form, kind)
    step |= _given(form, ("next",))
    passes = text(form, "passes")
    if passes not in ("", "1"):
        step["passes"] = scalar(passes)
    return step


def settings_from(form: Form, before: Document) -> Document:
    """Return `before` with the settings of a form; its steps and notes stay as they are."""
    after: Document = {
        "key": text(form, "key") or before.get("key", ""),
        "name": {language: text(form, f"name.{language}") for language in ("vi", "en")},
    }
    if text(form, "way") == "trigger":
        after["trigger"] = _short(
            {
                "event": text(form, "trigger.event"),
                "where": mapping(text(form, "trigger.where")),
                "key": text(form, "trigger.key"),
                "cancel": listed(text(form, "trigger.cancel")),
            }
        )
    else:
        after["stage"] = text(form, "stage")
        if before.get("track"):
            after["track"] = before["track"]
    again = text(form, "reentry")
    after |= _short(
        {
            "priority": scalar(text(form, "priority")) or "",
            "entry": condition_of(editor(form, "entry")),
            "exits": _exits(form),
            "reentry": {"after": duration(form, "after")} if again == "after" else again,
            "window": _window(form),
            "spread": duration(form, "spread"),
        }
    )
    if after.get("reentry") == "never":
        del after["reentry"]
    return after | {name: before[name] for name in ("notes", "steps") if name in before}


def text(form: Form, name: str) -> str:
    """Return one field without the white space around it, line ends as Unix writes them."""
    return form.get(name, "").replace("\r\n", "\n").strip()


def duration(form: Form, name: str) -> str:
    """Return a duration as files write it, from its two fields; empty when nothing was typed."""
    amount = text(form, f"{name}.amount")
    return f"{amount}{text(form, f'{name}.unit') or 'd'}" if amount else ""


def split_duration(written: object) -> tuple[str, str]:
    """Return the two fields of a duration; days when it names no unit."""
    found = _DURATION.fullmatch(written) if isinstance(written, str) else None
    return (found[1], found[2]) if found else (str(written or ""), "d")


def listed(written: str) -> list[str]:
    """Return the words between commas."""
    return [word.strip() for word in written.split(",") if word.strip()]


def mapping(written: str) -> object:
    """Return `name: value` lines as a group; the text itself when it cannot be read."""
    if not written.strip():
        return {}
    loaded = load(written, "")
    return loaded.document if isinstance(loaded.document, dict) and not loaded.problems else written


def written_mapping(value: object) -> str:
    """Return the lines that `mapping` reads as `value`."""
    if isinstance(value, dict):
        return dump(value).rstrip("\n") if value else ""
    return str(value or "")


def editor(form: Form, name: str) -> Edited:
    """Return what a condition's editor holds."""
    parts = (form.getlist(f"{name}.{part}") for part in ("subject", "relation", "value"))
    rows = tuple(Row(*row) for row in zip(*parts, strict=False) if row[0])
    return Edited(form.get(f"{name}.mode", "none"), rows, text(form, f"{name}.text"))


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
            else (_renamed(one, old, new) if name not in ("when", "where") else one)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [_renamed(one, old, new) for one in value]
    return value


def _pause(form: Form) -> object:
    days = form.getlist("days")
    until = _short({"days": days, "at": text(form, "at")})
    waits = duration(form, "wait")
    return _short({"for": waits, "until": until}) if until else waits


def _match(form: Form) -> Document:
    if text(form, "what") == "when":
        return {"when": condition_of(editor(form, "when"))}
    return {
        "event": text(form, "event"),
        **_short({"of": text(form, "of"), "where": mapping(text(form, "where"))}),
    }


def _given(form: Form, names: Iterable[str]) -> Document:
    return {name: text(form, name) for name in names if text(form, name)}


def _cases(form: Form) -> list[Document]:
    numbers = form.getlist("case")
    return [
        {"when": condition_of(editor(form, f"case-{one}")), "to": text(form, f"case-{one}.to")}
        for one in numbers
    ]


def _exits(form: Form) -> list[Document]:
    found = [
        {
            "reason": text(form, f"exit-{one}.reason"),
            "when": condition_of(editor(form, f"exit-{one}")),
        }
        for one in form.getlist("exit")
    ]
    # An empty line of the form is nobody's rule.
    return [one for one in found if one["reason"] or one["when"] is not None]


def _window(form: Form) -> Document:
    if text(form, "window") != "own":
        return {}
    days = form.getlist("window.days")
    chosen = {} if len(days) == 7 else {"days": days}
    return {**chosen, "from": text(form, "window.from"), "to": text(form, "window.to")}


def _short(document: Document) -> Document:
    return {name: value for name, value in document.items() if value not in ("", [], {}, None)}
