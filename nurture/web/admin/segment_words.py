"""What asks for a segment, in the language of the page and with its page to go to."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import url_for

from nurture.domain.funnel import Funnel
from nurture.engine.segment_uses import By, Use
from nurture.web.admin.condition_words import ConditionWords
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext
from nurture.web.names import chosen


@dataclass(frozen=True, slots=True)
class Said:
    """One use: what kind of thing it is, its name, more about it, and its address if it has one."""

    kind: str
    name: str
    more: str = ""
    url: str = ""


def uses_in_words(uses: Iterable[Use], words: ConditionWords | None) -> list[Said]:
    """The uses as a page lists them; by their keys before a funnel is published."""
    return [_said(one, words) for one in uses]


def _said(use: Use, words: ConditionWords | None) -> Said:
    match use.by:
        case By.SEQUENCE | By.VERSION:
            name = words.sequence(use.key) if words else use.key
            more = ""
            if use.by is By.VERSION:
                more = ngettext(
                    "version %(version)s, with %(num)s contact under way",
                    "version %(version)s, with %(num)s contacts under way",
                    use.live, version=use.number,
                )  # fmt: skip
            return Said(_("Sequence"), name, more, url_for("sequences.show", key=use.key))
        case By.SEGMENT:
            name = words.segment(use.key) if words else use.key
            return Said(_("Segment"), name, "", url_for("segments.show", key=use.key))
        case By.EDGE:
            start, _arrow, end = use.key.partition("→")
            ends = (words.stage(start), words.stage(end)) if words else (start, end)
            return Said(_("Way between stages"), " → ".join(ends))
        case By.SCORE | By.FIT | By.PERSONA:
            return Said(_rule(use.by), _named(use, words.funnel) if words else use.key)


def _rule(by: By) -> str:
    match by:
        case By.SCORE:
            return _("Score rule")
        case By.FIT:
            return _("Fit rule")
        case _:
            return _("Persona")


def _named(use: Use, funnel: Funnel) -> str:
    """The name of a rule or a persona of the funnel."""
    names = {
        By.SCORE: {one.key: one.names for one in funnel.rules},
        By.FIT: {one.key: one.names for one in funnel.fit_rules},
        By.PERSONA: {one.key: one.names for one in funnel.personas},
    }[use.by]
    return chosen(names.get(use.key, {}), use.key)
