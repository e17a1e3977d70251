"""What every part of a campaign file is built from: words, durations, times, names."""

import re
from datetime import date, time, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    PlainValidator,
    StringConstraints,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from nurture.domain.contact import Value
from nurture.domain.durations import format_duration, parse_duration
from nurture.domain.sequence import END
from nurture.domain.timing import Window

# Longer than any campaign waits, and short enough that no date runs out of the calendar.
LONGEST = timedelta(days=3650)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z")


def wrong(message: str, remedy: str) -> PydanticCustomError:
    """The error for a value that has the right type and the wrong meaning."""
    return PydanticCustomError("wrong", "{message}", {"message": message, "remedy": remedy})


class Shape(BaseModel):
    """The base of all shapes: unknown keys are refused and nothing is converted silently.

    Validation may be given a dict as context; it is then filled with the shape that each
    part of the document was read as, so that a message can name the keys that exist there.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        regex_engine="rust-regex",
    )

    @model_validator(mode="before")
    @classmethod
    def _remember_shape(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, dict) and isinstance(info.context, dict):
            info.context[id(value)] = cls
        return value

    @classmethod
    def words(cls) -> tuple[str, ...]:
        """The keys as written in a file."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


def _duration(value: Any) -> timedelta:
    if not isinstance(value, str):
        raise wrong(f"{_shown(value)} is not a duration", "Write 30m, 12h, 3d or 2w.")
    if not value:
        raise wrong("this is empty", "Write 30m, 12h, 3d or 2w.")
    try:
        found = parse_duration(value)
    except ValueError:
        raise wrong(f"{_shown(value)} is not a duration", "Write 30m, 12h, 3d or 2w.") from None
    except OverflowError:
        found = LONGEST * 2
    if found > LONGEST:
        raise wrong(f"{value} is longer than ten years", "Write at most 3650d.")
    return found


def _longer_than_nothing(value: timedelta) -> timedelta:
    if not value:
        raise wrong(f"{format_duration(value)} is no time at all", "Write at least 1m.")
    return value


def _clock(value: Any) -> time:
    if value == "24:00":
        return time(0)
    match = _CLOCK.match(value) if isinstance(value, str) else None
    if match is None:
        raise wrong(f"{_shown(value)} is not a time of day", 'Write "09:00" or "17:30".')
    return time(int(match[1]), int(match[2]))


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise wrong(f"{_shown(value)} is not a date", "Write 2026-09-02.") from None


def _weekday(value: Any) -> int:
    if value not in DAYS:
        raise wrong(f"{_shown(value)} is not a weekday", f"Write one of {', '.join(DAYS)}.")
    return DAYS.index(value) + 1


def _own_key(value: str) -> str:
    if value == END:
        raise wrong("`end` is the name of the end of every path", "Give the step another key.")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(f"{_shown(value)} is not a number", "Write a number such as 10 or 2.5.")
    return value


def _scalar(value: Any) -> Value:
    if value is None or not isinstance(value, str | int | float | bool):
        raise wrong(
            f"{_shown(value)} is not a single value", "Write one text, number or true/false."
        )
    return value


def _texts(value: Any) -> tuple[str, ...]:
    plain = isinstance(value, list | tuple) and value
    if not plain or not all(isinstance(one, str | int | float) for one in value):
        raise wrong(f"{_shown(value)} is not a list of values", "Write [one, two].")
    return tuple(_text_of(one) for one in value)


def _text_of(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wanted(value: Any) -> Value:
    return _texts(value) if isinstance(value, list | tuple) else _scalar(value)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, list):
        return "a list"
    text = (
        "nothing" if value is None else repr(value) if isinstance(value, str) else _text_of(value)
    )
    return text if len(text) <= 60 else f"{text[:57]}…"


_SCALARS: list[dict[str, Any]] = [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]
_LIST: dict[str, Any] = {
    "type": "array", "items": {"type": ["string", "number"]}, "minItems": 1
}  # fmt: skip
_WRITTEN_DURATION: dict[str, Any] = {
    "type": "string",
    "pattern": r"^\s*[0-9]{1,5}\s*[mhdw]\s*$",
    "examples": ["30m", "12h", "3d", "2w"],
}
_WRITTEN_TIME: dict[str, Any] = {
    "type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "examples": ["09:00"]
}  # fmt: skip

Duration = Annotated[
    timedelta, PlainValidator(_duration), AfterValidator(_longer_than_nothing),
    WithJsonSchema(_WRITTEN_DURATION),
]  # fmt: skip
AnyDuration = Annotated[timedelta, PlainValidator(_duration), WithJsonSchema(_WRITTEN_DURATION)]
Clock = Annotated[time, PlainValidator(_clock), WithJsonSchema(_WRITTEN_TIME)]
Date = Annotated[
    date, PlainValidator(_date), WithJsonSchema({"type": "string", "format": "date"})
]  # fmt: skip
Weekday = Annotated[
    int, PlainValidator(_weekday), WithJsonSchema({"type": "string", "enum": list(DAYS)})
]  # fmt: skip
Number = Annotated[float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Scalar = Annotated[Value, PlainValidator(_scalar), WithJsonSchema({"anyOf": _SCALARS})]
Texts = Annotated[tuple[str, ...], PlainValidator(_texts), WithJsonSchema(_LIST)]
Wanted = Annotated[Value, PlainValidator(_wanted), WithJsonSchema({"anyOf": [*_SCALARS, _LIST]})]

Key = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
StepKey = Annotated[Key, AfterValidator(_own_key)]
Target = Annotated[Key, WithJsonSchema({"type": "string", "examples": ["end"]})]
EventName = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_.:-]{0,63}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Where = dict[str, Wanted]


class NamesShape(Shape):
    """The name that people see, in both languages."""

    vi: Text
    """In Vietnamese."""
    en: Text
    """In English."""

    def build(self) -> dict[str, str]:
        """Return the names by language."""
        return {"vi": self.vi, "en": self.en}


def _words_kind(value: Any) -> str:
    return "<names>" if isinstance(value, dict) else "<text>"


# What people read: one text for everybody, or one in each language.
Words = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[NamesShape, Tag("<names>")],
    Discriminator(_words_kind),
]


def plain(words: str | NamesShape) -> str:
    """Return the text by which the engine keeps words: the English one where there are two."""
    return words if isinstance(words, str) else words.en


class WindowShape(Shape):
    """The local hours in which emails may go out; `to` before `from` means overnight."""

    days: list[Weekday] | None = None
    """The weekdays on which the window opens; every day when left out."""
    start: Clock
    """When it opens, in the contact's own time zone."""
    end: Clock
    """When it closes; the same time as `from` means the whole day."""

    model_config = ConfigDict(
        alias_generator=lambda name: {"start": "from", "end": "to"}.get(name, name)
    )

    def build(self) -> Window:
        """Return the window."""
        days = range(1, 8) if self.days is None else self.days
        return Window(frozenset(days), self.start, self.end)


class OneOf(Shape):
    """A shape of which exactly one of some keys must be given."""

    @classmethod
    def choices(cls) -> tuple[str, ...]:
        """The names of the attributes of which one must be given."""
        return tuple(cls.model_fields)

    @property
    def chosen(self) -> str:
        """The name of the attribute that was given."""
        return next(name for name in self.choices() if name in self.model_fields_set)

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        fields = type(self).model_fields
        given = [name for name in self.choices() if name in self.model_fields_set]
        if len(given) == 1:
            return self
        words = [fields[name].alias or name for name in self.choices()]
        said = " and ".join(fields[name].alias or name for name in given)
        told = f"{said} cannot stand together" if given else "nothing is said about the value"
        if given:
            raise wrong(told, "Write all: [{…}, {…}] or any: [{…}, {…}], with one in each.")
        raise wrong(told, f"Write exactly one of {', '.join(words)}.")
