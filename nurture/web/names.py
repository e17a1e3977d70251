"""The names that campaigns give to stages, sequences, rules and emails, in the page's language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any

from nurture.domain.funnel import Funnel
from nurture.engine.definitions import Catalog
from nurture.engine.explain import Explanation
from nurture.web.i18n import language
from nurture.web.reasons import reason

_MERGE_FIELD = re.compile(r"{{\s*(?:(contact|event)\.(\w+(?:\.\w+)*))?.*?}}")
_DEFAULT = re.compile(r"default\(\s*(['\"])(.*?)\1")
_TAG = re.compile(r"{%.*?%}")


def chosen(names: Mapping[str, str], key: str) -> str:
    """The name in the page's language, else in any, else the key itself."""
    return names.get(language()) or next(iter(names.values()), "") or key


def subject_line(
    template: str, fields: Mapping[str, Any], event: Mapping[str, Any] | None = None
) -> str:
    """A subject with a contact's fields filled in, as near as words go without rendering it.

    `event` are the properties of what started the run that the email is of.
    """
    known: dict[str, Any] = {"contact": fields, "event": event or {}}

    def filled(match: re.Match[str]) -> str:
        own: Any = known.get(match[1])
        for name in match[2].split(".") if match[1] else ():
            own = own.get(name) if isinstance(own, Mapping) else None
        default = _DEFAULT.search(match[0])
        return str(own or (default[2] if default else "…"))

    return _MERGE_FIELD.sub(filled, _TAG.sub("", template)).strip()


@dataclass(frozen=True)
class Names:
    """How codes are called on one page."""

    funnel: Funnel | None = None
    sequences: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    zone: tzinfo | None = None
    """The zone of the contact or their company, where the page is about one and it is known."""
    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the reasons for leaving that campaigns give are called."""
    event: Mapping[str, Any] = field(default_factory=dict)
    """The properties of what started the run that is told of."""
    steps: Mapping[tuple[int | str, str], str] = field(default_factory=dict)
    """What steps are called, by their run's id and by their sequence's key."""
    place: tuple[int, str] = (0, "")
    """The run that is told of, 0 for none that has begun, and its sequence."""

    @classmethod
    def of(cls, told: Explanation) -> "Names":
        """The names around one contact."""
        profile = told.profile
        clock = told.week.clock
        own = clock.zone if clock.source in ("contact", "company") else None
        return cls(told.funnel, told.sequences, told.titles, profile.fields, own, told.reasons)

    @classmethod
    def published(cls, catalog: Catalog | None) -> "Names":
        """The names of everything published; codes stand for themselves before anything is."""
        if catalog is None:
            return cls()
        return cls(
            catalog.funnel,
            {key: one.sequence.names for key, one in catalog.current.items()},
            reasons=catalog.reasons,
        )

    def during(self, event: Mapping[str, Any]) -> "Names":
        """The names as the emails of one run use them, which `event` started."""
        return replace(self, event=event)

    def at(self, sequence: str, enrollment_id: int | None = None) -> "Names":
        """The names as one run of a sequence uses them, or as any does."""
        return replace(self, place=(enrollment_id or 0, sequence))

    def step(self, key: str) -> str:
        """A step of the run that is told of, as the page of its sequence calls it, else its key."""
        run, sequence = self.place
        return self.steps.get((run, key)) or self.steps.get((sequence, key)) or key

    def stage(self, key: str) -> str:
        """A stage."""
        stages = self.funnel.stages if self.funnel else ()
        return next((chosen(one.names, key) for one in stages if one.key == key), key)

    def stage_place(self, key: str) -> int:
        """The position of a stage in the funnel, from 1."""
        order = self.funnel.order if self.funnel else ()
        return order.index(key) + 1 if key in order else 1

    def sequence(self, key: str) -> str:
        """A sequence."""
        return chosen(self.sequences.get(key, {}), key)

    def sequence_or_stage(self, key: str) -> str:
        """Where a move led: a sequence, or the stage when it has none."""
        return self.sequence(key) if key in self.sequences else self.stage(key)

    def reason(self, code: str) -> str:
        """Why a run ended: by a campaign's own reason, or by one of ours."""
        own = self.reasons.get(code)
        return chosen(own, code) if own else reason(code)

    def topic(self, key: str) -> str:
        """A topic of consent."""
        topics = self.funnel.topics if self.funnel else {}
        return chosen(topics.get(key, {}), key)

    def field(self, key: str) -> str:
        """A field of contacts."""
        declared = self.funnel.fields.get(key) if self.funnel else None
        return chosen(declared.names, key) if declared else key

    def email(
        self, template: str, subject: str = "", event: Mapping[str, Any] | None = None
    ) -> str:
        """An email by its subject where one is known, else by its template's name.

        `event` are the properties of what started its run, which a subject may name, too.
        """
        known = self.event if event is None else event
        line = subject_line(subject or self.titles.get(template, ""), self.fields, known)
        return line or template
