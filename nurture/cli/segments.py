"""`nurture segment`: which segments there are, and who is in one."""

import click

from nurture.cli.parts import parts
from nurture.engine.segment_reports import around, segment, segments


@click.group("segment")
def segment_group() -> None:
    """List segments, and show who is in one."""


@segment_group.command("list")
def list_segments() -> None:
    """List every segment: how many are in it, and whether everybody was looked at."""
    found = segments(parts())
    if not found:
        click.echo("There is no segment yet: write campaigns/segments.yaml, then `nurture apply`.")
    wide = max((len(one.key) for one in found), default=0)
    for one in found:
        state = "" if one.built >= 1 else f"  still being built: {one.built:.0%} looked at"
        click.echo(f"{one.key:{wide}}  {one.members:>10,} contacts{state}")


@segment_group.command()
@click.argument("key")
@click.option("--limit", default=20, show_default=True, help="How many contacts to show at most.")
def show(key: str, limit: int) -> None:
    """Show a segment: its condition, and who is in it since when."""
    deps = parts()
    found = segment(deps, key, limit=limit)
    beside = around(deps, key, deps.clock.now())
    click.echo(f"{found.key}: {found.members:,} contacts")
    click.echo(f"when: {found.condition}")
    click.echo(f"in the last 7 days: {beside.entered:,} entered, {beside.left:,} left")
    told = ", ".join(use.told for use in beside.uses) or "nothing"
    click.echo(f"asked for by: {told}")
    if found.built < 1:
        share = f"{found.built:.0%} of all contacts were looked at"
        click.echo(f"Still being built: {share}, and the workers go on with it.")
    for member in found.page:
        click.echo(f"{member.since:%Y-%m-%d %H:%M} UTC  {member.email}  (contact {member.id})")
    if found.members > len(found.page):
        click.echo(f"… and {found.members - len(found.page):,} more")
