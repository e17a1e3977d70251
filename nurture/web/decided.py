"""One line of the log of decisions in words: what was decided, and what called for it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nurture.web.ahead import by_clock
from nurture.web.deeds import DEEDS, LOOKS, deed
from nurture.web.formatting import long_time
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked
from nurture.web.names import Names
from nurture.web.reasons import path, reason
from nurture.web.telling import theirs
from nurture.web.words import Tone, event_word

_CAUSES: dict[str, str] = {
    "Entered": marked("The contact entered the sequence."),
    "TimerFired": marked("The time had come."),
    "Accepted": marked("The provider had taken the email."),
    "Unsent": marked("The email could not be sent."),
    "Held": marked("A rule held the email back at the last moment."),
    "Broken": marked("The email could not be made."),
    "Reconsider": marked("The contact's score, stage or fields had changed."),
    "MovedAway": marked("The contact's place was in another sequence now."),
    "ContentAdded": marked("New content was added."),
    "TakenOver": marked("A new version was published."),
    "Migrated": marked("Somebody took contacts over to another version."),
    "Resumed": marked("The sequence went on after its pause."),
    "NotEntered": marked("Entering a sequence was asked for."),
    "Withdrawn": marked("It was ended from outside."),
    "Happened": marked("The contact did something: %(event)s."),
}

# The weightiest decision of a line gives it its title.
_WEIGHT = (
    "Finish", "EnterSequence", "Send", "Skip", "Hold", "SetStage", *DEEDS, "Await", "WaitUntil",
    "Take", "Note", "Remember", "Meet",
)  # fmt: skip
_QUIET = frozenset({"Meet", "Remember"})

_LOOKS: dict[str, tuple[str, Tone]] = {
    "Send": ("send", "sky"),
    "Skip": ("mail-off", ""),
    "Hold": ("clock-pause", "sun"),
    "SetStage": ("stairs-up", "sky"),
    "EnterSequence": ("route", "leaf"),
    "Await": ("hourglass", "sky"),
    "WaitUntil": ("clock", "sky"),
    "Take": ("git-branch", "sky"),
    "Note": ("info-circle", ""),
    **LOOKS,
}

_ENDS: dict[str, tuple[str, Tone, str]] = {
    "Completed": ("circle-check", "leaf", marked("“%(sequence)s” came to its end")),
    "Exited": ("logout", "sun", marked("Left “%(sequence)s”: %(why)s")),
    "Moved": ("route", "leaf", marked("Left “%(sequence)s” for “%(to)s”")),
    "Failed": ("alert-triangle", "coral", marked("“%(sequence)s” cannot go on: %(why)s")),
    "Exhausted": ("hourglass", "sun", marked("“%(sequence)s” has no more emails for now")),
}

Told = tuple[str, Tone, str, tuple[str, ...]]


def decision_lines(
    cause: str, decided: Sequence[Mapping[str, Any]], sequence: str, names: Names
) -> Told:
    """Icon, tone, title and lines for one line of the log; `sequence` is its name."""
    ranked = sorted(decided, key=lambda one: _WEIGHT.index(one["do"]))
    first, rest = ranked[0], [one for one in decided if one is not ranked[0]]
    lines = [_cause(cause)]
    lines += [_sentence(one, sequence, names) + "." for one in rest if one["do"] not in _QUIET]
    if first["do"] == "Finish":
        icon, tone, _words = _ENDS[first["state"]["is"]]
    else:
        icon, tone = _LOOKS.get(first["do"], ("info-circle", ""))
    title = _sentence(first, sequence, names)
    if cause == "Entered":
        lines[0] = title + "."
        title = _("Entered “%(sequence)s”", sequence=sequence)
        icon, tone = "user-plus", "leaf"
    elif first["do"] != "Finish":
        lines[0] = f"{sequence} · {lines[0]}"
    return icon, tone, title, tuple(lines)


def _cause(cause: str) -> str:
    kind, _space, detail = cause.partition(" ")
    words = _CAUSES.get(kind)
    if kind == "Withdrawn" and detail:
        return _("Because %(why)s.", why=reason(detail))
    return _(words, event=event_word(detail)) if words else cause


def _sentence(one: Mapping[str, Any], sequence: str, names: Names) -> str:
    step = names.step(str(one.get("step", "")))
    match one["do"]:
        case "Send":
            return _("Decided to send “%(email)s”", email=names.email(str(one["template"])))
        case "Skip":
            why = reason(str(one["why"]))
            return _("Passed over “%(step)s”: %(why)s", step=step, why=why)
        case "Hold":
            until = theirs(datetime.fromisoformat(one["release"]), names)
            why = reason(str(one["reason"]))
            told = _("Held “%(step)s” until %(until)s", step=step, until=until)
            return f"{_by(told, one)}: {why}"
        case "WaitUntil":
            until = theirs(datetime.fromisoformat(one["at"]), names)
            return _by(_("Waits at “%(step)s” until %(until)s", step=step, until=until), one)
        case "Await":
            until = _time(one["deadline"])
            return _("Waits for an answer at “%(step)s” until %(until)s", step=step, until=until)
        case "Take":
            told = _("At “%(step)s”: %(path)s", step=step, path=path(str(one["path"])))
            return f"{told}, {reason(str(one['why']))}" if one.get("why") else told
        case "SetStage":
            return _("Asked for the stage “%(stage)s”", stage=names.stage(str(one["stage"])))
        case "EnterSequence":
            return _("Moves on to “%(to)s”", to=names.sequence(str(one["sequence"])))
        case "Finish":
            state = one["state"]
            why = names.reason(str(state.get("reason") or state.get("error") or ""))
            to = names.sequence_or_stage(str(state.get("to", "")))
            return _(_ENDS[state["is"]][2], sequence=sequence, why=why, to=to)
        case do if do in LOOKS:
            return deed(one, names)
        case "Note":
            return _("Nothing changes: %(why)s", why=str(one["why"] or one["what"]))
        case _:
            return _("Arrived at “%(step)s”", step=step)


def _by(told: str, one: Mapping[str, Any]) -> str:
    """Add whose clock was asked for a time."""
    whose = by_clock(str(one.get("zone", "")))
    return f"{told}, {whose}" if whose else told


def _time(text: str) -> str:
    return long_time(datetime.fromisoformat(text))
