"""Explanations as sentences: why an email was sent or not, and what comes next."""

from datetime import datetime

from nurture.domain.contact import Occurrence
from nurture.domain.sequence import Match
from nurture.engine.explain_ahead import Ahead, Foreseen
from nurture.engine.explain_sends import Because, PathTaken, Touch
from nurture.web.formatting import ago, long_time
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked
from nurture.web.names import Names
from nurture.web.reasons import path, reason

_BECAUSE: dict[str, str] = {
    "entered": marked("because the contact entered the sequence"),
    "waited": marked("because the wait “%(step)s” was over"),
    "timed_out": marked("because “%(step)s” got no answer in time"),
    "released": marked("because the hold was over"),
    "followed": marked("because it follows the email before it"),
    "changed": marked("because the contact's score, stage or fields changed"),
    "passed_over": marked("because the email before it was passed over"),
    "added": marked("because new content was added"),
    "moved_on": marked("because its turn had come"),
}

_EVENTS: dict[str, str] = {
    "open": marked("opened an email"),
    "click": marked("clicked a link"),
    "visit": marked("visited the site"),
    "form": marked("sent a form"),
    "purchase": marked("bought something"),
    "delivered": marked("had an email delivered"),
    "bounce": marked("could not be reached"),
    "complaint": marked("reported spam"),
    "unsubscribe": marked("unsubscribed"),
    "subscription_asked": marked("was asked to confirm a sign-up"),
    "subscribed": marked("signed up"),
}

_OUTCOMES: dict[str, str] = {
    "queued": marked("It waits in the queue."),
    "claimed": marked("A worker is sending it now."),
    "accepted": marked("The provider took it."),
    "delivered": marked("It was delivered."),
    "held": marked("It is held back: %(why)s."),
    "skipped": marked("It was not sent: %(why)s."),
    "cancelled": marked("It was not sent: %(why)s."),
    "refused": marked("It was refused: %(why)s."),
    "bounced": marked("It came back: %(why)s."),
    "complained": marked("The contact reported it as spam."),
    "failed": marked("It could not be made: %(why)s."),
    "uncertain": marked("Nobody knows whether it arrived: %(why)s."),
}

_FORESEEN: dict[str, str] = {
    "sends": marked("sends “%(email)s”"),
    "withheld": marked("would send “%(email)s”, but the contact is in the control group"),
    "held": marked("holds the email until %(until)s, because %(why)s"),
    "skips": marked("passes over “%(step)s”, because %(why)s"),
    "takes": marked("goes the way “%(path)s” at “%(step)s”"),
    "waits": marked("waits until %(until)s"),
    "awaits": marked("waits for an answer until %(until)s"),
    "moves": marked("moves on to “%(to)s”"),
    "asks_stage": marked("asks for the stage “%(stage)s”"),
    "leaves": marked("leaves the sequence: %(why)s"),
    "completes": marked("comes to its end"),
    "exhausted": marked("has no more emails, and waits for new ones"),
    "fails": marked("cannot go on: %(why)s"),
}

_WAYS: dict[str, str] = {
    "timer": marked("At %(at)s"),
    "hold": marked("When the hold ends at %(at)s"),
    "no_answer": marked("If nothing happens until %(at)s"),
    "provider": marked("When the provider has taken the email"),
    "content": marked("When the sequence gets new emails, this contact goes on with them."),
}


def because(cause: Because, names: Names) -> str:
    """Why an email's turn came, beginning in lower case."""
    if cause.code == "did" and cause.occurrence is not None:
        return _("because the contact %(did)s", did=did(cause.occurrence))
    return _(_BECAUSE.get(cause.code, _BECAUSE["moved_on"]), step=names.step(cause.step))


def did(occurrence: Occurrence) -> str:
    """What a contact did, as a verb in the past."""
    word = _EVENTS.get(occurrence.name)
    done = _(word) if word else _("did “%(event)s”", event=occurrence.name)
    where = occurrence.properties.get("link") or occurrence.properties.get("url")
    if where is None:
        where = occurrence.properties.get("form")
    return f"{done} ({short(str(where))})" if where else done


def short(link: str) -> str:
    """A link without what every link has."""
    bare = link.partition("://")[2] or link
    if "{{" in bare or "{%" in bare:  # filled in for each contact: nobody reads the template
        host = bare.partition("/")[0]
        return _("a personal link") if "{" in host else host
    bare = bare.partition("?")[0].rstrip("/")
    return bare if len(bare) <= 60 else bare[:59] + "…"


def fork(taken: PathTaken, names: Names) -> str:
    """Which way was taken where."""
    told = _("At “%(step)s”: %(path)s", step=names.step(taken.step), path=path(taken.path))
    return f"{told}, {reason(taken.why)}" if taken.why else told


def outcome(touch: Touch, names: Names) -> str:
    """What became of an email, as a sentence."""
    words = _OUTCOMES.get(touch.outcome)
    if words is None:
        return touch.outcome
    why = names.reason(touch.reason or touch.held_for) or _("no reason was noted")
    if touch.reason == "moved" and touch.detail:
        why = _("the contact moved on to “%(to)s” first", to=names.sequence_or_stage(touch.detail))
    told = _(words, why=why)
    if touch.outcome == "held" and touch.held_until:
        told += " " + _("It will be tried at %(at)s.", at=theirs(touch.held_until, names))
    elif touch.held_until and touch.held_for:
        held = _("It was held until %(at)s", at=theirs(touch.held_until, names))
        told += f" {held}: {reason(touch.held_for)}."
    return told


def way(ahead: Ahead) -> str:
    """When one way of going on is taken: the beginning of a sentence."""
    if ahead.when == "answer":
        return _("If %(what)s before %(at)s", what=awaited(ahead.match), at=_time(ahead))
    return _(_WAYS[ahead.when], at=_time(ahead))


def _time(ahead: Ahead) -> str:
    return f"{long_time(ahead.at)} ({ago(ahead.at)})" if ahead.at else ""


def awaited(match: Match | None) -> str:
    """What is waited for, as a clause."""
    if match is None:
        return _("the condition comes true")
    word = _EVENTS.get(match.event)
    if word:
        clause = _("the contact has %(did)s", did=_(word))
    else:
        clause = _("“%(event)s” happens", event=match.event)
    wanted = match.where.get("link") or match.where.get("url") or match.where.get("form")
    if isinstance(wanted, tuple):
        wanted = ", ".join(wanted)
    if wanted and "{" in str(wanted):
        wanted = short(str(wanted))
    return f"{clause} ({wanted})" if wanted else clause


def foreseen(one: Foreseen, names: Names) -> str:
    """One thing that will happen, as a verb without its subject."""
    words = {
        "email": names.email(one.template),
        "step": names.step(one.step),
        "to": names.sequence_or_stage(one.to),
        "stage": names.stage(one.to),
        "path": path(one.reason),
        "why": names.reason(one.reason),
        "until": _until(one, names),
    }
    return _(_FORESEEN[one.what], **words)


def _until(one: Foreseen, names: Names) -> str:
    if one.until is None:
        return ""
    return theirs(one.until, names) if one.what == "held" else long_time(one.until)


def theirs(at: datetime, names: Names) -> str:
    """A time of the page and, where clocks differ, what the contact's own clock shows then."""
    shown = long_time(at)
    if names.zone is None:
        return shown
    own = long_time(at, names.zone)
    if own == shown:
        return shown
    return _("%(time)s (for the contact: %(own)s)", time=shown, own=own)
