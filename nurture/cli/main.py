"""`nurture`: the group that every command belongs to."""

import sys

import click

from nurture.cli import (
    ahead,
    api,
    backtest,
    campaigns,
    contacts,
    deliveries,
    demo,
    doctor,
    experiments,
    explain,
    forecast,
    imports,
    inbox,
    plan,
    quarantine,
    replay,
    segments,
    sequences,
    simulate,
    stages,
    users,
    web,
    worker,
)
from nurture.errors import Invalid, NurtureError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nurture")
def group() -> None:
    """Nurture moves contacts through multi-touch email sequences, correctly."""


COMMANDS: tuple[click.Command, ...] = (
    campaigns.check,
    plan.plan_command,
    campaigns.apply,
    campaigns.export,
    imports.import_,
    users.user,
    worker.worker,
    doctor.doctor,
    explain.explain_command,
    ahead.ahead_command,
    forecast.forecast,
    simulate.simulate_command,
    backtest.backtest_command,
    replay.replay_command,
    experiments.experiment,
    inbox.inbox,
    sequences.sequence,
    segments.segment_group,
    contacts.contact,
    stages.stage,
    deliveries.delivery,
    deliveries.endpoint,
    quarantine.quarantine,
    api.api_key_command,
    demo.demo,
    web.web,
)

for command in COMMANDS:
    group.add_command(command)


def main() -> None:
    """Run a command; a known error is told in full, with its remedy, and ends with status 1."""
    try:
        group()
    except Invalid as error:
        # A single problem is told by the error itself, and how many there are as well.
        if len(error.problems) > 1:
            for problem in error.problems:
                click.echo(str(problem), err=True)
            click.echo(err=True)
        click.echo(str(error), err=True)
        sys.exit(1)
    except NurtureError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
