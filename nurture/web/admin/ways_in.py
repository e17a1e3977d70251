"""How a sequence is entered again, in words: re-entry, a run under way, and coming back."""

from collections.abc import Mapping
from typing import Any

from nurture.web.admin.condition_words import duration_words
from nurture.web.i18n import gettext as _


def ways_in(document: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What a sequence's page says of it: (what, how); nothing where the usual holds."""
    told = []
    trigger = document.get("trigger")
    if isinstance(trigger, Mapping):
        told.append((_("Comes again"), _again(document.get("reentry", "never"), trigger)))
        active = _active(str(trigger.get("while_active", "ignore")))
        if active:
            told.append((_("Under way"), active))
    back = _back(str(document.get("returning", "skip")))
    if back:
        told.append((_("Comes back"), back))
    return tuple(told)


def _again(reentry: object, trigger: Mapping[str, Any]) -> str:
    if isinstance(reentry, Mapping):
        return _("at the earliest %(time)s later", time=duration_words(reentry.get("after")))
    match reentry:
        case "one_at_a_time":
            return _("every time, one run after the other")
        case "keyed":
            return _("once for each %(key)s", key=trigger.get("key", ""))
        case _:
            return _("never")


def _active(word: str) -> str:
    match word:
        case "restart":
            return _("the event begins it anew")
        case "queue":
            return _("the event waits until the run ends")
        case _:
            return ""


def _back(word: str) -> str:
    match word:
        case "resume":
            return _("goes on where it stopped")
        case "restart":
            return _("gets everything of this sequence again")
        case _:
            return ""
