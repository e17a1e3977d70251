"""`nurture stage`: where contacts stand, for how long, and who stays too long."""

from datetime import timedelta

import click

from nurture.cli.parts import parts
from nurture.domain.durations import format_duration
from nurture.engine.definitions import TRACK
from nurture.store import reports_stages


@click.group()
def stage() -> None:
    """Look at the stages of the funnel."""


@stage.command("list")
def list_stages() -> None:
    """List every stage: its contacts, half of whom are there for less than the time shown.

    Whoever stays longer than the stage's `alert_after` is counted, and the longest is named.
    """
    deps = parts()
    now = deps.clock.now()
    with deps.database.read() as tx:
        funnel = deps.definitions.catalog(tx).funnel
        late = reports_stages.too_long(tx, TRACK, reports_stages.alerts(funnel, now))
        found = {key: reports_stages.in_stage(tx, TRACK, key, now) for key in funnel.order}
    wide = max(len(key) for key in funnel.order)
    for one in funnel.stages:
        figures = found[one.key]
        if figures is None:
            click.echo(f"{one.key:{wide}}  {0:>8,} contacts")
            continue
        told = f"{one.key:{wide}}  {figures.contacts:>8,} contacts, median {_days(figures.median)}"
        if one.key in late and one.alert_after is not None:
            limit = format_duration(one.alert_after)
            told += f"  ! {late[one.key]:,} longer than {limit}, first {figures.longest.email}"
        click.echo(told)


def _days(time: timedelta) -> str:
    hours = int(time / timedelta(hours=1))
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
