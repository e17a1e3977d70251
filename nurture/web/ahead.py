"""A contact's next days in words, and whose clock tells the time."""

from zoneinfo import ZoneInfo

from nurture.domain.zones import Clock
from nurture.engine.explain_week import Coming, InLine
from nurture.web.formatting import long_time
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked
from nurture.web.names import Names

_COMING: dict[str, tuple[str, str]] = {
    "sends": ("mail", marked("“%(email)s” is sent")),
    "withheld": (
        "mail-off",
        marked("“%(email)s” would be sent, but the contact is in the control group"),
    ),
    "held": ("clock-pause", marked("“%(step)s” is held until %(until)s, because %(why)s")),
    "skips": ("mail-off", marked("“%(step)s” is passed over, because %(why)s")),
    "awaits": ("hourglass", marked("An answer is awaited at “%(step)s” until %(until)s")),
    "moves": ("route", marked("The contact moves on to “%(to)s”")),
    "asks_stage": ("stairs-up", marked("The stage “%(stage)s” is asked for")),
    "leaves": ("logout", marked("The contact leaves the sequence, because %(why)s")),
    "completes": ("circle-check", marked("The sequence comes to its end")),
    "exhausted": ("hourglass", marked("The sequence has no more emails and waits for new ones")),
    "fails": ("alert-triangle", marked("The sequence cannot go on: %(why)s")),
}

_WHOSE: dict[str, str] = {
    "contact": marked("the contact's own"),
    "company": marked("that of the contact's company"),
    "account": marked("the account's, for the contact's is not known"),
    "utc": marked("for no other is known"),
}

_BY: dict[str, str] = {
    "contact": marked("by the contact's own clock"),
    "company": marked("by the clock of the contact's company"),
    "account": marked("by the account's clock"),
    "utc": marked("by UTC"),
}


def zone_line(clock: Clock) -> str:
    """A time zone and whose it is: "Asia/Tokyo, that of the contact's company"."""
    return f"{clock.zone.key}, {_(_WHOSE[clock.source])}"


def by_clock(source: str) -> str:
    """Whose clock was asked, as it follows a time; empty when none was."""
    words = _BY.get(source)
    return _(words) if words else ""


def coming_icon(one: Coming) -> str:
    """The icon of one thing to come."""
    return _COMING[one.one.what][0]


def coming_title(one: Coming, names: Names, clock: Clock) -> str:
    """One thing to come, as a sentence without its full stop, by the contact's clock."""
    found = one.one
    own = names.at(one.sequence, one.enrollment_id)
    words = {
        "email": names.email(found.template),
        "step": own.step(found.step),
        "to": names.sequence_or_stage(found.to),
        "stage": names.stage(found.to),
        "why": names.reason(found.reason),
        "until": long_time(found.until, clock.zone) if found.until else "",
    }
    return _(_COMING[found.what][1], **words)


def in_line_told(one: InLine, names: Names, zone: ZoneInfo | None = None) -> str:
    """That a sequence is to begin once more, and for what it waits; times of the page or `zone`."""
    said = {"sequence": names.sequence(one.sequence), "since": long_time(one.since, zone)}
    if one.key:
        return _(
            "“%(sequence)s” waits to begin once more, since %(since)s: first its run for “%(key)s”,"
            " which is under way, has to end.",
            key=one.key,
            **said,
        )
    return _(
        "“%(sequence)s” waits to begin once more, since %(since)s: first its run that is under way"
        " has to end.",
        **said,
    )


def depends(one: Coming, names: Names) -> str:
    """On what one thing to come depends; empty when it comes whatever the contact does."""
    if not one.unless:
        return ""
    own = names.at(one.sequence, one.enrollment_id)
    steps = "”, “".join(own.step(step) for step in one.unless)
    return _("Only if nothing comes in answer at “%(steps)s”.", steps=steps)
