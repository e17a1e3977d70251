"""`nurture plan`: what `nurture apply` would do, in a marketer's words, before it does it."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import click

from nurture.cli.parts import parts
from nurture.cli.plan_emails import email_lines
from nurture.cli.speech import LANGUAGE, in_words, speaking
from nurture.domain.funnel import Funnel
from nurture.engine.backtest import BackTest
from nurture.engine.differing import SequencePlan, What
from nurture.engine.draft_changes import Changes
from nurture.engine.email_differing import EmailChange
from nurture.engine.plan import Plan, Tried, plan
from nurture.engine.plan_documents import Change
from nurture.engine.segment_differing import SegmentPlan
from nurture.engine.simulate import published_world
from nurture.errors import NotFound
from nurture.web.formatting import number
from nurture.web.i18n import gettext as _
from nurture.web.i18n import language, marked, ngettext
from nurture.web.names import Names

_PLACES: Mapping[str, str] = {
    "stages": marked("Stage"),
    "edges": marked("Way between stages"),
    "engagement.groups": marked("Score group"),
    "engagement.rules": marked("Score rule"),
    "fit.rules": marked("Fit rule"),
    "fit.grades": marked("Grade"),
    "temperature": marked("Temperature"),
    "fields": marked("Field"),
    "topics": marked("Topic"),
    "personas": marked("Persona"),
    "endpoints": marked("Endpoint"),
}
_WHATS: Mapping[What, str] = {
    What.NEW: marked("new"),
    What.CHANGED: marked("a new version"),
    What.EMAILS: marked("a new version, with changed emails"),
    What.SAME: marked("as it is"),
    What.RETIRED: marked("its file is gone: it takes nobody any more"),
    What.BACK: marked("its file is back: it takes contacts again"),
    What.AHEAD: marked("changed in the admin: that stands"),
    What.CONFLICT: marked("changed in the admin and in the file: choose"),
}

_SEGMENT_WHATS: Mapping[What, str] = {
    What.NEW: marked("new"),
    What.CHANGED: marked("changed"),
    What.RETIRED: marked("gone from the file: it is emptied"),
    What.AHEAD: marked("changed in the admin: that stands"),
    What.CONFLICT: marked("changed in the admin and in the file: choose"),
}


@click.command("plan")
@click.option("--days", default=30, show_default=True, type=click.IntRange(0, 3650))
@LANGUAGE
def plan_command(days: int, language: str) -> None:
    """Tell what `nurture apply` would change, and for how many contacts; nothing is written.

    Changes of the funnel are lived through over the last DAYS; 0 leaves that out.
    """
    deps = parts()
    length = timedelta(days=days) if days else None
    with in_words(language):
        found = plan(deps, deps.clock.now(), length)
    try:
        funnel: Funnel | None = published_world(deps).funnel
    except NotFound:
        funnel = None
    with speaking(deps, language):
        for line in _lines(found, Names(funnel), days):
            click.echo(line)


def _lines(found: Plan, names: Names, days: int) -> Iterator[str]:
    for tried in found.funnel:
        yield from _funnel(tried, names, days)
    for one in found.sequences:
        if one.what is not What.SAME:
            yield from _sequence(one, found.emails.get(one.key, ()))
    for segment in found.segments:
        if segment.what is not What.SAME:
            yield from _segment(segment)
    if found.whole is not None:
        yield _("All of it together:")
        yield from (f"  {line}" for line in _effect(found.whole, names, days))
    if not found:
        yield _("Nothing would change.")
    for key in found.conflicts:
        yield _("Choose: nurture apply --take file:%(key)s, or --take admin:%(key)s", key=key)


def _funnel(tried: Tried, names: Names, days: int) -> Iterator[str]:
    change = tried.change
    place = ".".join(change.place)
    words = _PLACES.get(place)
    title = f"{_(words)} “{_named(change)}”" if words else place
    if change.before is None:
        yield f"+ {title}: " + _("new")
    elif change.after is None:
        yield f"- {title}: " + _("gone")
    elif change.words:
        for name, before, after in change.words:
            yield f"~ {title}: {name} {_short(before)} → {_short(after)}"
    else:
        yield f"~ {title}: {_short(change.before)} → {_short(change.after)}"
    if tried.effect is not None:
        yield from (f"    {line}" for line in _effect(tried.effect, names, days))


def _effect(effect: BackTest, names: Names, days: int) -> Iterator[str]:
    differing = False
    time = ngettext("%(num)s day", "%(num)s days", days)
    for edge, (was, would) in effect.moves.items():
        if was == would:
            continue
        differing = True
        to = names.stage(edge.partition("→")[2])
        if would > was:
            yield ngettext(
                "%(num)s contact more would have become %(stage)s in %(time)s",
                "%(num)s contacts more would have become %(stage)s in %(time)s",
                would - was, stage=to, time=time,
            )  # fmt: skip
        else:
            yield ngettext(
                "%(num)s contact fewer would have become %(stage)s in %(time)s",
                "%(num)s contacts fewer would have become %(stage)s in %(time)s",
                was - would, stage=to, time=time,
            )  # fmt: skip
    was, would = effect.mails
    if was != would:
        differing = True
        yield _("emails: %(was)s would have been %(would)s", was=was, would=would)
    if not differing:
        yield _("nobody would have fared otherwise in %(time)s", time=time)


def _sequence(one: SequencePlan, emails: tuple[EmailChange, ...]) -> Iterator[str]:
    mark = {What.NEW: "+", What.BACK: "+", What.RETIRED: "-", What.CONFLICT: "!"}.get(one.what, "~")
    yield f"{mark} {one.key}: {_(_WHATS[one.what])}"
    yield from (f"    {line}" for line in _changes(one.changes))
    for email in emails:
        yield from (f"    {line}" for line in email_lines(email))
    if one.theirs:
        yield "    " + _("In the admin, since the file was last applied:")
        yield from (f"      {line}" for line in _changes(one.theirs))
    yield from (f"    {line}" for line in _inside(one))
    for step, count in (one.removed or {}).items():
        yield "    " + ngettext(
            "%(num)s contact stands at “%(step)s”, which is removed",
            "%(num)s contacts stand at “%(step)s”, which is removed",
            count, step=step,
        )  # fmt: skip


def _inside(one: SequencePlan) -> Iterator[str]:
    """Who is in a sequence, in words: under way, exhausted or only trying a draft."""
    versions = ", ".join(map(str, one.under_way))
    if len(one.under_way) == 1:
        yield ngettext(
            "%(num)s contact is under way and stays on version %(version)s",
            "%(num)s contacts are under way and stay on version %(version)s",
            one.runs, num=number(one.runs), version=versions,
        )  # fmt: skip
    elif one.under_way:
        yield ngettext(
            "%(num)s contact is under way and stays on the version they entered (%(versions)s)",
            "%(num)s contacts are under way and stay on the versions they entered (%(versions)s)",
            one.runs, num=number(one.runs), versions=versions,
        )  # fmt: skip
    if one.exhausted:
        yield ngettext(
            "%(num)s contact has received everything and waits for new content",
            "%(num)s contacts have received everything and wait for new content",
            one.exhausted, num=number(one.exhausted),
        )  # fmt: skip
    if one.trials:
        yield ngettext(
            "%(num)s test contact is walking a draft and goes on with it",
            "%(num)s test contacts are walking a draft and go on with it",
            one.trials, num=number(one.trials),
        )  # fmt: skip


def _segment(one: SegmentPlan) -> Iterator[str]:
    mark = {What.NEW: "+", What.RETIRED: "-", What.CONFLICT: "!"}.get(one.what, "~")
    yield f"{mark} {_('Segment')} “{one.key}”: {_(_SEGMENT_WHATS[one.what])}"
    if one.what is not What.RETIRED:
        file, admin = one.file or {}, one.admin or {}
        names = [name for name in {**file, **admin} if file.get(name) != admin.get(name)]
        if file and admin:
            yield "    " + _("differs in %(names)s", names=", ".join(names))
    if one.effect is not None:
        yield "    " + ngettext(
            "%(num)s contact would come in", "%(num)s contacts would come in", one.effect.entering
        )
        if one.admin is not None:
            yield "    " + ngettext(
                "%(num)s contact would go out", "%(num)s contacts would go out", one.effect.leaving
            )
        if one.effect.inside:
            yield "    " + starts_nothing(one.effect.inside)


def starts_nothing(inside: int) -> str:
    """That nobody enters a segment by its being published, in words."""
    return ngettext(
        "Publishing starts nothing for the %(num)s contact who is in it then: only who comes in"
        " later begins a sequence by it.",
        "Publishing starts nothing for the %(num)s contacts who are in it then: only who comes in"
        " later begins a sequence by it.",
        inside, num=number(inside),
    )  # fmt: skip


def _changes(changes: Changes) -> Iterator[str]:
    for label, keys in (
        (_("new steps"), changes.added),
        (_("removed steps"), changes.removed),
        (_("changed steps"), changes.changed),
        (_("changed settings"), changes.settings),
    ):
        if keys:
            yield f"{label}: {', '.join(keys)}"
    if changes.reordered:
        yield _("the order of the steps")


def _named(change: Change) -> str:
    item = change.after if change.after is not None else change.before
    name = item.get("name") if isinstance(item, Mapping) else None
    if isinstance(name, Mapping):
        return str(name.get(language()) or next(iter(name.values()), change.key))
    return change.key


def _short(value: Any) -> str:
    text = _("nothing") if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
