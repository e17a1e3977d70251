"""`nurture replay`: every score and state built again from what was recorded, and compared."""

import sys

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, speaking
from nurture.engine.explain import find_contact
from nurture.engine.replay import replay
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext

MOST_TOLD = 50


@click.command("replay")
@click.argument("contact", required=False)
@LANGUAGE
def replay_command(contact: str | None, language: str) -> None:
    """Build scores, stages and runs again from events and decisions, of CONTACT or of all.

    Ends with status 1 when something differs from what stands. Nothing is changed.
    """
    deps = parts()
    only = find_contact(deps, contact) if contact else None
    done = replay(deps, deps.clock.now(), only)
    for one in done.differences[:MOST_TOLD]:
        click.echo(f"{one.what} {one.id}: {one.told}")
    with speaking(deps, language):
        built = (
            ngettext("%(num)s event", "%(num)s events", done.events),
            ngettext("%(num)s ledger line", "%(num)s ledger lines", done.entries),
            ngettext("%(num)s contact", "%(num)s contacts", done.contacts),
            ngettext("%(num)s decision", "%(num)s decisions", done.decisions),
            ngettext("%(num)s run", "%(num)s runs", done.runs),
        )
        differ = ngettext("%(num)s difference", "%(num)s differences", len(done.differences))
        told = _("Built again from what was recorded: %(parts)s.", parts=", ".join(built))
        click.echo(f"{told} {differ}.")
    sys.exit(1 if done.differences else 0)
