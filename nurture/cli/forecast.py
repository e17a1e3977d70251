"""`nurture forecast`: who runs out of content when."""

from collections.abc import Iterator

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, speaking
from nurture.engine.forecast import HORIZON, Forecast
from nurture.engine.forecast import forecast as look_ahead
from nurture.web.formatting import number
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext


@click.command("forecast")
@click.argument("sequence", required=False)
@LANGUAGE
def forecast(sequence: str | None, language: str) -> None:
    """Tell how many contacts of each stage's sequence run out of content in which week.

    Reckoned as though nothing happened but what time brings: nobody answers and nobody comes, and
    scores fade.
    """
    deps = parts()
    found = look_ahead(deps, deps.clock.now(), sequence)
    with speaking(deps, language):
        if not found:
            click.echo(_("No stage has a sequence yet: run `nurture apply`."))
        for one in found:
            for line in _lines(one):
                click.echo(line)
            click.echo()
        if found:
            click.echo(_("If nothing happens: nobody answers, nobody comes, and scores fade."))
            click.echo(
                _(
                    "Whoever answers may go another way, and whoever changes stage leaves the"
                    " sequence."
                )
            )


def _lines(one: Forecast) -> Iterator[str]:
    total = one.going + one.dry
    contacts = ngettext("%(count)s contact", "%(count)s contacts", total, count=number(total))
    yield f"{one.sequence} ({one.stage}): {contacts}"
    if one.paused:
        yield "  " + _("paused; reckoned as though it went on now")
    if one.is_estimate:
        seen, of = number(one.looked_at), number(one.going)
        yield "  " + _("estimated from %(seen)s of %(of)s that are under way", seen=seen, of=of)
    lines = [(one.dry, _("have no more content now"))] if one.dry else []
    lines += [(week.contacts, _("in the week of %(day)s", day=week.monday)) for week in one.weeks]
    if one.over:
        lines.append((one.over, _("leave before, by a step or a rule")))
    if one.later:
        weeks = HORIZON.days // 7
        lines.append((one.later, _("have enough for more than %(weeks)s weeks", weeks=weeks)))
    wide = max((len(number(count)) for count, _what in lines), default=0)
    for count, what in lines:
        yield f"  {number(count):>{wide}}  {what}"
