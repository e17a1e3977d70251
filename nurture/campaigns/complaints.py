"""What was wrong with a document, in words that say where and what to write instead."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nurture.campaigns.comparisons import Operators
from nurture.campaigns.conditions import WORDS, AllShape, AnyShape, DidShape, FactShape, NotShape
from nurture.campaigns.shapes import Shape
from nurture.campaigns.steps import ACTIONS
from nurture.campaigns.waits import StepShape
from nurture.campaigns.yaml_text import Place, written_place
from nurture.errors import Problem

Lines = Mapping[Place, int]
_CONDITIONS = (AllShape, AnyShape, NotShape, DidShape, FactShape, Operators)

# What the validator calls an error, in our words: the message and what to write.
_PLAIN: Mapping[str, tuple[str, str]] = {
    "string_type": ("this must be text", "Write a word; put quotes around numbers."),
    "string_too_short": ("this is empty", "Write something here."),
    "string_too_long": ("this text is too long", "Shorten it."),
    "int_type": ("this must be a whole number", "Write a number such as 3, without quotes."),
    "bool_type": ("this must be true or false", "Write true or false."),
    "list_type": ("this must be a list", "Write [one, two], or one `- item` a line."),
    "dict_type": ("this must be a group of keys", "Write `key: value` lines, indented."),
    "model_type": ("this must be a group of keys", "Write `key: value` lines, indented."),
    "too_long": ("this list is too long", "Split it."),
    "recursion_loop": ("this contains itself", "Write it out."),
}
# What is said of a text that is not as it should be; of one with nothing in it, that it is empty.
_TEXTS = frozenset({"string_pattern_mismatch", "literal_error"})


@dataclass(frozen=True, slots=True)
class Source:
    """A document and where it was written, so that a fault can be shown at its line."""

    document: object
    file: str = ""
    lines: Lines = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """Return the line of `place`, or of the nearest part around it; 0 when unknown."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1 if self.file else 0)

    def problem(self, message: str, remedy: str, place: Place = ()) -> Problem:
        """Return the problem at `place`."""
        return Problem(message, remedy, self.file, self.line(place), written_place(place))

    def at(self, place: Place) -> Any:
        """Return the value at `place`, None when there is none."""
        value: Any = self.document
        for part in place:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def did_you_mean(word: object, known: Iterable[str], otherwise: str = "") -> str:
    """Return the remedy that names the nearest known word, else all of them when they are few."""
    words = sorted(set(known))
    near = get_close_matches(str(word), words, n=1, cutoff=0.6)
    if near:
        return f"Did you mean `{near[0]}`?"
    if otherwise or not words:
        return otherwise
    return f"Write one of {', '.join(words)}." if len(words) <= 20 else "Look for the right name."


def complaints(
    error: ValidationError, source: Source, shapes: Mapping[int, type[Shape]]
) -> tuple[Problem, ...]:
    """Return every fault that validation found; `shapes` is its context, filled."""
    return tuple(_complaint(one, source, shapes) for one in error.errors(include_url=False))


def _complaint(error: ErrorDetails, source: Source, shapes: Mapping[int, type[Shape]]) -> Problem:
    # Parts in angle brackets name the arm of a choice and stand nowhere in the file.
    place = tuple(
        part for part in error["loc"] if not (isinstance(part, str) and part.startswith("<"))
    )
    told, context = error["type"], error.get("ctx", {})
    given = error["input"]
    if told == "wrong":
        return source.problem(str(context["message"]), str(context["remedy"]), place)
    if told == "extra_forbidden":
        return _unknown_key(place, source, shapes)
    if told == "missing":
        # The key has no line of its own: the group that lacks it does.
        message = f"`{place[-1]}` is missing"
        line = source.line(place[:-1])
        remedy = f"Add `{place[-1]}: …`."
        return Problem(message, remedy, source.file, line, written_place(place))
    if told in ("condition", "step"):
        return _no_choice(told, given, place, source)
    message, remedy = _told(told, given, context)
    return source.problem(message, remedy, place)


def _told(told: str, given: object, context: Mapping[str, Any]) -> tuple[str, str]:
    if given == "" and told in _TEXTS:
        return _PLAIN["string_too_short"]
    if told in _PLAIN:
        return _PLAIN[told]
    if told == "literal_error":
        known = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        return f"{given!r} is not known here", did_you_mean(given, known)
    if told == "string_pattern_mismatch":
        return f"{given!r} cannot stand here", _pattern_remedy(str(context["pattern"]))
    if told in ("greater_than_equal", "greater_than"):
        least = context.get("ge", context.get("gt"))
        return f"{given} is too small", f"Write more than {least}." if "gt" in context else (
            f"Write {least} or more."
        )
    if told in ("less_than_equal", "less_than"):
        most = context.get("le", context.get("lt"))
        return f"{given} is too large", f"Write less than {most}." if "lt" in context else (
            f"Write {most} or less."
        )
    if told == "too_short":
        return "this list is empty", "Write at least one item."
    return f"this cannot be read ({told.replace('_', ' ')})", "Compare it with the documentation."


def _pattern_remedy(pattern: str) -> str:
    if "@" in pattern:
        return "Write an email address such as hello@example.com."
    if "http" in pattern:
        return "Write an address that begins with https://."
    if "A-Z" in pattern:
        return "Write one capital letter."
    return "Use lower-case letters a-z, digits, - and _, without spaces or accents."


def _unknown_key(place: Place, source: Source, shapes: Mapping[int, type[Shape]]) -> Problem:
    word = place[-1]
    shape = shapes.get(id(source.at(place[:-1])), Shape)
    if issubclass(shape, _CONDITIONS) and word in WORDS:
        told = f"`{word}` stands beside another condition"
        remedy = "Write all: [{…}, {…}] or any: [{…}, {…}], with one in each."
        return source.problem(told, remedy, place)
    if issubclass(shape, StepShape) and word in ACTIONS:
        told = f"`{word}` is a second thing for this step to do"
        return source.problem(told, f"Make `{word}` a step of its own, with its own key.", place)
    remedy = did_you_mean(word, shape.words())
    return source.problem(f"the key `{word}` is not known here", remedy, place)


def _no_choice(kind: str, given: object, place: Place, source: Source) -> Problem:
    words = ACTIONS if kind == "step" else WORDS
    if not isinstance(given, dict):
        example = "{key: hello, email: welcome}" if kind == "step" else "{stage: lead}"
        return source.problem(f"this is not a {kind}", f"Write for example {example}.", place)
    for key in given:
        near = get_close_matches(str(key), words, n=1, cutoff=0.6)
        if near and key != "key":
            told = f"the key `{key}` is not known here"
            return source.problem(told, f"Did you mean `{near[0]}`?", (*place, str(key)))
    told = "this step does nothing" if kind == "step" else "this condition says nothing"
    return source.problem(told, f"Add one of {', '.join(words)}.", place)
