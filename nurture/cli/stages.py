"""`nurture stage`: where contacts stand, for how long, and who stays too long."""

from datetime import timedelta

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, contacts_counted, in_words
from nurture.domain.durations import format_duration
from nurture.engine.definitions import TRACK
from nurture.store import reports_stages
from nurture.web.formatting import number
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext


@click.group()
def stage() -> None:
    """Look at the stages of the funnel."""


@stage.command("list")
@LANGUAGE
def list_stages(language: str) -> None:
    """List every stage: its contacts, half of whom are there for less than the time shown.

    Whoever stays longer than the stage's `alert_after` is counted, and the longest is named.
    """
    deps = parts()
    now = deps.clock.now()
    with deps.database.read() as tx:
        funnel = deps.definitions.catalog(tx).funnel
        late = reports_stages.too_long(tx, TRACK, reports_stages.alerts(funnel, now))
        found = {key: reports_stages.in_stage(tx, TRACK, key, now) for key in funnel.order}
    wide = max(len(key) for key in funnel.order)
    with in_words(language):
        for one in funnel.stages:
            figures = found[one.key]
            told = [f"{one.key:{wide}}  {contacts_counted(figures.contacts if figures else 0):>17}"]
            if figures is not None:
                told.append(_("median %(time)s", time=_days(figures.median)))
            line = ", ".join(told)
            if figures is not None and one.key in late and one.alert_after is not None:
                line += "  ! " + _(
                    "%(count)s longer than %(limit)s, first %(email)s",
                    count=number(late[one.key]), limit=format_duration(one.alert_after),
                    email=figures.longest.email,
                )  # fmt: skip
            click.echo(line)


def _days(time: timedelta) -> str:
    hours = int(time / timedelta(hours=1))
    if hours >= 48:
        return ngettext("%(num)s day", "%(num)s days", hours // 24)
    return ngettext("%(num)s hour", "%(num)s hours", hours)
