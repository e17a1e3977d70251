"""The steps of a document in words, in the language of the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nurture.web.admin.condition_words import (
    ConditionWords,
    duration_words,
    event_words,
    properties_words,
)
from nurture.web.admin.sequence_forms import kind_of
from nurture.web.i18n import gettext as _
from nurture.web.i18n import language
from nurture.web.names import chosen, subject_line
from nurture.web.stage_words import answers_of

Subjects = Mapping[str, Mapping[str, str]]
Given = Mapping[str, Any]


@dataclass(frozen=True)
class StepWords:
    """Says steps, finished or not, with the names of one page."""

    words: ConditionWords
    subjects: Subjects = field(default_factory=dict)
    emails: Mapping[str, object] = field(default_factory=dict)
    """The templates that the document's steps send, by the steps' keys."""

    def title(self, step: Given) -> str:
        """What a step does, in one line."""
        kind = kind_of(step)
        given = step.get(kind)
        group = given if isinstance(given, Mapping) else {}
        match kind:
            case "email":
                return self.subject(str(given or "")) or _("An email that is not chosen yet")
            case "wait":
                return _pause_words(given)
            case "wait_until":
                return self._date(group)
            case "wait_for":
                return _("Wait for: %(what)s", what=self._awaited(given))
            case "branch":
                return _("Which way?")
            case "split":
                return _("Divide by chance")
            case "goal":
                return _("Goal: %(what)s", what=self._awaited(given))
            case "exit":
                return _("Leave: %(reason)s", reason=spoken(given) or "…")
            case _:
                return self._action(kind, given, group)

    def note(self, step: Given) -> str:
        """What else there is to say about a step."""
        kind = kind_of(step)
        given = step.get(kind)
        group = given if isinstance(given, Mapping) else {}
        match kind:
            case "email":
                return str(given or "")
            case "wait_for":
                return _("at most %(time)s", time=duration_words(group.get("within", "…")))
            case "goal" if group.get("within"):
                return _("within %(time)s of entry", time=duration_words(group["within"]))
            case "split":
                return self._measured(group.get("measure"))
            case "notify":
                return str(group.get("email") or "")
            case "webhook":
                fields = [self.words.subject(f"field.{one}") for one in items_of(group, "fields")]
                return ", ".join(fields)
            case _:
                return ""

    def subject(self, template: str) -> str:
        """The subject of an email in the page's language, else its template's name."""
        known = self.subjects.get(template, {})
        line = known.get(language()) or next(iter(known.values()), "")
        return subject_line(line, {}) or template

    def _action(self, kind: str, given: object, group: Given) -> str:
        match kind:
            case "change_stage":
                return _("Change the stage to %(stage)s", stage=self.words.stage(given))
            case "move_to":
                return _("Move to “%(sequence)s”", sequence=self.words.sequence(given))
            case "enter":
                return _("Also enter “%(sequence)s”", sequence=self.words.sequence(given))
            case "leave":
                return _("End “%(sequence)s”", sequence=self.words.sequence(given))
            case "update":
                changed = ", ".join(self._changes(group))
                return _("Update: %(what)s", what=changed or "…")
            case "notify":
                subject = self.subject(str(group.get("email") or "")) or "…"
                if group.get("to", "owner") == "owner":
                    return _("Tell the owner: “%(subject)s”", subject=subject)
                return _("Tell %(who)s: “%(subject)s”", who=group["to"] or "…", subject=subject)
            case _:
                system, event = group.get("endpoint") or "…", group.get("event") or "…"
                return _("Tell the system “%(system)s”: %(event)s", system=system, event=event)

    def _date(self, given: Given) -> str:
        if given.get("property"):
            date = _("%(name)s of the event", name=given["property"])
        else:
            date = self.words.subject(f"field.{given.get('field') or '…'}")
        if given.get("before"):
            time = duration_words(given["before"])
            said = _("Wait until %(time)s before: %(date)s", time=time, date=date)
        elif given.get("after"):
            time = duration_words(given["after"])
            said = _("Wait until %(time)s after: %(date)s", time=time, date=date)
        else:
            said = _("Wait until: %(date)s", date=date)
        return f"{said}, {given['at']}" if given.get("at") else said

    def _awaited(self, given: object) -> str:
        if not isinstance(given, Mapping):
            return "…"
        when = self.words.say(given["when"]) if given.get("when") else ""
        if when and not given.get("event"):
            return when
        said = event_words(str(given.get("event") or "…"))
        if given.get("of"):
            said = _("%(event)s of “%(step)s”", event=said, step=self._email_of(given["of"]))
        said += properties_words(given.get("where"))
        return _("%(event)s, or: %(condition)s", event=said, condition=when) if when else said

    def _email_of(self, step: object) -> str:
        """The email that a step sends, else the step's key."""
        template = self.emails.get(str(step))
        return self.subject(str(template)) if template else str(step)

    def _measured(self, measure: object) -> str:
        if not isinstance(measure, Mapping):
            return ""
        said = event_words(str(measure.get("event") or "…")) + properties_words(
            measure.get("where")
        )
        time = duration_words(measure.get("within") or "7d")
        return _("compared by: %(event)s within %(time)s", event=said, time=time)

    def _changes(self, given: Given) -> Iterator[str]:
        filled = given.get("set")
        for name, value in filled.items() if isinstance(filled, Mapping) else ():
            yield f"{self.words.subject(f'field.{name}')} = {value}"
        for name in items_of(given, "clear"):
            yield _("%(field)s empty", field=self.words.subject(f"field.{name}"))
        for sign, word in (("+", "tag"), ("−", "untag")):
            for tag in items_of(given, word):
                yield _("tag %(tag)s", tag=f"{sign}{tag}")
        bant, answers = given.get("bant"), dict(answers_of())
        for letter, answer in bant.items() if isinstance(bant, Mapping) else ():
            yield f"{self.words.subject(f'bant.{letter}')}: {answers.get(answer, answer)}"


def spoken(words: object) -> str:
    """What a document says in one language or in both, in the language of the page."""
    if isinstance(words, Mapping):
        return chosen({key: str(one) for key, one in words.items() if one}, "")
    return str(words or "")


def reasons_of(document: Given) -> dict[str, Mapping[str, str]]:
    """What a document calls its reasons for leaving, by the text that runs keep of them."""
    given = [one.get("reason") for one in items(document.get("exits"))]
    given += [one.get("exit") for one in items(document.get("steps"))]
    return {str(one["en"]): one for one in given if isinstance(one, Mapping) and "en" in one}


def items(value: object) -> list[Given]:
    """The groups in a list of a document that may be unfinished."""
    some = value if isinstance(value, list) else []
    return [one for one in some if isinstance(one, Mapping)]


def items_of(given: Given, name: str) -> list[str]:
    """The words in a list of a document that may be unfinished."""
    some = given.get(name)
    return [str(one) for one in some] if isinstance(some, list) else []


def weekday_names() -> dict[str, str]:
    """The weekdays as files write them, and their short names."""
    return {
        "mon": _("Mon"), "tue": _("Tue"), "wed": _("Wed"), "thu": _("Thu"), "fri": _("Fri"),
        "sat": _("Sat"), "sun": _("Sun"),
    }  # fmt: skip


def _pause_words(given: object) -> str:
    if not isinstance(given, Mapping):
        return _("Wait %(time)s", time=duration_words(given or "…"))
    said = _("Wait %(time)s", time=duration_words(given["for"])) if given.get("for") else ""
    until = given.get("until")
    if not isinstance(until, Mapping):
        return said or _("Wait")
    days, at = until.get("days") or (), str(until.get("at") or "")
    names = weekday_names()
    when = ", ".join(names.get(str(day), str(day)) for day in days)
    then = _("until %(when)s", when=" ".join(filter(None, (when, at))))
    return f"{said}, {then}" if said else _("Wait %(time)s", time=then)
