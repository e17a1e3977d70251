"""`nurture sequence`: which there are, pausing one and letting it go on, and its versions."""

from datetime import timedelta

import click

from nurture.cli.parts import parts
from nurture.cli.sequence_versions import migrate, try_it
from nurture.cli.sequence_words import BY, DURATION
from nurture.domain.resuming import How, Resumption
from nurture.engine.pausing import pause as pause_sequence
from nurture.engine.pausing import resume as resume_sequence
from nurture.engine.pausing import standstill
from nurture.store import sequence_reports


@click.group()
def sequence() -> None:
    """List sequences, pause one and let it go on, migrate contacts, and try drafts."""


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
        if one.shown.get("track"):
            states.append(f"track {one.shown['track']}")
        if one.draft is not None:
            states.append(f"draft by {one.draft_by}" if one.draft_by else "draft")
        if one.paused_at is not None:
            states.append(f"paused since {one.paused_at:%Y-%m-%d %H:%M} UTC: {one.pause_reason}")
        click.echo(f"{one.key:{wide}}  {live.get(one.id, 0):>8,} contacts  {', '.join(states)}")


@sequence.command()
@click.argument("key")
@click.option("--reason", required=True, help="Why, for whoever reads it later.")
@BY
def pause(key: str, reason: str, by: str) -> None:
    """Pause a sequence: nobody in it is mailed until it goes on."""
    deps = parts()
    done = pause_sequence(deps, key, reason, by, deps.clock.now())
    click.echo(f"{key} is paused; {done.stopped:,} contacts stay where they are.")


@sequence.command()
@click.argument("key")
@click.option(
    "--how", type=click.Choice([one.value for one in How]), default=How.SHIFT.value,
    show_default=True,
    help=(
        "shift: every wait continues where it stopped. catch_up: what was missed is made up for,"
        " one email at a time. expire: what was missed is passed over."
    ),
)  # fmt: skip
@click.option(
    "--over", type=DURATION, default="1h", show_default=True,
    help="Spread whoever is due at once over so long.",
)  # fmt: skip
@click.option(
    "--gap", type=DURATION, default="1d", show_default=True,
    help="With catch_up: so long between two emails to one contact.",
)  # fmt: skip
@BY
def resume(key: str, how: str, over: timedelta, gap: timedelta, by: str) -> None:
    """Let a paused sequence go on; nothing bursts."""
    deps = parts()
    now = deps.clock.now()
    due = standstill(deps, key, now)
    number = resume_sequence(deps, key, by, now, Resumption(How(how), over, gap))
    click.echo(f"{key} goes on; {number:,} contacts continue ({how}).")
    if due.due + due.queued:
        click.echo(f"{due.due + due.queued:,} of them were due and take turns, or are passed over.")


sequence.add_command(migrate)
sequence.add_command(try_it)
