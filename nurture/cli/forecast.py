"""`nurture forecast`: who runs out of content when."""

import click

from nurture.cli.parts import parts
from nurture.engine.forecast import HORIZON, Forecast
from nurture.engine.forecast import forecast as look_ahead


@click.command("forecast")
@click.argument("sequence", required=False)
def forecast(sequence: str | None) -> None:
    """Tell how many contacts of each stage's sequence run out of content in which week.

    Reckoned as though nothing happened: nobody answers, nobody comes and nobody changes stage.
    """
    deps = parts()
    found = look_ahead(deps, deps.clock.now(), sequence)
    if not found:
        click.echo("No stage has a sequence yet: run `nurture apply`.")
    for number, one in enumerate(found):
        if number:
            click.echo()
        _tell(one)
    if found:
        click.echo(
            "\nIf nothing happens: nobody answers, nobody comes and nobody changes stage."
            "\nWhoever answers may go another way, and whoever changes stage leaves the sequence."
        )


def _tell(one: Forecast) -> None:
    click.echo(f"{one.sequence} ({one.stage}): {one.going + one.dry:,} contacts")
    if one.paused:
        click.echo("  paused; reckoned as though it went on now")
    if one.is_estimate:
        click.echo(f"  estimated from {one.looked_at:,} of {one.going:,} that are under way")
    lines = [(one.dry, "have no more content now")] if one.dry else []
    lines += [(week.contacts, f"in the week of {week.monday}") for week in one.weeks]
    weeks = HORIZON.days // 7
    if one.over:
        lines.append((one.over, "leave before, by a step or a rule"))
    if one.later:
        lines.append((one.later, f"have enough for more than {weeks} weeks"))
    wide = max((len(f"{count:,}") for count, _ in lines), default=0)
    for count, what in lines:
        click.echo(f"  {count:>{wide},}  {what}")
