"""`nurture replay`: every score and state built again from what was recorded, and compared."""

import sys

import click

from nurture.cli.parts import parts
from nurture.engine.explain import find_contact
from nurture.engine.replay import replay

MOST_TOLD = 50


@click.command("replay")
@click.argument("contact", required=False)
def replay_command(contact: str | None) -> None:
    """Build scores, stages and runs again from events and decisions, of CONTACT or of all.

    Ends with status 1 when something differs from what stands. Nothing is changed.
    """
    deps = parts()
    only = find_contact(deps, contact) if contact else None
    done = replay(deps, deps.clock.now(), only)
    for one in done.differences[:MOST_TOLD]:
        click.echo(f"{one.what} {one.id}: {one.told}")
    click.echo(
        f"{done.events} events into {done.entries} ledger lines of {done.contacts} contacts,"
        f" {done.decisions} decisions into {done.runs} runs: {len(done.differences)} differences."
    )
    sys.exit(1 if done.differences else 0)
