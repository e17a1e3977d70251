"""BANT: budget, authority, need and timing, each answered by somebody at some time."""

from collections.abc import Mapping

from nurture.domain.contact import Occurrence, Value, Verdict

LETTERS = ("budget", "authority", "need", "timing")
ANSWERS = ("unknown", "no", "partial", "yes")

# The three questions kept beside BANT, answered in words: fields of these names, where declared.
QUESTIONS = ("motivation", "budget_note", "fit_note")

# A property of an event that answers a letter: `bant.budget`.
PREFIX = "bant."


def answer_of(value: Value) -> str | None:
    """Return the answer that `value` gives, None when it is none: a word, or true or false."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return None
    word = value.strip().casefold()
    return word if word in ANSWERS else None


def answered(occurrence: Occurrence) -> Mapping[str, str]:
    """Return the letters that an occurrence answers, with their answers; machines answer none."""
    if occurrence.verdict is not Verdict.HUMAN:
        return {}
    given = {
        letter: answer_of(occurrence.properties.get(f"{PREFIX}{letter}")) for letter in LETTERS
    }
    return {letter: answer for letter, answer in given.items() if answer is not None}
