"""Why something was not sent, was held, or ended: the engine's codes in a marketer's words."""

from nurture.web.i18n import gettext
from nurture.web.i18n import marked as _
from nurture.web.words import event_word

_REASONS: dict[str, str] = {
    "suppressed": _("the address must not be written to any more"),
    "unsubscribed": _("the contact has unsubscribed"),
    "no_consent": _("there is no consent to this kind of mail"),
    "received before": _("the contact has received this content before"),
    "window": _("it was outside the hours in which mail may go"),
    "holiday": _("mail does not go on a public holiday"),
    "cap": _("the contact has had as many emails as the limit allows"),
    "daily maximum": _("as many emails as a day allows had gone out"),
    "daily maximum of the contact": _("the contact had had as many emails as a day allows"),
    "hard bounce": _("the address does not exist or takes no mail"),
    "soft bounce": _("the mailbox did not take it after several tries"),
    "soft bounces": _("several emails in a row could not be delivered"),
    "complaint": _("the contact reported an email as spam"),
    "policy": _("the receiving server refused its content or sender"),
    "refused by policy": _("the receiving server refused its content or sender"),
    "handed over, no answer": _("it was handed over and the answer never came"),
    "did not arrive": _("a person settled that it did not arrive"),
    "settled afterwards": _("a person settled that it did arrive"),
    "the run went on": _("the sequence had gone on by then"),
    "moved": _("the contact moved on to another sequence first"),
    "MovedAway": _("the contact moved on to another sequence first"),
    "never sent": _("the email before it was never sent"),
    "timed out": _("nothing happened in time"),
    "deferred": _("the receiving server asked to try again later"),
    "sender": _("the provider refused us as the sender; sending is paused"),
    "later": _("the provider could not be reached; it will be tried again"),
    "a privacy proxy hides opens": _("a privacy proxy hides whether it was opened"),
    "end": _("the sequence came to its end"),
    "dwell": _("too little time in the stage so far"),
    "resting": _("sales turned them down, and no rule promotes them until the rest is over"),
    "no reason is given": _("a reason has to be chosen"),
    "the reason is none of the edge's": _("this way knows other reasons"),
    "nobody says who it is": _("somebody has to sign for it"),
    "nobody says why": _("an override needs a why, in a note"),
    "the note cannot be stored": _("the note is too long or cannot be stored"),
    "the text is too long": _("the text is too long"),
    "the text cannot be stored": _("the text cannot be stored"),
    "already there": _("the contact stood there already"),
    "no such edge": _("the funnel has no such way"),
    "the guard does not hold": _("the condition of this way does not hold"),
    "bounce": _("an email bounced"),
    "erasure": _("the contact was erased"),
    "manual": _("a person decided so"),
    "restarted": _("the event came again, and it began anew"),
    "entry rule": _("its rule of entry does not hold"),
    "other stage": _("it is for another stage"),
    "cancelled before": _("what cancels it had happened by then"),
    "under way": _("the contact is in it already"),
    "queued": _("the contact is in it already, and will come again"),
    "older event": _("a newer event had begun it already"),
    "was there before": _("the contact has been through it, and may not come again"),
    "too early": _("too little time has passed since the last time"),
    "key was there before": _("the contact has been through it for this very thing"),
    "there is no such date": _("there is no such date"),
    "the date is over": _("the date is over"),
    "track taken": _("the contact is in another sequence of the same track"),
    "no key": _("the event does not say for what"),
    "not published": _("it is not published"),
    "resumed": _("the pause is over, and everybody has a turn"),
    "expired": _("its time went by during the pause"),
    "migrated": _("the contact was taken over to another version, and everybody has a turn"),
    "step removed": _("the step is gone in the new version"),
    "draft published": _("the draft that was tried is published"),
    "draft discarded": _("the draft that was tried is thrown away"),
    "trial stopped": _("the trial was ended"),
    "tried again": _("the draft was tried again"),
}

# How `mailer.headers` says it of an address that it quotes.
_UNWRITABLE = " cannot be written into an email"

_PATHS: dict[str, str] = {
    "yes": _("yes"),
    "no": _("no"),
    "else": _("otherwise"),
    "unknowable": _("cannot be known"),
    "goal": _("goal reached"),
    "missing": _("no date"),
    "past": _("too late"),
    "reached": _("reached"),
    "not reached": _("not reached"),
    "content added": _("new content"),
    "migrated": _("taken over to another version"),
}


def reason(code: str) -> str:
    """A reason in words; a text that is no code of ours is shown as it is."""
    if code.startswith("cancelled by "):
        return gettext(
            _("the contact did “%(event)s”"), event=event_word(code.removeprefix("cancelled by "))
        )
    guarded = _guarded(code)
    if guarded:
        return guarded
    if " may not take " in code:
        return gettext(_("this way is not theirs to take"))
    address, unwritable, _remedy = code.partition(_UNWRITABLE)
    if unwritable:
        return gettext(
            _("the address %(address)s cannot be written into an email: correct it"),
            address=address,
        )
    bare = code.removeprefix("Withdrawn ")
    if bare.startswith("left by "):
        by = bare.removeprefix("left by ")
        return gettext(_("the sequence “%(by)s” took the contact out"), by=by)
    word = _REASONS.get(bare)
    return gettext(word) if word else bare.splitlines()[0] if bare else ""


def path(code: str) -> str:
    """The name of a path at a fork."""
    word = _PATHS.get(code)
    if word:
        return gettext(word)
    if code.startswith("case "):
        return gettext(_("case %(number)s"), number=code.removeprefix("case "))
    return code


def detail(text: str) -> str:
    """What was noted with a reason: our own notes in words, those of others as they are."""
    count, _space, rest = text.partition(" ")
    if rest == "in a row" and count.isdigit():
        return gettext(_("%(count)s in a row"), count=count)
    if count == "send" and rest.isdigit():
        return gettext(_("email no. %(number)s"), number=rest)
    return text


# Why a guard paused a sequence: the code, and two numbers.
_GUARDS: dict[str, str] = {
    "complaints": _("reported as spam: %(bad)s of the last %(of)s emails"),
    "bounces": _("to addresses that do not exist: %(bad)s of the last %(of)s emails"),
    "surge": _("%(bad)s emails in an hour, and %(of)s are usual"),
}


def _guarded(code: str) -> str:
    kind, _colon, rest = code.partition(":")
    bad, _colon, of = rest.partition(":")
    words = _GUARDS.get(kind)
    return gettext(words, bad=bad, of=of) if words and of else ""
