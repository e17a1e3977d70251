"""Fields of a submitted form as the values of a document, and back, without judging them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby, islice
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from nurture.campaigns.yaml_text import load
from nurture.campaigns.yaml_writing import dump
from nurture.domain.text import fold
from nurture.web.admin.condition_rows import GROUPS, Edited, Group, Row
from nurture.web.admin.condition_values import shown

Form = MultiDict[str, str]
Document = dict[str, Any]

_DURATION: Final = re.compile(r"(.*?)\s*([mhdw])\Z", re.DOTALL)
_NO_KEY: Final = re.compile(r"[^a-z0-9]+")
_COUNT: Final = re.compile(r"[0-9]{1,3}")
LONGEST_KEY: Final = 64


def text(form: Form, name: str) -> str:
    """Return one field without the white space around it, line ends as Unix writes them."""
    return form.get(name, "").replace("\r\n", "\n").strip()


def words(form: Form, name: str, before: object = "") -> str:
    """Return a field of free text; `before` itself, when nobody changed what a field can show.

    A field of one line shows no line breaks and no white space around the text, which a file
    may well have.
    """
    typed = text(form, name)
    if isinstance(before, str) and shown(before) == typed:
        return before
    return typed


def in_both(form: Form, name: str, before: object = "") -> object:
    """Return what two fields say in Vietnamese and English; one text where they say the same.

    A text that stands in one language alone is for both.
    """
    given = before if isinstance(before, Mapping) else {"vi": before, "en": before}
    said = {
        language: words(form, f"{name}.{language}", given.get(language))
        for language in ("vi", "en")
    }
    if all(said.values()) and said["vi"] != said["en"]:
        return said
    return said["en"] or said["vi"]


def with_key(document: Document) -> Document:
    """Return a new document with a key: the one that was typed, else one made of its name."""
    names = document.get("name")
    names = names if isinstance(names, Mapping) else {}
    said = [_NO_KEY.sub("-", fold(str(names.get(one) or ""))) for one in ("en", "vi")]
    made = [one.strip("-")[:LONGEST_KEY].rstrip("-") for one in said]
    return {**document, "key": document.get("key") or made[0] or made[1]}


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
    """Return what a condition's editor holds; each row says in which group it stands, if in any."""
    parts = (form.getlist(f"{name}.{part}") for part in ("subject", "relation", "value"))
    written = [Row(*row) for row in zip(*parts, strict=False)]
    written = _with_properties(form, name, written)
    groups = form.getlist(f"{name}.group")
    inside = groups if len(groups) == len(written) else [""] * len(written)
    rows: list[Row | Group] = []
    for group, some in groupby(zip(inside, written, strict=True), key=lambda one: one[0]):
        chosen = tuple(row for _group, row in some if row.subject)
        mode = form.get(f"{name}.group-{group}", "any")
        if group and chosen:
            rows.append(Group(mode if mode in GROUPS else "any", chosen))
        elif not group:
            rows += chosen
    return Edited(form.get(f"{name}.mode", "none"), tuple(rows), text(form, f"{name}.text"))


def _with_properties(form: Form, name: str, rows: list[Row]) -> list[Row]:
    """Return the rows with what they ask of properties: each row says how many pairs are its."""
    counts = [int(one) if _COUNT.fullmatch(one) else 0 for one in form.getlist(f"{name}.wheres")]
    pairs = zip(form.getlist(f"{name}.property"), form.getlist(f"{name}.wanted"), strict=False)
    typed = iter([(asked.strip(), wanted.strip()) for asked, wanted in pairs])
    if len(counts) != len(rows):
        return rows
    found = [tuple(islice(typed, count)) for count in counts]
    return [
        replace(row, where=tuple(pair for pair in some if any(pair)))
        for row, some in zip(rows, found, strict=True)
    ]


def given(form: Form, names: Iterable[str]) -> Document:
    """Return the fields among `names` that hold something."""
    return {name: text(form, name) for name in names if text(form, name)}


def short(document: Mapping[str, Any]) -> Document:
    """Return the document without what says nothing."""
    return {name: value for name, value in document.items() if value not in ("", [], {}, None)}


def part(document: object, *names: str | int) -> Any:
    """Return the part of a document that may be unfinished; None where there is none."""
    for name in names:
        if isinstance(document, Mapping):
            document = document.get(name)
        elif isinstance(document, list) and isinstance(name, int) and name < len(document):
            document = document[name]
        else:
            return None
    return document


def numbered(form: Form, name: str) -> list[tuple[int, str]]:
    """Return the parts of a list in a form, in their order: where each stood, and its prefix."""
    return [(int(one), f"{name}-{one}") for one in form.getlist(name) if one.isdigit()]
