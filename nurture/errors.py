"""The tree of errors, named by what the caller should do about them.

Vendor exceptions are mapped onto these once, at the edge where they appear; everything above
catches one of the classes here. This module imports nothing of ours, so every room may use it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with some input, and what to do about it.

    Prints as `file:line: field: message. remedy`; parts that are not known are left out.
    `line` counts from 1, and 0 means unknown.
    """

    message: str
    remedy: str
    file: str = ""
    line: int = 0
    field: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        told = ": ".join(part for part in (place, self.field, _sentence(self.message)) if part)
        return f"{told} {self.remedy}" if self.remedy else told


class NurtureError(Exception):
    """The root: `str(error)` is the message and, after a line break, the remedy."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class Invalid(NurtureError):
    """The input is bad: whoever gave it must change it. `problems` lists every fault found.

    The problems are also attached as notes, so that a traceback shows them all while
    `str(error)` stays the message and the remedy.
    """

    def __init__(self, message: str, *, remedy: str = "", problems: Iterable[Problem] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.problems: tuple[Problem, ...] = tuple(problems)
        for problem in self.problems:
            self.add_note(str(problem))

    @classmethod
    def because(cls, problems: Sequence[Problem], *, of: str = "") -> Self:
        """The error for these problems (at least one); `of` names the thing they are found in."""
        subject = f"{of}: " if of else ""
        if len(problems) == 1:
            return cls(f"{subject}{problems[0]}", problems=problems)
        return cls(f"{subject}{len(problems)} problems were found", problems=problems)


class NotFound(NurtureError):
    """What was asked for does not exist."""


class Conflict(NurtureError):
    """Somebody else was first: read again, and decide again."""


class Refused(NurtureError):
    """A rule says no; asking again changes nothing until the facts behind the rule change."""


class Retryable(NurtureError):
    """It may work later; `after` says how much later where that is known."""

    def __init__(self, message: str, *, remedy: str = "", after: timedelta | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.after = after


class Permanent(NurtureError):
    """Trying again is useless."""


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."
