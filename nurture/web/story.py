"""A contact's timeline in words: each happening as an icon, a title, a tone and a few lines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nurture.domain.contact import GLOBAL, Fact, Occurrence, Verdict
from nurture.store.reports_timeline import Happening
from nurture.web.decided import decision_lines
from nurture.web.delivery_words import (
    delivery_reason,
    delivery_state,
    delivery_target,
    stood_in,
)
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked
from nurture.web.names import Names
from nurture.web.reasons import detail, reason
from nurture.web.stage_words import reason_word
from nurture.web.telling import short
from nurture.web.words import Tone, state_word


@dataclass(frozen=True, slots=True)
class Scene:
    """One entry of the timeline, ready to be shown."""

    icon: str
    title: str
    at: datetime
    tone: Tone = ""
    lines: tuple[str, ...] = ()
    delivery_id: int | None = None
    """The notice or webhook whose page tells more."""


_EVENT_TITLES: dict[str, tuple[str, str, Tone]] = {
    "open": ("mail-opened", marked("Opened an email"), "leaf"),
    "click": ("click", marked("Clicked a link"), "leaf"),
    "visit": ("eye", marked("Visited the site"), "leaf"),
    "form": ("list-details", marked("Sent a form"), "leaf"),
    "purchase": ("shopping-cart", marked("Bought something"), "leaf"),
    "delivered": ("mail-check", marked("An email was delivered"), "leaf"),
    "bounce": ("mail-x", marked("An email came back"), "coral"),
    "complaint": ("message-report", marked("Reported an email as spam"), "coral"),
    "unsubscribe": ("user-minus", marked("Unsubscribed"), "coral"),
    "subscription_asked": ("mail-forward", marked("Was asked to confirm a sign-up"), "sun"),
    "subscribed": ("user-check", marked("Signed up"), "leaf"),
}

# These say on which topic.
_OF_CONSENT = frozenset({"unsubscribe", "subscription_asked", "subscribed"})

_STAGE_TITLES: dict[str, tuple[str, str, Tone]] = {
    "promote": ("trending-up", marked("Moved up: %(start)s → %(to)s"), "leaf"),
    "demote": ("trending-down", marked("Moved down: %(start)s → %(to)s"), "sun"),
    "recycle": ("arrow-back-up", marked("Returned to nurturing: %(start)s → %(to)s"), "sun"),
    "override": ("user-check", marked("Set by a person: %(start)s → %(to)s"), "sky"),
}

_ACTORS: dict[str, str] = {
    "rules": marked("By the rules"),
    "marketing": marked("By marketing"),
    "sales": marked("By sales"),
}


_SOURCES: dict[str, str] = {
    "rules": marked("the rules"),
    "marketing": marked("marketing"),
    "sales": marked("sales"),
    "recipient": marked("the recipient"),
    "sign-up page": marked("the sign-up page"),
    "form": marked("the form"),
    "import": marked("an import"),
}


def scene(happening: Happening, names: Names) -> Scene:
    """One happening as it is shown."""
    return _TELL[happening.kind](happening, names)


def _consent(one: Happening, names: Names) -> Scene:
    facts = one.facts
    topic = names.topic(facts["topic"])
    told = (facts["wording"], _from(facts["source"], facts["by"]), facts["ip"])
    lines = tuple(part for part in told if part)
    if facts["asked"]:
        title = _("Consent asked for, not confirmed yet: %(topic)s", topic=topic)
        return Scene("hourglass", title, one.at, "sun", lines)
    if facts["granted"]:
        return Scene("shield-check", _("Agreed to: %(topic)s", topic=topic), one.at, "leaf", lines)
    return Scene("ban", _("Took back consent: %(topic)s", topic=topic), one.at, "coral", lines)


def _suppression(one: Happening, names: Names) -> Scene:
    facts = one.facts
    told = (_sentence(reason(facts["reason"])), detail(facts["detail"]), _from(facts["source"], ""))
    lines = tuple(part for part in told if part)
    if facts["scope"] == GLOBAL:
        title = _("Will not be written to any more")
    else:
        title = _("No more mail on: %(topic)s", topic=names.topic(facts["scope"]))
    if facts["lifted_at"] is not None:
        lines = (*lines, _("Lifted by %(who)s", who=facts["lifted_by"]))
    return Scene("mail-off", title, one.at, "coral", lines)


def _stage(one: Happening, names: Names) -> Scene:
    facts = one.facts
    start, to = names.stage(facts["start"]), names.stage(facts["to"])
    actor = _(_ACTORS[facts["actor"]]) if facts["actor"] in _ACTORS else facts["actor"]
    if facts["refused"]:
        title = _("Stayed %(start)s, did not become %(to)s", start=start, to=to)
        lines = (_sentence(reason(facts["refused"])), *_said(facts))
        return Scene("hand-stop", title, one.at, "sun", lines)
    icon, words, tone = _STAGE_TITLES.get(facts["kind"], _STAGE_TITLES["override"])
    return Scene(icon, _(words, start=start, to=to), one.at, tone, (f"{actor}.", *_said(facts)))


def _said(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Who asked for a change of stage, the reason they gave, and their own words."""
    if not facts["by"]:
        return ()
    why = reason_word(facts["reason"]) if facts["reason"] else ""
    own = facts["why"] if not str(facts["why"]).startswith("asked by ") else ""
    told = " · ".join(part for part in (facts["by"], why) if part)
    return tuple(part for part in (told, own) if part)


def _event(one: Happening, names: Names) -> Scene:
    facts = one.facts
    icon, words, tone = _EVENT_TITLES.get(facts["name"], ("activity", "", "sky"))
    title = _(words) if words else facts["name"]
    found: Mapping[str, Any] = facts["properties"]
    lines = []
    if where := found.get("link") or found.get("url") or found.get("form"):
        lines.append(short(str(where)))
    if found.get("sequence") and found.get("step"):
        sequence = names.sequence(str(found["sequence"]))
        step = names.at(str(found["sequence"])).step(str(found["step"]))
        lines.append(_("Email “%(step)s” of “%(sequence)s”", step=step, sequence=sequence))
    if facts["name"] in _OF_CONSENT and found.get("topic"):
        lines.append(names.topic(str(found["topic"])))
    if found.get("detail"):
        lines.append(str(found["detail"]))
    if facts["verdict"] == Verdict.MACHINE:
        lines.append(_("By a machine, not a person: it does not count."))
        return Scene("robot", title, one.at, "", tuple(lines))
    if facts["verdict"] == Verdict.UNKNOWN:
        lines.append(_("Perhaps a machine: it does not count as a person's."))
    return Scene(icon, title, one.at, tone, tuple(lines))


def _send(one: Happening, names: Names) -> Scene:
    facts = one.facts
    status = facts["status"]
    for later in ("delivered", "bounced", "complained"):
        status = later if facts[f"{later}_at"] is not None else status
    word = state_word(status)
    title = f"{word.label}: “{names.email(facts['content'])}”"
    # The title says the step, which is the email.
    lines = [_("In “%(sequence)s”", sequence=names.sequence(facts["sequence"]))]
    if facts["reason"]:
        lines.append(_sentence(names.reason(facts["reason"])))
    if facts["detail"]:
        lines.append(f"{facts['code'] or ''} {facts['detail']}".strip())
    return Scene(word.icon, title, one.at, word.tone or "sky", tuple(lines))


def _delivery(one: Happening, names: Names) -> Scene:
    facts = one.facts
    word = delivery_state(facts["status"])
    title = f"{word.label}: {delivery_target(facts['kind'], facts['target'])}"
    step = names.at(facts["sequence"], facts["enrollment_id"]).step(facts["step"])
    sequence = names.sequence(facts["sequence"])
    lines = [_("Step “%(step)s” of “%(sequence)s”", step=step, sequence=sequence)]
    if facts["reason"]:
        lines.append(_sentence(delivery_reason(facts["reason"])))
    if instead := stood_in(facts["payload"]):
        lines.append(instead)
    icon = "webhook" if facts["kind"] == "webhook" else "bell"
    return Scene(icon, title, one.at, word.tone or "sky", tuple(lines), one.id)


def _decision(one: Happening, names: Names) -> Scene:
    facts = one.facts
    key = facts["sequence"] or ""
    own = names.at(key, facts["enrollment_id"])
    told = decision_lines(facts["cause"], facts["decided"], names.sequence(key), own)
    icon, tone, title, lines = told
    return Scene(icon, title, one.at, tone, lines)


def _tags(one: Happening, _names: Names) -> Scene:
    facts = one.facts
    tags = ", ".join(map(str, facts["data"].get("tags", ())))
    lines = (facts["by"],) if facts["by"] else ()
    if facts["what"] == Fact.UNTAG:
        title = _("Tags taken away by a person: %(tags)s", tags=tags)
        return Scene("tag", title, one.at, "sun", lines)
    return Scene("tag", _("Tagged by a person: %(tags)s", tags=tags), one.at, "sky", lines)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." if text else ""


def _from(source: str, by: str) -> str:
    words = (_(_SOURCES[one]) if one in _SOURCES else detail(one) for one in (source, by))
    who = " · ".join(word for word in words if word)
    return _("Source: %(source)s", source=who) if who else ""


_TELL: dict[str, Callable[[Happening, Names], Scene]] = {
    "consent": _consent,
    "suppression": _suppression,
    "stage": _stage,
    "event": _event,
    "send": _send,
    "delivery": _delivery,
    "decision": _decision,
    "tags": _tags,
}


def occurrence_title(occurrence: Occurrence) -> str:
    """What an occurrence was, in two or three words."""
    _icon, words, _tone = _EVENT_TITLES.get(occurrence.name, ("", "", ""))
    return _(words) if words else occurrence.name
