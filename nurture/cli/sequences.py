"""`nurture sequence`: which there are, pausing one and letting it go on."""

import click

from nurture.cli.parts import parts, who
from nurture.engine.pausing import pause as pause_sequence
from nurture.engine.pausing import resume as resume_sequence
from nurture.store import sequence_reports

_BY = click.option("--by", default=who, help="Who does it, for the record.")


@click.group()
def sequence() -> None:
    """List sequences, pause one and let it go on."""


@sequence.command("list")
def list_sequences() -> None:
    """List every sequence: its version, whether it is paused, and the contacts in it."""
    with parts().database.read() as tx:
        found = sequence_reports.sequences(tx)
        live = sequence_reports.live_counts(tx)
    if not found:
        click.echo("There is no sequence yet: run `nurture apply`.")
    wide = max((len(one.key) for one in found), default=0)
    for one in found:
        states = [f"version {one.number}" if one.number else "never published"]
        if one.draft is not None:
            states.append(f"draft by {one.draft_by}" if one.draft_by else "draft")
        if one.paused_at is not None:
            states.append(f"paused since {one.paused_at:%Y-%m-%d %H:%M} UTC: {one.pause_reason}")
        click.echo(f"{one.key:{wide}}  {live.get(one.id, 0):>8,} contacts  {', '.join(states)}")


@sequence.command()
@click.argument("key")
@click.option("--reason", required=True, help="Why, for whoever reads it later.")
@_BY
def pause(key: str, reason: str, by: str) -> None:
    """Pause a sequence: nobody in it is mailed until it goes on."""
    deps = parts()
    done = pause_sequence(deps, key, reason, by, deps.clock.now())
    click.echo(f"{key} is paused; {done.stopped:,} contacts stay where they are.")


@sequence.command()
@click.argument("key")
@_BY
def resume(key: str, by: str) -> None:
    """Let a paused sequence go on: every wait continues where it stopped, nothing bursts."""
    deps = parts()
    number = resume_sequence(deps, key, by, deps.clock.now())
    click.echo(f"{key} goes on; {number:,} contacts continue after the time that was paused.")
