"""`nurture quarantine`: events whose time cannot be true, and what to do about them."""

import click

from nurture.cli.parts import parts
from nurture.cli.sequence_words import BY
from nurture.cli.speech import LANGUAGE, in_words
from nurture.engine.quarantine import FUTURE, PAST, accept_quarantined, discard_quarantined
from nurture.store import quarantine as store
from nurture.web.formatting import number
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked, ngettext

SHOWN = 50
_WHY = {FUTURE: marked("future"), PAST: marked("long past")}


@click.group()
def quarantine() -> None:
    """List events from the future or the distant past, and take them in or leave them out."""


@quarantine.command("list")
@click.option("--before", type=int, help="Those older than this one.")
@LANGUAGE
def list_held(before: int | None, language: str) -> None:
    """List the events that wait for a person, the newest first."""
    with parts().database.read() as tx:
        page = store.page(tx, before=before, limit=SHOWN)
        waiting = store.waiting(tx)
    with in_words(language):
        for one in page.rows:
            held = one.held
            came = f"{held.received_at:%Y-%m-%d %H:%M} UTC"
            told = _(
                "at %(at)s  (%(why)s), came %(came)s",
                at=held.event["at"], why=_(_WHY.get(held.reason, held.reason)), came=came,
            )  # fmt: skip
            click.echo(f"{held.id:>8}  {one.person.email}  {held.event['name']}  {told}")
        told = ngettext(
            "%(num)s event is in quarantine.", "%(num)s events are in quarantine.", waiting,
            num=number(waiting),
        )  # fmt: skip
        click.echo(told)
        if page.older is not None:
            click.echo(_("Older ones: --before %(id)s", id=page.older))


@quarantine.command()
@click.argument("held_id", type=int)
@BY
@LANGUAGE
def accept(held_id: int, by: str, language: str) -> None:
    """Take an event in: from its own time, or from when it came if that still lies ahead."""
    deps = parts()
    at = accept_quarantined(deps, held_id, by=by, now=deps.clock.now())
    with in_words(language):
        day = f"{at:%Y-%m-%d %H:%M} UTC"
        click.echo(_("Event %(id)s counts from %(day)s.", id=held_id, day=day))


@quarantine.command()
@click.argument("held_id", type=int)
@BY
@LANGUAGE
def discard(held_id: int, by: str, language: str) -> None:
    """Leave an event out for good."""
    deps = parts()
    discard_quarantined(deps, held_id, by=by, now=deps.clock.now())
    with in_words(language):
        click.echo(_("Event %(id)s stays out.", id=held_id))
