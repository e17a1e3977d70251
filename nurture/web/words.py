"""The words, tones and icons for what the engine names by codes."""

from dataclasses import dataclass
from typing import Literal

from flask import Flask

from nurture.domain.experiments import HELD_OUT, HOLD_OUT, MAILED
from nurture.engine.definitions import TRACK
from nurture.store.reports import Person
from nurture.web.i18n import gettext
from nurture.web.i18n import marked as _

Tone = Literal["", "leaf", "sun", "coral", "sky"]


@dataclass(frozen=True, slots=True)
class Word:
    """How a code is shown: `label` is already in the page's language."""

    label: str
    tone: Tone
    icon: str


# Enrollments and sends have some states in common, and those mean the same in both.
_STATES: dict[str, Word] = {
    "waiting": Word(_("Waiting"), "sky", "clock"),
    "awaiting": Word(_("Awaiting an event"), "sky", "hourglass"),
    "holding": Word(_("On hold"), "sun", "hand-stop"),
    "sending": Word(_("Sending"), "leaf", "send"),
    "exhausted": Word(_("Out of content"), "sun", "hourglass"),
    "completed": Word(_("Completed"), "leaf", "circle-check"),
    "exited": Word(_("Left"), "", "logout"),
    "moved": Word(_("Moved on"), "leaf", "arrow-right"),
    "failed": Word(_("Failed"), "coral", "alert-triangle"),
    "queued": Word(_("Queued"), "sky", "list-details"),
    "claimed": Word(_("Claimed"), "sky", "bolt"),
    "accepted": Word(_("Sent"), "leaf", "mail-forward"),
    "delivered": Word(_("Delivered"), "leaf", "mail-check"),
    "bounced": Word(_("Bounced"), "coral", "mail-x"),
    "complained": Word(_("Complained"), "coral", "message-report"),
    "held": Word(_("On hold"), "sun", "hand-stop"),
    "skipped": Word(_("Skipped"), "", "mail-off"),
    "cancelled": Word(_("Cancelled"), "", "ban"),
    "uncertain": Word(_("Uncertain"), "sun", "alert-circle"),
    "draft": Word(_("Draft"), "", "edit"),
    "published": Word(_("Published"), "leaf", "rocket"),
    "paused": Word(_("Paused"), "sun", "player-pause"),
    "archived": Word(_("Archived"), "", "ban"),
    "suppressed": Word(_("Suppressed"), "coral", "mail-off"),
    "subscribed": Word(_("Subscribed"), "leaf", "mail"),
}

_TEMPERATURES: dict[str, Word] = {
    "cold": Word(_("Cold"), "sky", "snowflake"),
    "warm": Word(_("Warm"), "sun", "sun"),
    "hot": Word(_("Hot"), "coral", "flame"),
}

_EVENTS: dict[str, str] = {
    "open": _("an opened email"),
    "click": _("a click"),
    "visit": _("a visit to the site"),
    "form": _("a form sent"),
    "purchase": _("a purchase"),
    "delivered": _("a delivery"),
    "bounce": _("a bounced email"),
    "complaint": _("a spam report"),
    "unsubscribe": _("an unsubscription"),
    "segment_entered": _("coming into a segment"),
    "segment_left": _("leaving a segment"),
    "subscription_asked": _("a sign-up that waits for confirmation"),
    "subscribed": _("a sign-up"),
}

_STEPS: dict[str, Word] = {
    "email": Word(_("Email"), "leaf", "mail"),
    "wait": Word(_("Wait"), "sun", "clock"),
    "wait_until": Word(_("Wait until a date"), "sun", "calendar-event"),
    "wait_for_event": Word(_("Wait for an event"), "sun", "hourglass"),
    "branch": Word(_("Branch"), "sky", "git-branch"),
    "split": Word(_("Split"), "sky", "arrows-split-2"),
    "update": Word(_("Update the contact"), "leaf", "edit"),
    "notify": Word(_("Notify a person"), "leaf", "bell"),
    "webhook": Word(_("Tell another system"), "leaf", "webhook"),
    "enter": Word(_("Also enter a sequence"), "leaf", "door-enter"),
    "leave": Word(_("End another sequence"), "", "door-exit"),
    "stage": Word(_("Change the stage"), "leaf", "stairs-up"),
    "move": Word(_("Move to a sequence"), "leaf", "route"),
    "exit": Word(_("Exit"), "coral", "logout"),
    "goal": Word(_("Goal"), "leaf", "flag"),
}


def state_word(code: str) -> Word:
    """How the state of an enrollment, a send or a sequence is shown."""
    return _shown(_STATES, code)


def temperature_word(code: str) -> Word:
    """How cold, warm or hot is shown."""
    return _shown(_TEMPERATURES, code)


def step_word(code: str) -> Word:
    """How a kind of step is shown."""
    return _shown(_STEPS, code)


_ARMS: dict[str, str] = {HELD_OUT: _("held out"), MAILED: _("mailed")}


def arm_word(key: str) -> str:
    """An arm of an experiment; those of a split keep the names that people gave them."""
    return gettext(_ARMS[key]) if key in _ARMS else key


def experiment_word(key: str) -> str:
    """An experiment: a track's hold-out in words, a split by its key."""
    kind, _colon, track = key.partition(":")
    return hold_out_word(track) if kind == HOLD_OUT and track else key


def hold_out_word(track: str) -> str:
    """The hold-out of a track; the usual track needs no name."""
    if track == TRACK:
        return gettext(_("Control group without emails"))
    return gettext(_("Control group without emails in the track “%(track)s”"), track=track)


def event_word(name: str) -> str:
    """An event as a noun; one of the user's own keeps its name."""
    word = _EVENTS.get(name)
    return gettext(word) if word else name


def _shown(words: dict[str, Word], code: str) -> Word:
    # A code this page has no word for is shown as it is: better than hiding a fact.
    word = words.get(code)
    return Word(gettext(word.label), word.tone, word.icon) if word else Word(code, "", "tag")


def whom(person: Person) -> str:
    """Who a row is about, by name or address; nobody knows who somebody erased was."""
    return person.name or person.email or gettext("Erased contact")


def install(app: Flask) -> None:
    """Give templates the four functions, that of events as a filter, too."""
    app.jinja_env.globals.update(
        state_word=state_word,
        temperature_word=temperature_word,
        step_word=step_word,
        event_word=event_word,
    )
    app.jinja_env.filters["event_word"] = event_word
    app.jinja_env.filters["whom"] = whom
