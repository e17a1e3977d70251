"""`nurture doctor`: looks for everything that must never be so."""

import sys

import click

from nurture.cli.parts import parts
from nurture.engine.doctor import MEANINGS, examine
from nurture.store import quarantine, reports_deliveries


@click.command()
@click.option("--language", type=click.Choice(["en", "vi"]), default="en")
def doctor(language: str) -> None:
    """Examine the database; ends with status 1 when something is wrong."""
    deps = parts()
    found = examine(deps, deps.clock.now())
    for one in found.findings:
        click.echo(f"{one.code} {one.id}: {MEANINGS[one.code][language]}. {one.detail}")
    click.echo(
        f"{found.enrollments} enrollments and {found.contacts} contacts examined:"
        f" {len(found.violations)} violations,"
        f" {sum(one.code == 'uncertain' for one in found.findings)} sends to be settled."
    )
    with deps.database.read() as tx:
        told, held = reports_deliveries.counts(tx), quarantine.waiting(tx)
    click.echo(
        f"{told.failed} notices and webhooks failed (`nurture delivery list --status failed`),"
        f" {held} events in quarantine (`nurture quarantine list`)."
    )
    sys.exit(1 if found.violations else 0)
