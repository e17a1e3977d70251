"""Durations as marketers write them: 30m, 12h, 3d, 2w."""

import re
from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WRITTEN = re.compile(r"(\d{1,5})\s*([mhdw])")


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` names: a whole number and m, h, d or w.

    Raises ValueError with the accepted forms when the text is something else.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write 30m, 12h, 3d or 2w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def format_duration(duration: timedelta) -> str:
    """Return the shortest written form; the inverse of `parse_duration`."""
    minutes = int(duration.total_seconds()) // 60
    for letter, size in (("w", 10080), ("d", 1440), ("h", 60)):
        if minutes and minutes % size == 0:
            return f"{minutes // size}{letter}"
    return f"{minutes}m"
