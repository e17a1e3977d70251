"""`nurture ahead`: what the next days hold for one contact, over all their sequences."""

from collections.abc import Iterator
from datetime import timedelta

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, speaking
from nurture.domain.zones import unknown_zones
from nurture.engine.explain import Explanation, explain, find_contact
from nurture.web.admin.step_names import with_steps
from nurture.web.ahead import coming_title, depends, in_line_told, zone_line
from nurture.web.formatting import long_time
from nurture.web.i18n import gettext as _
from nurture.web.names import Names
from nurture.web.reasons import reason


@click.command("ahead")
@click.argument("contact")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 365))
@LANGUAGE
def ahead_command(contact: str, days: int, language: str) -> None:
    """Tell what CONTACT (an address or an id) will get in the next days, when, and what is held.

    Decided by the rules themselves, as if the contact did nothing meanwhile. Nothing is written.
    """
    deps = parts()
    now = deps.clock.now()
    told = explain(deps, find_contact(deps, contact), now, timedelta(days=days))
    with speaking(deps, language):
        for line in _lines(told, with_steps(deps, told, Names.of(told))):
            click.echo(line)


def _lines(told: Explanation, names: Names) -> Iterator[str]:
    who, week = told.profile, told.week
    yield f"{who.name or who.email} <{who.email}>  #{who.id}"
    yield _("Times in %(zone)s", zone=zone_line(week.clock))
    for _whose, zone in unknown_zones(told.contact):
        yield "! " + _("“%(zone)s” is no time zone and is not used.", zone=zone)
    for barred in told.suppressions:
        yield f"! {_('Suppressed')}: {reason(barred.reason)} ({long_time(barred.at)})"
    for key in week.standing:
        yield "! " + _("“%(sequence)s” is paused.", sequence=names.sequence(key))
    for waiting in week.in_line:
        yield "! " + in_line_told(waiting, names, week.clock.zone)
    for one in week.coming:
        when = long_time(one.one.at, week.clock.zone)
        title = coming_title(one, names, week.clock)
        yield f"{when}  {title}  [{names.sequence(one.sequence)}]"
        if needs := depends(one, names):
            yield f"  {needs}"
    if not week.coming:
        yield _("Nothing until %(day)s.", day=long_time(week.until, week.clock.zone))
