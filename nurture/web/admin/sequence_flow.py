"""A sequence's document as a flow to look at: steps with their titles, and where paths lead."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from nurture.web.admin.condition_words import ConditionWords
from nurture.web.admin.sequence_forms import kind_of
from nurture.web.admin.sequence_words import StepWords, Subjects, items
from nurture.web.formatting import percent
from nurture.web.i18n import gettext as _

END: Final = "end"
# The words of a file, and those under which `words.py` keeps icons.
LOOKS: Final[Mapping[str, str]] = {
    "wait_for": "wait_for_event",
    "change_stage": "stage",
    "move_to": "move",
}

# The kinds that are coloured as another one is.
TINTS: Final[Mapping[str, str]] = {
    "wait_for_event": "wait",
    "wait_until": "wait",
    "split": "branch",
}


@dataclass(frozen=True, slots=True)
class Way:
    """One way on as a document names it; `arm` is the key of a split's arm."""

    label: str
    to: str
    tone: str = ""
    arm: str = ""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way on: what it is called, and the number (from 1) and title of the step it leads to.

    `number` is 0 at the end, and -1 when there is no such step. `key` is that of a split's arm.
    """

    label: str
    to: str
    number: int
    title: str
    tone: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One step as it is shown; `look` is the word for its icon, `arms` the ways that are told.

    `experiment` is the key under which a split divides contacts.
    """

    number: int
    key: str
    kind: str
    look: str
    title: str
    note: str
    template: str
    arms: tuple[Arm, ...] = ()
    experiment: str = ""


@dataclass(frozen=True)
class Flow:
    """Draws documents with the names of one page; `subjects` are {template: {language: …}}."""

    words: ConditionWords
    subjects: Subjects = field(default_factory=dict)

    def steps(self, document: Mapping[str, Any]) -> list[FlowStep]:
        """The steps of a document, which may be unfinished."""
        steps = steps_of(document)
        said = replace(self.said, emails={str(one.get("key")): one.get("email") for one in steps})
        titles = [said.title(step) for step in steps]
        numbers = {str(step.get("key", "")): number for number, step in enumerate(steps, 1)}
        return [
            FlowStep(
                number,
                str(step.get("key", "")),
                kind_of(step),
                LOOKS.get(kind_of(step), kind_of(step)),
                titles[number - 1],
                self.said.note(step),
                str(step.get("email", "")),
                tuple(_arm(way, number, numbers, titles) for way in self._ways(step)),
                _experiment(document, step),
            )
            for number, step in enumerate(steps, 1)
        ]

    @property
    def said(self) -> StepWords:
        """What says steps."""
        return StepWords(self.words, self.subjects)

    def title(self, step: Mapping[str, Any]) -> str:
        """What a step does, in one line."""
        return self.said.title(step)

    def subject(self, template: str) -> str:
        """The subject of an email in the page's language, else its template's name."""
        return self.said.subject(template)

    def _ways(self, step: Mapping[str, Any]) -> Iterator[Way]:
        kind = kind_of(step)
        given = step.get(kind)
        group = given if isinstance(given, Mapping) else {}
        unknowable = str(group.get("unknowable") or "")
        if kind == "wait_for":
            yield Way(_("yes"), str(group.get("yes", "")), "leaf")
            yield Way(_("no"), str(group.get("no", "")), "sun")
        elif kind == "branch":
            for case in items(group.get("cases")):
                yield Way(self.words.say(case.get("when")), str(case.get("to", "")), "sky")
            yield Way(_("otherwise"), str(group.get("else", "")))
        elif kind == "split":
            yield from _split_ways(group)
        elif kind == "wait_until":
            for name, label in (("past", _("date over")), ("missing", _("no date"))):
                if group.get(name):
                    yield Way(label, str(group[name]), "sun")
        if unknowable:
            yield Way(_("cannot be known"), unknowable, "sky")
        if step.get("next"):
            yield Way(_("then"), str(step["next"]))


def _split_ways(split: Mapping[str, Any]) -> Iterator[Way]:
    arms = items(split.get("arms"))
    weights = [_weight(arm) for arm in arms]
    total = sum(weights)
    for arm, weight in zip(arms, weights, strict=True):
        key = str(arm.get("key", ""))
        label = f"{key} · {percent(weight / total)}" if total else key
        held = bool(arm.get("hold_out"))
        label = _("%(arm)s, control group", arm=label) if held else label
        yield Way(label, str(arm.get("to", "")), "" if held else "sky", key)


def _weight(arm: Mapping[str, Any]) -> float:
    weight = arm.get("weight", 1)
    return weight if isinstance(weight, int | float) and weight > 0 else 0


def _arm(way: Way, number: int, numbers: Mapping[str, int], titles: list[str]) -> Arm:
    to = way.to
    place = numbers.get(to, -1) if to and to != END else (number + 1 if not to else 0)
    if place > len(titles):
        place = 0
    title = titles[place - 1] if place > 0 else (_("the end") if place == 0 else to)
    return Arm(way.label, to, place, title, way.tone, way.arm)


def _experiment(document: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    split = step.get("split")
    if not isinstance(split, Mapping):
        return ""
    return str(split.get("experiment") or f"{document.get('key', '')}.{step.get('key', '')}")


def experiments_of(document: Mapping[str, Any]) -> list[str]:
    """The keys under which the splits of a document divide contacts."""
    found = (_experiment(document, step) for step in steps_of(document))
    return [one for one in found if one]


def steps_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps of a document that may be unfinished."""
    steps = document.get("steps")
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def setting_name(name: str) -> str:
    """What a key at the top of a sequence's document is called in its form."""
    names = {
        "name": _("Name"), "stage": _("Stage"), "trigger": _("Event"), "priority": _("Priority"),
        "entry": _("Who enters"), "exits": _("Who leaves early"), "window": _("When emails may go"),
        "reentry": _("May they come again?"), "spread": _("Spread over"), "track": _("Track"),
        "returning": _("Whoever comes again"), "notes": _("Notes"),
    }  # fmt: skip
    return names.get(name, name)
