"""`nurture`: the group that every command belongs to."""

import gc
import importlib
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import click

from nurture.errors import Invalid, NurtureError


class Entry(NamedTuple):
    """Where a command is, `module:attribute` in this room, and what the list says of it."""

    where: str
    told: str


# A command loads what it needs and nothing of any other: all of them take seconds to load. The
# list of them loads none, so it says here what each says of itself.
COMMANDS: Final[Mapping[str, Entry]] = {
    "check": Entry("campaigns:check", "Check campaign files and emails; nothing is published."),
    "plan": Entry(
        "plan:plan_command",
        "Tell what `nurture apply` would change, and for how many contacts; nothing is written.",
    ),
    "apply": Entry(
        "campaigns:apply",
        "Publish campaign files as new immutable versions: all of them or, with a fault, none.",
    ),
    "export": Entry(
        "campaigns:export",
        "Write what is published back to campaign files, the same bytes for the same campaigns.",
    ),
    "import": Entry(
        "imports:import_",
        "Import contacts from a CSV FILE: good rows in, bad rows out with the reason.",
    ),
    "user": Entry("users:user", "Add people who may log in, or change their password."),
    "worker": Entry(
        "worker:worker",
        "Send mail, move runs on, record hits: until SIGTERM or Ctrl-C, which finish what is in "
        "hand.",
    ),
    "doctor": Entry(
        "doctor:doctor",
        "Examine the database; ends with status 1 when something is wrong that was not mended.",
    ),
    "explain": Entry(
        "explain:explain_command",
        "Tell why CONTACT (an address or an id) has this score and got these emails, or not.",
    ),
    "ahead": Entry(
        "ahead:ahead_command",
        "Tell what CONTACT (an address or an id) will get in the next days, when, and what is "
        "held.",
    ),
    "forecast": Entry(
        "forecast:forecast",
        "Tell how many contacts of each stage's sequence run out of content in which week.",
    ),
    "simulate": Entry(
        "simulate:simulate_command",
        "Tell what SEQUENCE would do to contacts who enter it now; nothing is written or sent.",
    ),
    "backtest": Entry(
        "backtest:backtest_command",
        "Tell who would have moved, and how many mails had gone out, under a DRAFT.",
    ),
    "replay": Entry(
        "replay:replay_command",
        "Build scores, stages and runs again from events and decisions, of CONTACT or of all.",
    ),
    "experiment": Entry(
        "experiments:experiment", "Look at experiments and hold-outs, and stop them."
    ),
    "inbox": Entry(
        "inbox:inbox",
        "Run the local inbox until it is told to stop; the admin shows the mail it keeps.",
    ),
    "sequence": Entry(
        "sequences:sequence",
        "List sequences, pause one and let it go on, migrate contacts, and try drafts.",
    ),
    "segment": Entry("segments:segment_group", "List segments, and show who is in one."),
    "contact": Entry("contacts:contact", "Say what is known of a contact, and what sales decided."),
    "stage": Entry("stages:stage", "Look at the stages of the funnel."),
    "delivery": Entry(
        "deliveries:delivery", "List notices and webhooks, and have one tried again."
    ),
    "endpoint": Entry(
        "deliveries:endpoint", "The systems that webhooks go to: how they are, and their secrets."
    ),
    "quarantine": Entry(
        "quarantine:quarantine",
        "List events from the future or the distant past, and take them in or leave them out.",
    ),
    "api-key": Entry(
        "api:api_key_command",
        "Print the key for `POST /api/events` (Authorization: Bearer …). Keep it secret.",
    ),
    "demo": Entry(
        "demo:demo",
        "Play the whole loop: import, send, open, click, score, move, unsubscribe, bounce.",
    ),
    "web": Entry(
        "web:web", "Serve the web until SIGTERM or Ctrl-C, in NURTURE_WEB_PROCESSES processes."
    ),
}


class Commands(click.Group):
    """A group whose commands are loaded when they are asked for; until then it has their names."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, entry in COMMANDS.items():
            self.add_command(click.Command(name, help=entry.told))
        self._loaded: dict[str, click.Command] = {}

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Load a command; None when there is none of this name."""
        if name not in self._loaded and name in COMMANDS:
            module, _, attribute = COMMANDS[name].where.partition(":")
            loaded = importlib.import_module(f"nurture.cli.{module}")
            self._loaded[name] = getattr(loaded, attribute)
        return self._loaded.get(name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands as click does, from their names alone."""
        click.Group("names", self.commands).format_commands(ctx, formatter)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nurture")
def group() -> None:
    """Nurture moves contacts through multi-touch email sequences, correctly."""
    # The command is loaded by now. What a program is made of is never garbage, and looking
    # through it again and again took a quarter of the time to start, and some of that to end.
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def main() -> None:
    """Run a command; a known error is told in full, with its remedy, and ends with status 1."""
    gc.disable()
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
