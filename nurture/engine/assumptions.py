"""What a simulated contact is assumed to do, said in a line: "clicks step 2 on day 3"."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from nurture.domain.contact import Engaged, Value
from nurture.domain.durations import parse_duration
from nurture.domain.sequence import Email, Sequence
from nurture.domain.timing import at_local
from nurture.errors import Invalid

VERBS: Mapping[str, str] = MappingProxyType(
    {
        "opens": Engaged.OPEN, "clicks": Engaged.CLICK, "visits": Engaged.VISIT,
        "sends a form": Engaged.FORM, "buys": Engaged.PURCHASE, "bounces": Engaged.BOUNCE,
        "complains": Engaged.COMPLAINT, "unsubscribes": Engaged.UNSUBSCRIBE,
    }
)  # fmt: skip
# What can only be done with an email in hand.
OF_AN_EMAIL = frozenset({Engaged.OPEN, Engaged.CLICK})

_LINE = re.compile(
    r"(?P<verb>opens|clicks|visits|sends a form|buys|bounces|complains|unsubscribes"
    r"|does (?P<event>[a-z][a-z0-9_.:-]*))"
    r"(?: (?:step )?(?P<step>(?!(?:with|on|after) )[a-z0-9_-]+))?"
    r"(?: with (?P<where>.+?))?"
    r"(?: on day (?P<day>[0-9]{1,4})(?: at (?P<clock>[0-2][0-9]:[0-5][0-9]))?"
    r"| after (?P<after>[0-9]+ ?[mhdw]))"
)
# What people write is a tenth of this, and reading takes longer the longer a line is.
LONGEST_LINE = 1_000
_PAIR = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_.]*)=(?P<value>\"(?:[^\"\\]|\\.)*\"|\S+)")
# What begins with one of these is JSON, and has to be all of it.
_OPENING = ("[", "{", '"')
# So much of a value that is refused is shown to whoever wrote it.
_SHOWN = 20
_EXAMPLE = (
    "Write such as “clicks step 2 on day 3”, “opens hello after 2h”, “buys with cart_id=42 on day 5"
    " at 09:30”, “does webinar_attended on day 7”."
)


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing a contact does. `step` is the email it belongs to; day 1 is the day of entry."""

    event: str
    text: str
    step: str = ""
    properties: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    day: int = 0
    clock: time | None = None
    after: timedelta = timedelta()

    def instant(self, start: datetime, zone: ZoneInfo) -> datetime:
        """Return when it happens for a contact in `zone` who entered at `start`."""
        if not self.day:
            return start + self.after
        entered = start.astimezone(zone)
        day = entered.date() + timedelta(days=self.day - 1)
        if self.clock is not None:
            return at_local(day, self.clock, zone)
        # Without a time of day the evening: whatever the day brought has come by then.
        return max(start, at_local(day, time(20), zone))


def assume(text: str, sequence: Sequence) -> Assumption:
    """Return what a line assumes of a contact in `sequence`.

    An email is named by its step's key, or by the number of the step. Raises Invalid.
    """
    _bound(text)
    line = " ".join(text.split())
    found = _LINE.fullmatch(line)
    if found is None:
        raise _wrong(f"“{text}” says nothing that can be assumed", _EXAMPLE)
    event = found["event"] or VERBS[found["verb"]]
    step = _step(found["step"], sequence, line) if found["step"] else ""
    if event in OF_AN_EMAIL and not step:
        raise _wrong(
            f"“{text}” names no email", f"Write {found['verb']} step …: {_emails(sequence)}."
        )
    return Assumption(
        event=event,
        text=line,
        step=step,
        properties=pairs(found["where"] or ""),
        day=int(found["day"] or 0),
        clock=_clock(found["clock"], text) if found["clock"] else None,
        after=_duration(found["after"], text) if found["after"] else timedelta(),
    )


def _clock(written: str, text: str) -> time:
    try:
        return time.fromisoformat(written)
    except ValueError as error:
        raise _wrong(f"in “{text}”, {written} is no time of day", _EXAMPLE) from error


def _duration(written: str, text: str) -> timedelta:
    try:
        return parse_duration(written)
    except ValueError as error:
        raise _wrong(f"in “{text}”, the time is too long", _EXAMPLE) from error


def given(text: str) -> Mapping[str, Value]:
    """Return what one `--with` gives: a shell's quotes are gone, so blanks belong to the value.

    Lists of things, which only emails read, are given as JSON. Raises Invalid, as `pairs`.
    """
    _bound(text)
    name, equals, value = text.partition("=")
    if value.startswith(_OPENING) and _PAIR.fullmatch(f"{name}=x"):
        # Where it is none as a whole, it may be the first of several pairs.
        if _unread(value) and not _PAIR.sub("", text).strip():
            return pairs(text)
        return MappingProxyType({name: _value(name, value)})
    if equals and "=" not in value and '"' not in value:
        return pairs(f'{name}="{value}"' if any(map(str.isspace, value)) else text)
    return pairs(text)


def pairs(text: str) -> Mapping[str, Value]:
    """Return what `name=value` pairs say; numbers are numbers, and JSON is what it says.

    Raises Invalid, also for a value that begins as JSON does and is none.
    """
    _bound(text)
    rest = _PAIR.sub("", text).strip()
    if rest:
        raise _wrong(f"“{rest}” is no property", 'Write name=value, such as cart_id=42 or a="b c".')
    return MappingProxyType(
        {one["name"]: _value(one["name"], one["value"]) for one in _PAIR.finditer(text)}
    )


def _bound(text: str) -> None:
    if len(text) > LONGEST_LINE:
        raise _wrong(f"a line of {len(text):,} letters says too much", _EXAMPLE)


def _value(name: str, text: str) -> Value:
    if text.startswith(_OPENING):
        why = _unread(text)
        if why:
            quoted = f"{name}={json.dumps(text, ensure_ascii=False)}"
            raise _wrong(why, f"Write all of it, or put a text into quotes: {quoted}")
        # Rules read neither lists nor groups, so that their values know of none; emails do.
        value: Value = json.loads(text)
        return value
    try:
        return int(text)
    except ValueError:
        return text


def _unread(text: str) -> str:
    """Return that a text is no JSON, and why; empty when it is."""
    shown = _short(text)
    try:
        json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or error.msg.startswith("Unterminated"):
            return f"“{shown}” begins as JSON does, and is not closed"
        rest = _short(text[error.pos :])
        return f"“{shown}” begins as JSON does, and cannot be read from “{rest}” on"
    except ValueError as error:
        return f"“{shown}” begins as JSON does, and cannot be read from “{error}” on"
    except RecursionError:
        return f"“{shown}” begins as JSON does, and is nested too deeply"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _no_number(text: str) -> None:
    # Infinity and its like are no JSON, though Python would take them for some.
    raise ValueError(text)


def _step(named: str, sequence: Sequence, line: str) -> str:
    if named not in sequence.by_key and named.isdecimal():
        number = int(named)
        if 1 <= number <= len(sequence.steps):
            named = sequence.steps[number - 1].key
    if not isinstance(sequence.by_key.get(named), Email):
        told = f"in “{line}”, step {named} is no email of {sequence.key}"
        raise _wrong(told, f"The emails are {_emails(sequence)}.")
    return named


def _emails(sequence: Sequence) -> str:
    numbered = enumerate(sequence.steps, start=1)
    return ", ".join(f"{number} ({one.key})" for number, one in numbered if isinstance(one, Email))


def _wrong(message: str, remedy: str) -> Invalid:
    return Invalid(message, remedy=remedy)
