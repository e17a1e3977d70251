"""How a sequence is entered again, in words: re-entry, a run under way, and coming back."""

from collections.abc import Mapping
from typing import Any

from nurture.domain.segments import BORDER, ENTERED
from nurture.store.segments import published
from nurture.web.admin.condition_words import duration_words
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.names import chosen
from nurture.web.words import event_word


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


def begins(trigger: Mapping[str, Any]) -> str:
    """What begins a triggered sequence: its event, and the segment whose border it is about."""
    event, where = str(trigger.get("event", "")), trigger.get("where")
    key = where.get("segment") if isinstance(where, Mapping) else None
    if event not in BORDER or not isinstance(key, str):
        word = event_word(event)
        if word == event:
            return _("starts with the event “%(event)s”", event=event)
        return _("starts with %(event)s", event=word)
    with dependencies().engine.database.read() as tx:
        stored = next((one for one in published(tx) if one.key == key), None)
    names = stored.document.get("name") if stored else None
    name = chosen(names if isinstance(names, Mapping) else {}, key)
    if event == ENTERED:
        return _("starts when somebody comes into “%(segment)s”", segment=name)
    return _("starts when somebody leaves “%(segment)s”", segment=name)


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
