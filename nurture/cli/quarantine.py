"""`nurture quarantine`: events whose time cannot be true, and what to do about them."""

import click

from nurture.cli.parts import parts
from nurture.cli.sequence_words import BY
from nurture.engine.quarantine import accept_quarantined, discard_quarantined
from nurture.store import quarantine as store

SHOWN = 50


@click.group()
def quarantine() -> None:
    """List events from the future or the distant past, and take them in or leave them out."""


@quarantine.command("list")
@click.option("--before", type=int, help="Those older than this one.")
def list_held(before: int | None) -> None:
    """List the events that wait for a person, the newest first."""
    with parts().database.read() as tx:
        page = store.page(tx, before=before, limit=SHOWN)
        number = store.waiting(tx)
    for one in page.rows:
        held = one.held
        click.echo(
            f"{held.id:>8}  {one.person.email}  {held.event['name']}  at {held.event['at']}"
            f"  ({held.reason}), came {held.received_at:%Y-%m-%d %H:%M} UTC"
        )
    click.echo(f"{number:,} in quarantine.")
    if page.older is not None:
        click.echo(f"Older ones: --before {page.older}")


@quarantine.command()
@click.argument("held_id", type=int)
@BY
def accept(held_id: int, by: str) -> None:
    """Take an event in: from its own time, or from when it came if that still lies ahead."""
    deps = parts()
    at = accept_quarantined(deps, held_id, by=by, now=deps.clock.now())
    click.echo(f"Event {held_id} counts from {at:%Y-%m-%d %H:%M} UTC.")


@quarantine.command()
@click.argument("held_id", type=int)
@BY
def discard(held_id: int, by: str) -> None:
    """Leave an event out for good."""
    deps = parts()
    discard_quarantined(deps, held_id, by=by, now=deps.clock.now())
    click.echo(f"Event {held_id} stays out.")
