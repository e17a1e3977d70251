"""Reading fields of a webhook's JSON that anybody may have written: never an exception."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def text_of(record: Mapping[str, Any], name: str) -> str:
    """The text of a field; empty when it is missing or no text.

    Databases refuse NUL in a text, and half a surrogate pair cannot be written as UTF-8.
    """
    value = record.get(name)
    if not isinstance(value, str):
        return ""
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def moment_of(value: object) -> datetime | None:
    """An ISO 8601 moment in UTC, with any number of digits; one without an offset is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def number_of(value: object) -> int | None:
    """A positive number that fits a database's 64 bits, written as a number or as digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63:
        return value
    return None
