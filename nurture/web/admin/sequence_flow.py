"""A sequence's document as a flow to look at: steps with their titles, and where paths lead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nurture.web.admin.condition_words import (
    ConditionWords,
    duration_words,
    event_words,
    properties_words,
)
from nurture.web.admin.sequence_forms import kind_of
from nurture.web.i18n import gettext as _
from nurture.web.i18n import language
from nurture.web.names import subject_line

END: Final = "end"
# The words of a file, and those under which `words.py` keeps icons.
LOOKS: Final[Mapping[str, str]] = {
    "wait_for": "wait_for_event",
    "change_stage": "stage",
    "move_to": "move",
}

Subjects = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way on: what it is called, and the number (from 1) and title of the step it leads to.

    `number` is 0 at the end, and -1 when there is no such step.
    """

    label: str
    to: str
    number: int
    title: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One step as it is shown; `look` is the word for its icon, `arms` the ways that are told."""

    number: int
    key: str
    kind: str
    look: str
    title: str
    note: str
    template: str
    arms: tuple[Arm, ...] = ()


@dataclass(frozen=True)
class Flow:
    """Draws documents with the names of one page; `subjects` are {template: {language: …}}."""

    words: ConditionWords
    subjects: Subjects = field(default_factory=dict)

    def steps(self, document: Mapping[str, Any]) -> list[FlowStep]:
        """The steps of a document, which may be unfinished."""
        steps = steps_of(document)
        titles = [self.title(step) for step in steps]
        numbers = {str(step.get("key", "")): number for number, step in enumerate(steps, 1)}
        return [
            FlowStep(
                number,
                str(step.get("key", "")),
                kind_of(step),
                LOOKS.get(kind_of(step), kind_of(step)),
                titles[number - 1],
                self.note(step),
                str(step.get("email", "")),
                tuple(
                    self._arm(label, to, tone, number, numbers, titles)
                    for label, to, tone in self._ways(step)
                ),
            )
            for number, step in enumerate(steps, 1)
        ]

    def title(self, step: Mapping[str, Any]) -> str:
        """What a step does, in one line."""
        kind = kind_of(step)
        given = step.get(kind)
        match kind:
            case "email":
                return self.subject(str(given or "")) or _("An email that is not chosen yet")
            case "wait":
                return _pause_words(given)
            case "wait_for":
                return _("Wait for: %(what)s", what=self._awaited(given))
            case "branch":
                return _("Which way?")
            case "change_stage":
                return _("Change the stage to %(stage)s", stage=self.words.stage(given))
            case "move_to":
                return _("Move to “%(sequence)s”", sequence=self.words.sequence(given))
            case "goal":
                return _("Goal: %(what)s", what=self._awaited(given))
            case _:
                return _("Leave: %(reason)s", reason=given or "…")

    def note(self, step: Mapping[str, Any]) -> str:
        """What else there is to say about a step."""
        kind = kind_of(step)
        given = step.get(kind)
        if kind == "email":
            return str(given or "")
        if kind == "wait_for" and isinstance(given, Mapping):
            return _("at most %(time)s", time=duration_words(given.get("within", "…")))
        return ""

    def subject(self, template: str) -> str:
        """The subject of an email in the page's language, else its template's name."""
        known = self.subjects.get(template, {})
        line = known.get(language()) or next(iter(known.values()), "")
        return subject_line(line, {}) or template

    def _awaited(self, given: object) -> str:
        if not isinstance(given, Mapping):
            return "…"
        if "when" in given:
            return self.words.say(given["when"])
        said = event_words(str(given.get("event") or "…"))
        if given.get("of"):
            said = _("%(event)s of “%(step)s”", event=said, step=given["of"])
        return said + properties_words(given.get("where"))

    def _ways(self, step: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        kind = kind_of(step)
        given = step.get(kind)
        found: list[tuple[str, str, str]] = []
        if kind == "wait_for" and isinstance(given, Mapping):
            found.append((_("yes"), str(given.get("yes", "")), "leaf"))
            found.append((_("no"), str(given.get("no", "")), "sun"))
            if given.get("unknowable"):
                found.append((_("cannot be known"), str(given["unknowable"]), "sky"))
        elif kind == "branch" and isinstance(given, Mapping):
            cases = given.get("cases")
            found += [
                (self.words.say(case.get("when")), str(case.get("to", "")), "sky")
                for case in (cases if isinstance(cases, list) else ())
                if isinstance(case, Mapping)
            ]
            found.append((_("otherwise"), str(given.get("else", "")), ""))
        elif step.get("next"):
            found.append((_("then"), str(step["next"]), ""))
        return found

    @staticmethod
    def _arm(
        label: str, to: str, tone: str, number: int, numbers: Mapping[str, int], titles: list[str]
    ) -> Arm:
        place = numbers.get(to, -1) if to and to != END else (number + 1 if not to else 0)
        if place > len(titles):
            place = 0
        title = titles[place - 1] if place > 0 else (_("the end") if place == 0 else to)
        return Arm(label, to, place, title, tone)


def steps_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps of a document that may be unfinished."""
    steps = document.get("steps")
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def weekday_names() -> dict[str, str]:
    """The weekdays as files write them, and their short names."""
    return {
        "mon": _("Mon"), "tue": _("Tue"), "wed": _("Wed"), "thu": _("Thu"), "fri": _("Fri"),
        "sat": _("Sat"), "sun": _("Sun"),
    }  # fmt: skip


def setting_name(name: str) -> str:
    """What a key at the top of a sequence's document is called in its form."""
    names = {
        "name": _("Name"), "stage": _("Stage"), "trigger": _("Event"), "priority": _("Priority"),
        "entry": _("Who enters"), "exits": _("Who leaves early"), "window": _("When emails may go"),
        "reentry": _("May they come again?"), "spread": _("Spread over"),
    }  # fmt: skip
    return names.get(name, name)


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
