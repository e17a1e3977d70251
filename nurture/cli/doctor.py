"""`nurture doctor`: looks for everything that must never be so, and mends what it safely can."""

import sys

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE
from nurture.engine.doctor import MEANINGS, examine
from nurture.engine.repairs import offered, repair_all
from nurture.store import quarantine, reports_deliveries


@click.command()
@LANGUAGE
@click.option("--repair", "mend", is_flag=True, help="Mend what may be mended without a person.")
@click.option("--by", default="command line", help="Who repairs, for the record.")
def doctor(language: str, by: str, *, mend: bool) -> None:
    """Examine the database; ends with status 1 when something is wrong that was not mended."""
    deps = parts()
    if mend:
        done = repair_all(deps, by, deps.clock.now())
        for kept in done.mended:
            click.echo(f"mended: {kept.code} {kept.subject}: {MEANINGS[kept.code][language]}")
    found = examine(deps, deps.clock.now())
    for one in found.findings:
        hint = "  [--repair mends it]" if offered(one) else ""
        click.echo(f"{one.code} {one.id}: {MEANINGS[one.code][language]}. {one.detail}{hint}")
    click.echo(
        f"{found.enrollments} enrollments and {found.contacts} contacts examined:"
        f" {len(found.violations)} violations,"
        f" {len(found.findings) - len(found.violations)} things for a person to settle."
    )
    with deps.database.read() as tx:
        told, held = reports_deliveries.counts(tx), quarantine.waiting(tx)
    click.echo(
        f"{told.failed} notices and webhooks failed (`nurture delivery list --status failed`),"
        f" {held} events in quarantine (`nurture quarantine list`)."
    )
    sys.exit(1 if found.violations else 0)
