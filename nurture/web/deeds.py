"""What decisions do beside their run, in words: facts, experiments, other sequences, versions."""

from collections.abc import Mapping
from typing import Any

from nurture.engine.notice_readers import OWNER
from nurture.web.i18n import gettext as _
from nurture.web.names import Names
from nurture.web.reasons import reason
from nurture.web.stage_words import ANSWER_NAMES, LETTER_NAMES
from nurture.web.words import Tone, arm_word, experiment_word

# From the weightiest; all of them weigh more than a wait and less than a send.
DEEDS = (
    "NotEntered", "EnterBeside", "LeaveBeside", "WouldSend", "Tell", "SetFact", "Expose", "Rebase",
    "Pace",
)  # fmt: skip

LOOKS: dict[str, tuple[str, Tone]] = {
    "NotEntered": ("hand-stop", "sun"),
    "EnterBeside": ("route", "leaf"),
    "LeaveBeside": ("logout", "sun"),
    "WouldSend": ("mail-off", ""),
    "Tell": ("send", "sky"),
    "SetFact": ("edit", "sky"),
    "Expose": ("git-branch", "sky"),
    "Rebase": ("history", "sky"),
    "Pace": ("clock-pause", "sun"),
}


def deed(one: Mapping[str, Any], names: Names) -> str:
    """One of these decisions in words, without a full stop."""
    match one["do"]:
        case "NotEntered" if one["why"] == "queued":
            return _("Will enter “%(to)s” again when this is over", to=_to(one, names))
        case "NotEntered":
            why = reason(str(one["why"]))
            return _("Does not enter “%(to)s”: %(why)s", to=_to(one, names), why=why)
        case "EnterBeside":
            return _("Enters “%(to)s” as well", to=_to(one, names))
        case "LeaveBeside":
            return _("Leaves “%(to)s”, and goes on here", to=_to(one, names))
        case "WouldSend":
            email = names.email(str(one["template"]))
            return _(
                "Would have sent “%(email)s”; the contact is in the control group", email=email
            )
        case "Tell" if one["kind"] == "webhook":
            return _("Tells the system “%(who)s”", who=one["to"])
        case "Tell":
            if one["to"] == OWNER:
                return _("Writes to the contact's owner")
            return _("Writes to %(who)s", who=one["to"])
        case "SetFact":
            return _fact(one, names)
        case "Expose":
            arm = arm_word(str(one["arm"]))
            experiment = experiment_word(str(one["experiment"]))
            return _("Takes part in “%(experiment)s”: %(arm)s", experiment=experiment, arm=arm)
        case "Rebase":
            return _("Goes on in version %(number)s", number=one["version"])
        case _:
            return _("Catches up slowly after the pause")


def _fact(one: Mapping[str, Any], names: Names) -> str:
    name, value = str(one["name"]), one.get("value")
    match one["fact"]:
        case "tag":
            return _("Tagged “%(tag)s”", tag=name)
        case "untag":
            return _("Took away the tag “%(tag)s”", tag=name)
        case "field" if value is None:
            return _("Cleared “%(field)s”", field=names.field(name))
        case "field":
            return _("Set “%(field)s” to “%(value)s”", field=names.field(name), value=value)
        case _:
            letter = _(LETTER_NAMES.get(name, name))
            answer = ANSWER_NAMES.get(str(value))
            told = _(answer[0]) if answer else value
            return _("Set “%(field)s” to “%(value)s”", field=letter, value=told)


def _to(one: Mapping[str, Any], names: Names) -> str:
    return names.sequence(str(one["sequence"]))
