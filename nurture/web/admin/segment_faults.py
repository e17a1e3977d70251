"""What is wrong with a segment's draft, with the line of its text where it is written as text."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nurture.campaigns.yaml_text import load, written_place
from nurture.errors import Problem
from nurture.web.admin.condition_rows import editor_of
from nurture.web.admin.sequence_desk import Faults, within
from nurture.web.i18n import gettext as _
from nurture.web.problem_words import tell

_PLACE = "when"


def located(document: Mapping[str, Any], problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return the problems, those of a condition written as text with their lines in it.

    Text that is no YAML has its own problems in place of the one that it is no condition.
    """
    when = document.get(_PLACE)
    edited = editor_of(when)
    if edited.mode != "text":
        return problems
    read = load(edited.text, "")
    lines = {written_place((_PLACE, *place)): line for place, line in read.lines.items()}
    found: list[Problem] = []
    for one in problems:
        if not within(one.field, _PLACE):
            found.append(one)
        elif isinstance(when, str) and read.problems:
            found += (replace(unread, field=_PLACE) for unread in read.problems)
        else:
            found.append(replace(one, line=_line(one.field, lines)))
    return tuple(dict.fromkeys(found))


def condition_error(document: Mapping[str, Any], faults: Faults) -> str:
    """What is wrong with the condition, in words; empty when nothing is."""
    if document.get(_PLACE) is None:
        return _("Say who is in it: choose at least one thing to look at.")
    found = [one for one in faults.problems if within(one.field, _PLACE)]
    told = [
        _("Line %(line)s: %(told)s", line=one.line, told=tell(one)) if one.line else tell(one)
        for one in found
    ]
    return " ".join(dict.fromkeys(told))


def _line(field: str, lines: Mapping[str, int]) -> int:
    """Return the line of a place, or of the nearest one around it; 1 where nothing is known."""
    while field:
        if field in lines:
            return lines[field]
        field = field[: max(field.rfind("."), field.rfind("["), 0)]
    return 1
