"""Conditions in words, in the language of the page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from babel.dates import format_timedelta

from nurture.campaigns.yaml_writing import dump
from nurture.domain.durations import parse_duration
from nurture.domain.funnel import Funnel
from nurture.web.admin.condition_rows import Row, row_of, wanted
from nurture.web.admin.condition_terms import (
    AGREED,
    BANT_NAMES,
    EVENT_NAMES,
    FACT_NAMES,
    MEMBERSHIP,
    PROPERTY_NAMES,
    RELATIONS,
    SCORE_NAMES,
    STAYED,
)
from nurture.web.i18n import LANGUAGES, gettext, known, language, ngettext
from nurture.web.i18n import marked as _
from nurture.web.names import chosen
from nurture.web.stage_words import answers_of
from nurture.web.words import temperature_word


def duration_words(written: object) -> str:
    """A duration such as 2d as people say it; what is none is shown as it is."""
    try:
        delta = parse_duration(str(written))
    except (ValueError, OverflowError):
        return str(written)
    unit: Literal["day", "hour", "minute"] = "minute"
    if delta.total_seconds() % 3600 == 0:
        unit = "day" if delta.total_seconds() % 86400 == 0 else "hour"
    # The threshold keeps 30 days from becoming a month, which a wait of 30 days is not.
    return format_timedelta(delta, granularity=unit, threshold=1e9, locale=language())


def times(written: object) -> str:
    """So many times; what somebody wrote that is no number stays as it is."""
    count = int(str(written)) if str(written).isdecimal() else 2
    return ngettext("%(num)s time", "%(num)s times", count, num=written)


def event_words(event: str) -> str:
    """What an event is called; one of the user's own is shown by its name."""
    return gettext(EVENT_NAMES[event]) if event in EVENT_NAMES else event


@dataclass(frozen=True, slots=True)
class Said:
    """A condition in words; with `parts` it is the heading of a group."""

    text: str
    parts: tuple["Said", ...] = ()


@dataclass(frozen=True)
class ConditionWords:
    """Says conditions with the names that the funnel and the sequences have."""

    funnel: Funnel
    sequences: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def say(self, condition: object) -> str:
        """A condition's document in words; what is no condition is shown as it is written."""
        if not isinstance(condition, Mapping):
            return str(condition or "…")
        for word, join in (("all", gettext(_(" and "))), ("any", gettext(_(" or ")))):
            parts = condition.get(word)
            if set(condition) == {word} and isinstance(parts, Sequence):
                said = [self._inner(part) for part in parts]
                return join.join(said) if said else gettext(_("everybody"))
        row = row_of(condition)
        if row is not None:
            return self.row(row)
        inner = condition.get("not")
        if set(condition) == {"not"} and isinstance(inner, Mapping) and inner.get("exists") is True:
            return self.say({**inner, "exists": False})
        if set(condition) == {"not"}:
            return gettext(_("not (%(part)s)"), part=self.say(condition["not"]))
        if "did" in condition:
            return self._did(condition)
        return dump(condition).strip().replace("\n", ", ")

    def outline(self, condition: object) -> "Said":
        """A condition in words as people would list it: groups with their parts below."""
        if isinstance(condition, Mapping):
            for word, heading in (
                ("all", _("All of these")), ("any", _("At least one of these")),
            ):  # fmt: skip
                parts = condition.get(word)
                if set(condition) == {word} and isinstance(parts, list | tuple) and parts:
                    return Said(gettext(heading), tuple(self.outline(part) for part in parts))
            inner = condition.get("not")
            if set(condition) == {"not"} and isinstance(inner, Mapping):
                below = self.outline(inner)
                heading = _("None of these") if "any" in inner else _("Not all of these")
                if below.parts:
                    return Said(gettext(heading), below.parts)
        said = self.say(condition)
        return Said(said[:1].upper() + said[1:])

    def row(self, row: Row) -> str:
        """One comparison in words."""
        kind, _dot, name = row.subject.partition(".")
        if kind == "did":
            relations: Mapping[str, Callable[[], str]] = {
                "within": lambda: gettext(
                    _("%(did)s in the last %(time)s"),
                    did=event_words(name), time=duration_words(row.value),
                ),
                "not_within": lambda: gettext(
                    _("not in the last %(time)s: %(did)s"),
                    did=event_words(name), time=duration_words(row.value),
                ),
                "at_least": lambda: gettext(
                    _("%(did)s at least %(times)s"), did=event_words(name), times=times(row.value)
                ),
                "never": lambda: gettext(_("never: %(did)s"), did=event_words(name)),
            }  # fmt: skip
            said = relations.get(row.relation, lambda: event_words(name))()
            return said + properties_words(wanted(row.where))
        if kind == "consent" and row.relation in AGREED:
            topic = chosen(self.funnel.topics.get(name, {}), name)
            return gettext(AGREED[row.relation], topic=topic)
        if kind == "hours_in_stage" and row.relation in STAYED and row.value.isdigit():
            return gettext(STAYED[row.relation], time=duration_words(f"{row.value}h"))
        if kind in MEMBERSHIP and row.relation in MEMBERSHIP[kind]:
            return gettext(MEMBERSHIP[kind][row.relation], names=self._quoted(kind, row.value))
        relation = gettext(RELATIONS.get(row.relation, row.relation))
        values = [self._value(kind, one.strip()) for one in row.value.split(",")]
        if row.relation in ("within_last", "in_next"):
            values = [duration_words(row.value)]
        return " ".join(filter(None, (self.subject(row.subject), relation, ", ".join(values))))

    def subject(self, subject: str) -> str:
        """What is looked at."""
        kind, _dot, name = subject.partition(".")
        match kind:
            case "field":
                declared = self.funnel.fields.get(name)
                return chosen(declared.names, name) if declared else name
            case "score":
                return gettext(SCORE_NAMES.get(name, name))
            case "bant":
                return gettext(BANT_NAMES.get(name, name))
            case "consent":
                topic = chosen(self.funnel.topics.get(name, {}), name)
                return gettext(_("Consent to “%(topic)s”"), topic=topic)
            case "did":
                return event_words(name)
            case _:
                return gettext(FACT_NAMES.get(kind, kind))

    def stage(self, key: object) -> str:
        """A stage's name."""
        found = (chosen(one.names, one.key) for one in self.funnel.stages if one.key == key)
        return next(found, str(key))

    def sequence(self, key: object) -> str:
        """A sequence's name."""
        return chosen(self.sequences.get(str(key), {}), str(key))

    def segment(self, key: object) -> str:
        """A segment's name."""
        return chosen(self.segments.get(str(key), {}), str(key))

    def persona(self, key: str) -> str:
        """A persona's name."""
        found = (chosen(one.names, key) for one in self.funnel.personas if one.key == key)
        return next(found, key)

    def _quoted(self, kind: str, value: str) -> str:
        values = (self._value(kind, one.strip()) for one in value.split(","))
        return ", ".join(f"“{one}”" for one in values)

    def _value(self, kind: str, value: str) -> str:
        if kind in ("stage", "highest_stage"):
            return self.stage(value)
        if kind == "segment":
            return self.segment(value)
        if kind == "temperature":
            return temperature_word(value).label
        if kind == "language":
            return LANGUAGES.get(known(value) or "en", value) if known(value) else value
        if kind == "persona":
            return self.persona(value)
        if kind == "bant":
            return dict(answers_of()).get(value, value)
        return self.sequence(value) if kind == "sequence" else value

    def _inner(self, part: object) -> str:
        said = self.say(part)
        mixed = isinstance(part, Mapping) and set(part) & {"all", "any"}
        return f"({said})" if mixed else said

    def _did(self, did: Mapping[str, Any]) -> str:
        said = event_words(str(did["did"]))
        if "at_least" in did:
            said = gettext(_("%(did)s at least %(times)s"), did=said, times=times(did["at_least"]))
        if "at_most" in did:
            said = (
                gettext(_("never: %(did)s"), did=said)
                if did["at_most"] == 0
                else gettext(_("%(did)s at most %(times)s"), did=said, times=times(did["at_most"]))
            )
        if "within" in did:
            time = duration_words(did["within"])
            if did.get("at_most") == 0:
                said, bare = _("not in the last %(time)s: %(did)s"), event_words(str(did["did"]))
                return gettext(said, did=bare, time=time) + properties_words(did.get("where"))
            said = gettext(_("%(did)s in the last %(time)s"), did=said, time=time)
        return said + properties_words(did.get("where"))


def property_word(name: object) -> str:
    """A property that our own events have; those of the user's own events keep their names."""
    word = PROPERTY_NAMES.get(str(name))
    return gettext(word) if word else str(name)


def property_names() -> list[tuple[str, str]]:
    """The properties that our own events have, with their words; any other may be typed."""
    return [(name, gettext(word)) for name, word in PROPERTY_NAMES.items()]


def properties_words(where: object) -> str:
    """What an event's properties must be, in brackets; empty when nothing is asked."""
    if not isinstance(where, Mapping) or not where:
        return ""
    parts = [
        f"{property_word(name)}: "
        f"{', '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name, value in where.items()
    ]
    return f" ({'; '.join(parts)})"
