"""Conditions in words, in the language of the page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from babel.dates import format_timedelta

from nurture.campaigns.yaml_writing import dump
from nurture.domain.durations import parse_duration
from nurture.domain.funnel import Funnel
from nurture.web.admin.condition_rows import Row, row_of
from nurture.web.i18n import gettext, language
from nurture.web.i18n import marked as _
from nurture.web.names import chosen

RELATIONS: Mapping[str, str] = {
    "is": _("is"),
    "is_not": _("is not"),
    "in": _("is one of"),
    "not_in": _("is none of"),
    "at_least": _("is at least"),
    "at_most": _("is at most"),
    "above": _("is more than"),
    "below": _("is less than"),
    "contains": _("contains"),
    "matches": _("looks like (* and ?)"),
    "exists": _("is known"),
    "missing": _("is not known"),
    "after": _("is after"),
    "before": _("is before"),
    "within_last": _("was in the last"),
    "in_next": _("comes in the next"),
    "given": _("was given"),
    "not_given": _("was not given"),
    "ever": _("happened ever"),
    "never": _("never happened"),
    "within": _("happened in the last"),
    "not_within": _("did not happen in the last"),
}
FACT_NAMES: Mapping[str, str] = {
    "stage": _("Stage"),
    "highest_stage": _("Furthest stage"),
    "grade": _("Fit grade"),
    "temperature": _("Temperature"),
    "persona": _("Persona"),
    "tag": _("Tag"),
    "sequence": _("Is in the sequence"),
    "segment": _("Is in the segment"),
    "received": _("Received the email"),
    "language": _("Language"),
    "timezone": _("Time zone"),
    "hours_in_stage": _("Hours in the stage"),
}
SCORE_NAMES: Mapping[str, str] = {"engagement": _("Engagement score"), "fit": _("Fit score")}
BANT_NAMES: Mapping[str, str] = {
    "budget": _("Budget"),
    "authority": _("Authority"),
    "need": _("Need"),
    "timing": _("Timing"),
}
EVENT_NAMES: Mapping[str, str] = {
    "open": _("Opened an email"),
    "click": _("Clicked a link"),
    "visit": _("Visited the site"),
    "form": _("Sent a form"),
    "purchase": _("Bought something"),
    "delivered": _("An email was delivered"),
    "bounce": _("An email bounced"),
    "unsubscribe": _("Unsubscribed"),
    "complaint": _("Reported spam"),
}


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


def event_words(event: str) -> str:
    """What an event is called; one of the user's own is shown by its name."""
    return gettext(EVENT_NAMES[event]) if event in EVENT_NAMES else event


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
        if set(condition) == {"not"}:
            return gettext(_("not (%(part)s)"), part=self.say(condition["not"]))
        if "did" in condition:
            return self._did(condition)
        return dump(condition).strip().replace("\n", ", ")

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
                    _("%(did)s at least %(times)s times"), did=event_words(name), times=row.value
                ),
                "never": lambda: gettext(_("never: %(did)s"), did=event_words(name)),
            }  # fmt: skip
            return relations.get(row.relation, lambda: event_words(name))()
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

    def _value(self, kind: str, value: str) -> str:
        if kind in ("stage", "highest_stage"):
            return self.stage(value)
        if kind == "segment":
            return chosen(self.segments.get(value, {}), value)
        return self.sequence(value) if kind == "sequence" else value

    def _inner(self, part: object) -> str:
        said = self.say(part)
        mixed = isinstance(part, Mapping) and set(part) & {"all", "any"}
        return f"({said})" if mixed else said

    def _did(self, did: Mapping[str, Any]) -> str:
        said = event_words(str(did["did"]))
        if "at_least" in did:
            said = gettext(_("%(did)s at least %(times)s times"), did=said, times=did["at_least"])
        if "at_most" in did:
            said = (
                gettext(_("never: %(did)s"), did=said)
                if did["at_most"] == 0
                else gettext(_("%(did)s at most %(times)s times"), did=said, times=did["at_most"])
            )
        if "within" in did:
            time = duration_words(did["within"])
            said = gettext(_("%(did)s in the last %(time)s"), did=said, time=time)
        return said + properties_words(did.get("where"))


def properties_words(where: object) -> str:
    """What an event's properties must be, in brackets; empty when nothing is asked."""
    if not isinstance(where, Mapping) or not where:
        return ""
    parts = [
        f"{name}: {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name, value in where.items()
    ]
    return f" ({'; '.join(parts)})"
