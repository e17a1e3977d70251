"""Values as people type them in one field: texts, numbers, times, and what properties must be."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from nurture.campaigns.yaml_text import load
from nurture.campaigns.yaml_writing import dump
from nurture.web.i18n import ngettext

# What people type for a time, in either language, and the letter that files have for it.
_UNITS: Final[Mapping[str, str]] = {
    "phút": "m", "minute": "m", "minutes": "m", "giờ": "h", "hour": "h", "hours": "h",
    "ngày": "d", "day": "d", "days": "d", "tuần": "w", "week": "w", "weeks": "w",
}  # fmt: skip
_TYPED: Final = re.compile(r"(\d+)\s*([^\W\d_]+)")
_WRITTEN: Final = re.compile(r"(\d+)([mhdw])")
_BREAKS: Final = re.compile(r"[\r\n]")


def span(typed: str) -> str:
    """Return a time as files write it: `30d` for "30 days" or "30 ngày"; else what was typed."""
    found = _TYPED.fullmatch(unicodedata.normalize("NFC", typed.strip().casefold()))
    unit = _UNITS.get(found[2]) if found else None
    return f"{found[1]}{unit}" if found and unit else typed.strip()


def written_span(written: str) -> str:
    """Return what `span` reads as `written`, in the words of the page: "30 ngày" for `30d`."""
    found = _WRITTEN.fullmatch(written)
    if found is None:
        return written
    number = int(found[1])
    match found[2]:
        case "m":
            said = ngettext("%(num)s minute", "%(num)s minutes", number, num=found[1])
        case "h":
            said = ngettext("%(num)s hour", "%(num)s hours", number, num=found[1])
        case "d":
            said = ngettext("%(num)s day", "%(num)s days", number, num=found[1])
        case _:
            said = ngettext("%(num)s week", "%(num)s weeks", number, num=found[1])
    return said if span(said) == written else written


def scalar(text: str) -> object:
    """Return a value as a file would read it: a number or a truth value where it looks like one."""
    found = load(text.strip(), "").document if text.strip() else ""
    return found if isinstance(found, int | float | bool) else text.strip()


def value_from(written: str) -> object:
    """Return one value as a file would read it: text in quotes is text, 12 is a number."""
    if not written.startswith('"'):
        return scalar(written)
    loaded = load(f"value: {written}", "")
    found = loaded.document.get("value") if isinstance(loaded.document, dict) else None
    return found if isinstance(found, str) and not loaded.problems else written


def written_value(value: object) -> str:
    """Return what `value_from` reads as `value`: the text itself wherever that can be."""
    if isinstance(value, str):
        plain = value_from(value)
        if isinstance(plain, str) and plain == value == shown(value):
            return value
        return _quoted(value)
    return "" if value is None else dump({"value": value}).removeprefix("value: ").rstrip("\n")


def wanted_from(written: str) -> object:
    """Return what a property must be: one value, or a list of the texts between commas."""
    if written.startswith('"') or "," not in written:
        return value_from(written.strip())
    return [one.strip() for one in written.split(",") if one.strip()]


def written_wanted(value: object) -> str | None:
    """Return what `wanted_from` reads as `value`, None where one field cannot say it."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        line = ", ".join(str(one) for one in value)
    elif isinstance(value, str) and "," in value:
        line = _quoted(value)
    else:
        line = written_value(value)
    found: Any = wanted_from(line)
    same = found == value and isinstance(found, bool) is isinstance(value, bool)
    return line if same and line == shown(line) else None


def shown(written: str) -> str:
    """Return what a field of one line shows of a text."""
    return _BREAKS.sub("", written).replace("\0", "\ufffd").strip()


def _quoted(text: str) -> str:
    # A list is never quoted; the mark makes the writer quote the text as a whole.
    quoted = dump({"value": f"\n{text}"}).removeprefix("value: ").rstrip("\n")
    return quoted.replace("\\n", "", 1)
