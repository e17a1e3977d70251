"""The settings of a draft: a submitted form to a document, without judging what stands in it."""

from typing import Any

from nurture.web.admin.condition_rows import condition_of
from nurture.web.admin.condition_values import scalar
from nurture.web.admin.sequence_fields import (
    Document,
    Form,
    duration,
    editor,
    in_both,
    listed,
    mapping,
    numbered,
    part,
    short,
    text,
    words,
)

# What says nothing, because it is so anyway.
USUAL = {
    "reentry": "never", "returning": "skip", "track": "default", "while_active": "ignore",
}  # fmt: skip


def settings_from(form: Form, before: Document) -> Document:
    """Return `before` with the settings of a form; its steps stay as they are."""
    after: Document = {
        "key": text(form, "key") or before.get("key", ""),
        "name": {
            language: words(form, f"name.{language}", part(before, "name", language))
            for language in ("vi", "en")
        },
    }
    if text(form, "way") == "trigger":
        after["trigger"] = _trigger(form, before)
    else:
        after["stage"] = text(form, "stage")
    again = text(form, "reentry")
    more = {
        "track": _asked(form, "track", before),
        "priority": scalar(text(form, "priority")) or "",
        "entry": condition_of(editor(form, "entry")),
        "exits": _exits(form, before),
        "reentry": {"after": duration(form, "after")} if again == "after" else again,
        "returning": _asked(form, "returning", before),
        "window": _window(form),
        "spread": duration(form, "spread"),
        "notes": mapping(text(form, "notes")) if "notes" in form else before.get("notes"),
    }
    after |= short(_unusual(more))
    return after | {name: before[name] for name in ("steps",) if name in before}


def _asked(form: Form, name: str, before: Document) -> object:
    return text(form, name) if name in form else before.get(name, "")


def _unusual(document: Document) -> Document:
    return {name: one for name, one in document.items() if one != USUAL.get(name, "")}


def _trigger(form: Form, before: Document) -> Document:
    return short(
        _unusual(
            {
                "event": text(form, "trigger.event"),
                "where": mapping(text(form, "trigger.where")),
                "key": words(form, "trigger.key", part(before, "trigger", "key")),
                "cancel": listed(text(form, "trigger.cancel")),
                "while_active": text(form, "trigger.while_active"),
            }
        )
    )


def _exits(form: Form, before: Document) -> list[Document]:
    found: list[dict[str, Any]] = [
        {
            "reason": in_both(form, f"{prefix}.reason", part(before, "exits", number, "reason")),
            "when": condition_of(editor(form, prefix)),
        }
        for number, prefix in numbered(form, "exit")
    ]
    # An empty line of the form is nobody's rule.
    return [one for one in found if one["reason"] or one["when"] is not None]


def _window(form: Form) -> Document:
    if text(form, "window") != "own":
        return {}
    days = form.getlist("window.days")
    chosen = {} if len(days) == 7 else {"days": days}
    return {**chosen, "from": text(form, "window.from"), "to": text(form, "window.to")}
