"""The desk a draft is edited at: the draft, what is wrong with it, and the names around it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from nurture.domain.contact import Engaged
from nurture.domain.segments import ENTERED, LEFT
from nurture.engine.dependencies import Dependencies
from nurture.engine.draft_check import check_draft
from nurture.engine.drafts import Draft, load
from nurture.errors import Problem
from nurture.web.admin.condition_rows import text_problems
from nurture.web.admin.condition_terms import (
    BANT_NAMES,
    EVENT_NAMES,
    FACT_NAMES,
    RELATIONS,
    SCORE_NAMES,
)
from nurture.web.admin.sequence_flow import END, FlowStep, steps_of
from nurture.web.admin.sequence_forms import LETTERS
from nurture.web.admin.sequence_names import Known, known
from nurture.web.i18n import gettext as _
from nurture.web.names import chosen
from nurture.web.problem_words import tell
from nurture.web.stage_words import answers_of
from nurture.web.words import event_word

Options = list[tuple[str, str]]


@dataclass(frozen=True)
class Faults:
    """What is wrong, found by the place in the document; `prefix` is the part being edited."""

    problems: tuple[Problem, ...] = ()
    prefix: str = ""

    def __call__(self, *places: str) -> str:
        """The faults at these places of the part, and deeper, in one text; empty when none."""
        wanted = [".".join(filter(None, (self.prefix, place))) for place in places]
        found = [
            tell(problem)
            for problem in self.problems
            if any(within(problem.field, place) for place in wanted)
        ]
        return " ".join(dict.fromkeys(found))

    def inside(self, prefix: str) -> "Faults":
        """The faults of one part of the document."""
        some = tuple(one for one in self.problems if within(one.field, prefix))
        return Faults(some, prefix)

    def outside(self, place: str) -> "Faults":
        """The faults everywhere but at one place of the document, and deeper."""
        some = tuple(one for one in self.problems if not within(one.field, place))
        return Faults(some, self.prefix)

    def exactly(self, *places: str) -> str:
        """The faults at these places of the part and no deeper, where no field shows them."""
        wanted = [".".join(filter(None, (self.prefix, place))) for place in places]
        found = [tell(problem) for problem in self.problems if problem.field in wanted]
        return " ".join(dict.fromkeys(found))

    @property
    def told(self) -> list[str]:
        """All of them in words, each once."""
        return list(dict.fromkeys(tell(problem) for problem in self.problems))


def within(field: str, place: str) -> bool:
    """Whether a problem's field is `place` or lies in it."""
    return field == place or field.startswith((f"{place}.", f"{place}["))


@dataclass(frozen=True)
class Desk:
    """Everything a page of the editor needs. `faults` are empty until somebody asks for them."""

    draft: Draft
    known: Known
    faults: Faults

    @property
    def document(self) -> dict[str, Any]:
        """The draft's document, to be changed."""
        return dict(self.draft.document)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps of the draft."""
        return steps_of(self.draft.document)

    def flow(self) -> list[FlowStep]:
        """The steps as they are drawn."""
        return self.known.flow().steps(self.draft.document)

    def targets(self, *values: object, below: bool = True, then: bool = False) -> Options:
        """Where a path may lead: the step below, each step, the end, and what is chosen now.

        Without `below` it does not go on below; with `then` it goes where the step leads.
        """
        options = [
            ("", _("as named below, at “Where it goes on”") if then else _("the step below"))
        ]
        options = options if below or then else []
        options += [(one.key, f"{one.number}. {one.title}") for one in self.flow() if one.key]
        options.append((END, _("the end")))
        return with_current(options, *values)

    def emails(self, value: object) -> Options:
        """The emails in the templates' folder, by subject."""
        flow = self.known.flow()
        options = [("", _("Choose an email"))]
        options += [(name, f"{flow.subject(name)} ({name})") for name in self.known.subjects]
        return with_current(options, value)

    def email_steps(self, value: object) -> Options:
        """The steps that send an email, for the question whose click it was."""
        options = [("", _("any email"))]
        options += [(s.key, f"{s.number}. {s.title}") for s in self.flow() if s.kind == "email"]
        return with_current(options, value)

    def stages(self, value: object = "") -> Options:
        """The funnel's stages."""
        words, order = self.known.words, self.known.funnel.order
        return with_current([(key, words.stage(key)) for key in order], value)

    def topics(self, value: object) -> Options:
        """What contacts agree to."""
        topics = self.known.funnel.topics.items()
        return with_current([(key, chosen(names, key)) for key, names in topics], value)

    def sequences(self, value: object) -> Options:
        """The other sequences."""
        words = self.known.words
        options = [
            (one.key, words.sequence(one.key))
            for one in self.known.listed
            if one.key != self.draft.key and one.number
        ]
        return with_current([("", _("Choose a sequence")), *options], value)

    def subjects(self, value: str = "") -> list[tuple[str, Options]]:
        """What a row of a condition may look at, in groups."""
        words, funnel = self.known.words, self.known.funnel
        groups: list[tuple[str, Iterable[str]]] = [
            (_("What they did"), (f"did.{event}" for event in EVENT_NAMES)),
            (_("Scores"), (f"score.{name}" for name in SCORE_NAMES)),
            (_("Where they stand"), FACT_NAMES),
            (_("Fields"), (f"field.{name}" for name in funnel.fields)),
            (_("Qualification"), (f"bant.{name}" for name in BANT_NAMES)),
            (_("Consent"), (f"consent.{name}" for name in funnel.topics)),
        ]
        shown = [(name, [(one, words.subject(one)) for one in codes]) for name, codes in groups]
        if value and not any(value == code for _name, options in shown for code, _said in options):
            shown.append((_("Other"), [(value, words.subject(value))]))
        return shown

    def relations(self, value: str = "") -> Options:
        """How a row compares."""
        return with_current([(code, _(word)) for code, word in RELATIONS.items()], value)

    def fields(self, value: object = "") -> Options:
        """The contact's fields."""
        words, names = self.known.words, self.known.funnel.fields
        options = [(name, words.subject(f"field.{name}")) for name in names]
        return with_current([("", _("Choose a field")), *options], value)

    def dates(self, value: object = "") -> Options:
        """The contact's fields, those that hold a date first."""
        declared = self.known.funnel.fields
        options = self.fields(value)
        holds_date = {name for name, one in declared.items() if one.type == "date"}
        return sorted(options, key=lambda one: (one[0] != "", one[0] not in holds_date))

    def ticked(self, chosen: object) -> list[tuple[str, str, bool]]:
        """The contact's fields to tick: what is chosen first, in its order, then all others."""
        first = [str(one) for one in chosen] if isinstance(chosen, list) else []
        said = dict(self.fields()[1:])
        return [
            *((name, said.get(name, name), True) for name in first),
            *((name, word, False) for name, word in said.items() if name not in first),
        ]

    def endpoints(self, value: object) -> Options:
        """The systems that can be told, with the host of their address."""
        known_ones = self.known.funnel.endpoints
        options = [
            (key, f"{key} ({urlsplit(one.url).hostname})") for key, one in known_ones.items()
        ]
        return with_current([("", _("Choose a system")), *options], value)

    @staticmethod
    def letters(chosen: Mapping[str, object]) -> list[str]:
        """The letters of BANT: what is chosen first, in its order."""
        return [
            *(one for one in chosen if one in LETTERS),
            *(one for one in LETTERS if one not in chosen),
        ]

    @staticmethod
    def answers(value: object) -> Options:
        """What a letter of BANT may become."""
        options = [("", _("leave it as it is"))]
        return with_current([*options, *answers_of()], value)

    @property
    def events(self) -> Options:
        """The events that have a meaning of ours, with their words; any other may be typed."""
        return [
            (event, event_word(event))
            for event in (*(event.value for event in Engaged), ENTERED, LEFT)
        ]


def desk(engine: Dependencies, key: str, *, check: bool = True) -> Desk:
    """The desk for a sequence's draft. Raises NotFound."""
    draft = load(engine, key)
    faults = Faults(problems_of(engine, draft.document)) if check else Faults()
    return Desk(draft, known(engine), faults)


def problems_of(engine: Dependencies, document: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Everything wrong with a document, with the reason why a condition's text is no YAML."""
    found: list[Problem] = []
    for problem in check_draft(engine, document).problems:
        unread = text_problems(_at(document, problem.field))
        found += (Problem(one.message, one.remedy, field=problem.field) for one in unread)
        if not unread:
            found.append(problem)
    return tuple(found)


def with_current(options: Options, *values: object) -> Options:
    """The options, and whatever is chosen now though it is none of them: a form loses nothing."""
    known_codes = {code for code, _text in options}
    lost = [str(value) for value in values if value and str(value) not in known_codes]
    return [*options, *((one, _("%(value)s (not there)", value=one)) for one in lost)]


def _at(document: object, field: str) -> object:
    for part in field.replace("[", ".").replace("]", "").split("."):
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document
