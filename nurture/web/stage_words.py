"""Stages and qualification in words: who asked, why, and what is known of a contact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nurture.domain.stages import Actor, Edge
from nurture.web.i18n import gettext
from nurture.web.i18n import marked as _
from nurture.web.names import Names
from nurture.web.words import Tone

LETTER_NAMES: Mapping[str, str] = {
    "budget": _("Budget"),
    "authority": _("Authority"),
    "need": _("Need"),
    "timing": _("Timing"),
}
ANSWER_NAMES: Mapping[str, tuple[str, Tone, str]] = {
    "unknown": (_("unknown"), "", "circle-dashed"),
    "no": (_("no"), "coral", "x"),
    "partial": (_("partly"), "sun", "minus"),
    "yes": (_("yes"), "leaf", "check"),
}
ACTOR_NAMES: Mapping[str, str] = {
    "rules": _("the rules"),
    "marketing": _("marketing"),
    "sales": _("sales"),
}
KIND_NAMES: Mapping[str, str] = {
    "promote": _("forward"),
    "demote": _("back"),
    "recycle": _("back to nurturing"),
    "override": _("against the rules"),
}
# Why sales turn somebody down: the usual codes; a team may write its own into funnel.yaml.
_REASONS: Mapping[str, str] = {
    "not_now": _("Not now"),
    "no_budget": _("No budget"),
    "no_authority": _("Cannot decide it"),
    "no_need": _("No need"),
    "no_answer": _("Does not answer"),
    "wrong_fit": _("Not our kind of customer"),
    "chose_another": _("Chose somebody else"),
}
# The parts of a persona's description, in the order in which they are told.
TEXT_NAMES: Mapping[str, str] = {
    "description": _("Who they are"),
    "goals": _("Goals"),
    "pains": _("Pains"),
    "objections": _("Objections"),
    "triggers": _("What makes them buy"),
    "before": _("Life before"),
    "after": _("Life with it"),
}


@dataclass(frozen=True, slots=True)
class Way:
    """An edge out of the contact's stage that a person may take, on whose behalf."""

    edge: Edge
    actor: Actor

    @property
    def code(self) -> str:
        """What the form sends for it."""
        return f"{self.actor.value}:{self.edge.to}"


def reason_word(code: str) -> str:
    """The reason that a person gave, in words; a team's own code with its underscores gone."""
    known = _REASONS.get(code)
    return gettext(known) if known else code.replace("_", " ").replace("-", " ").capitalize()


def actor_word(code: str) -> str:
    """Who takes an edge."""
    known = ACTOR_NAMES.get(code)
    return gettext(known) if known else code


def kind_word(code: str) -> str:
    """What an edge means."""
    known = KIND_NAMES.get(code)
    return gettext(known) if known else code


def source_word(source: str, names: Names) -> str:
    """Where an answer to BANT came from."""
    kind, _colon, rest = source.partition(":")
    rest = rest.strip()
    match kind:
        case "admin":
            return gettext(_("in the admin"))
        case "command line":
            return gettext(_("on the command line"))
        case "sequence":
            return gettext(_("by the sequence “%(name)s”"), name=names.sequence(rest))
        case "event":
            return gettext(_("by the event “%(name)s”"), name=rest)
        case "import":
            return gettext(_("in the file “%(name)s”"), name=rest)
        case _:
            return source


def reasons_of(codes: Sequence[str]) -> list[tuple[str, str]]:
    """Reasons to choose from."""
    return [(code, reason_word(code)) for code in codes]


def answers_of() -> list[tuple[str, str]]:
    """Answers to a letter of BANT to choose from."""
    return [(code, gettext(word)) for code, (word, _tone, _icon) in ANSWER_NAMES.items()]


def ways_of(ways: Sequence[Way], names: Names) -> list[tuple[str, str]]:
    """Ways out of a stage to choose from: where to, what that means, and on whose behalf."""
    return [
        (
            one.code,
            gettext(
                _("%(stage)s (%(kind)s, for %(who)s)"),
                stage=names.stage(one.edge.to),
                kind=kind_word(one.edge.kind),
                who=actor_word(one.actor),
            ),
        )
        for one in ways
    ]


def reasons_in(ways: Sequence[Way]) -> list[str]:
    """The codes that any of these ways asks for, each once."""
    return list(dict.fromkeys(code for one in ways for code in one.edge.reasons))
