"""Cells as values: numbers, dates, lists, languages and zones as people in two countries write."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from math import isfinite
from zoneinfo import available_timezones

from nurture.domain.contact import Value
from nurture.domain.text import fold

_ABSENT = frozenset({"", "n/a", "#n/a", "null", "none", "-", "--"})

_LANGUAGES: Mapping[str, str] = {
    **dict.fromkeys(
        ("vi", "vie", "vn", "vietnamese", "tieng viet", "viet", "viet nam", "vietnam"), "vi"
    ),
    **dict.fromkeys(("en", "eng", "english", "tieng anh", "anh"), "en"),
}
_TRUE = frozenset({
    "yes", "y", "true", "1", "x", "co", "dung", "ok", "dong y", "da dong y", "granted", "opt in",
    "opted in", "subscribed", "agreed",
})  # fmt: skip
_FALSE = frozenset({
    "no", "n", "false", "0", "khong", "sai", "khong dong y", "chua", "chua dong y", "tu choi",
    "denied", "opt out", "opted out", "unsubscribed", "not subscribed",
})  # fmt: skip

_PLAIN = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_GROUPED = re.compile(r"([+-]?[0-9]{1,3}(?:([.,])[0-9]{3})(?:\2[0-9]{3})*)(?:[.,]([0-9]+))?")
_DAYS = (
    re.compile(r"(?P<year>[0-9]{4})[-/.](?P<month>[0-9]{1,2})[-/.](?P<day>[0-9]{1,2})"),
    re.compile(r"(?P<day>[0-9]{1,2})[-/.](?P<month>[0-9]{1,2})[-/.](?P<year>[0-9]{4})"),
)
_OFFSET = re.compile(r"(?:utc|gmt)? ?([+-])0?([0-9]|1[0-4])(?::?00)?")
_PARTS = re.compile(r"[;,|\n]")


def clean(cell: str) -> str:
    """Return a cell in NFC without control characters, space around it, and words for nothing.

    Windows-1258 gives letters and marks apart; only NFC makes "Nguyễn" equal to itself. Databases
    refuse NUL, and emails have no use for any other control character but a line break.
    """
    if not cell.isascii():
        cell = unicodedata.normalize("NFC", cell)
    if not cell.isprintable():
        cell = "".join(
            sign
            for sign in cell
            if sign in "\n\t" or unicodedata.category(sign) not in {"Cc", "Cs"}
        )
    cell = cell.strip()
    return "" if cell.casefold() in _ABSENT else cell


def language_of(text: str) -> str:
    """Return "vi" or "en" for "vi-VN", "Tiếng Việt", "English (UK)"; nothing for another."""
    words = fold(text).replace("_", "-").split("(")[0].strip()
    return _LANGUAGES.get(words) or _LANGUAGES.get(words.split("-")[0].strip(), "")


def zone_of(text: str) -> str:
    """Return the IANA name of a zone written in any case, or of UTC+7; nothing for another."""
    found = _zones().get(text.casefold().replace(" ", "_"))
    if found:
        return found
    offset = _OFFSET.fullmatch(text.casefold().strip().removeprefix("(").removesuffix(")"))
    if offset is None:
        return ""
    # POSIX counts westwards, so the zone seven hours before UTC is called Etc/GMT-7.
    sign = "-" if offset[1] == "+" else "+"
    return _zones().get(f"etc/gmt{sign}{offset[2]}", "")


@cache
def _zones() -> Mapping[str, str]:
    return {name.casefold(): name for name in available_timezones()}


def truth_of(text: str) -> bool | None:
    """Return whether a cell says yes; None when it says neither yes nor no."""
    words = " ".join(fold(text).replace("-", " ").split())
    return True if words in _TRUE else False if words in _FALSE else None


def number_of(text: str) -> int | float | None:
    """Return a number written with point or comma; None when it is none.

    Several groups of three digits are thousands: "1.234.567" and "1,234". One group behind a
    point is a fraction, "1.234", because that is how programs write it.
    """
    bare = re.sub(r"[\s\u00a0_]", "", text)
    grouped = _GROUPED.fullmatch(bare)
    if grouped and (grouped[2] == "," or bare.count(".") > 1 or grouped[3]):
        whole = grouped[1].replace(grouped[2], "")
        bare = f"{whole}.{grouped[3]}" if grouped[3] else whole
    elif not _PLAIN.fullmatch(bare):
        return None
    number = float(bare.replace(",", "."))
    if not isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 1 << 53 else number


def date_of(text: str) -> str:
    """Return a date or a moment in ISO 8601; nothing when it is none.

    The day stands before the month, as in Vietnam: 05/06/2026 is the fifth of June.
    """
    for pattern in _DAYS:
        if found := pattern.fullmatch(text):
            parts = {name: int(value) for name, value in found.groupdict().items()}
            try:
                return datetime(**parts).date().isoformat()  # type: ignore[arg-type] # noqa: DTZ001
            except ValueError:
                return ""
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def list_of(text: str) -> tuple[str, ...]:
    """Return the entries between semicolons, commas, bars or line breaks, each once."""
    entries = (" ".join(entry.split()) for entry in _PARTS.split(text))
    return tuple(dict.fromkeys(entry for entry in entries if entry))


def typed(text: str, kind: str) -> tuple[Value, str]:
    """Return the value of a declared field and, where the text is none, the code of a remark."""
    match kind:
        case "number":
            number = number_of(text)
            return number, "bad_number" if number is None else ""
        case "date":
            date = date_of(text)
            return date or None, "" if date else "bad_date"
        case "boolean":
            truth = truth_of(text)
            return truth, "bad_boolean" if truth is None else ""
        case "list":
            return list_of(text), ""
        case _:
            return text, ""


def split_name(full: str, language: str) -> tuple[str, str]:
    """Return (first name, last name): the given name comes last in Vietnamese, else first."""
    words = full.split()
    if len(words) < 2:
        return full.strip(), ""
    if language == "vi":
        return words[-1], " ".join(words[:-1])
    return words[0], " ".join(words[1:])
