"""`nurture check` and `nurture apply`: campaign files, checked and published."""

import click

from nurture.cli.parts import parts, settings
from nurture.engine.publish import apply as publish
from nurture.engine.publish import check_files
from nurture.errors import Invalid


@click.command()
def check() -> None:
    """Check campaign files and emails; nothing is published."""
    found = settings()
    checked = check_files(found.campaigns, found.templates)
    if checked.problems:
        raise Invalid.because(checked.problems, of="Campaigns cannot be published")
    for warning in checked.warnings:
        click.echo(f"warning: {warning}")
    if checked.campaigns is not None:
        click.echo(
            f"{len(checked.campaigns.sequences)} sequences and {len(checked.emails)} emails"
            " are in order."
        )


@click.command()
@click.option("--by", default="command line", help="Who publishes, for the record.")
def apply(by: str) -> None:
    """Publish campaign files as new immutable versions: all of them or, with a fault, none."""
    deps = parts()
    done = publish(deps, by, deps.clock.now())
    for warning in done.warnings:
        click.echo(f"warning: {warning}")
    if done.funnel:
        click.echo(f"funnel: version {done.funnel} published")
    for key, number in done.sequences:
        click.echo(f"{key}: version {number} published")
    if not done.funnel and not done.sequences:
        click.echo("Nothing changed; nothing was published.")
