"""The group of all commands: it loads the one that is asked for, and lists them without loading."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from nurture.cli.main import COMMANDS, group


def told(*arguments: str) -> str:
    done = CliRunner().invoke(group, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


def test_the_list_says_of_each_command_what_it_says_itself() -> None:
    loaded = {name: group.get_command(click.Context(group), name) for name in COMMANDS}
    for name, command in loaded.items():
        assert command is not None
        assert command.name == name
        assert (command.help or "").split("\n\n")[0].replace("\n", " ") == COMMANDS[name].told


@pytest.mark.parametrize("asked", ["--help", "sequense"])
def test_only_the_command_that_is_asked_for_is_loaded(asked: str) -> None:
    program = (
        "import sys\n"
        "from nurture.cli.main import main\n"
        "try: main()\n"
        "finally: print(*(name for name in sys.modules if name.startswith('nurture.')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, asked], capture_output=True, text=True, check=False
    )
    loaded = done.stdout.splitlines()[-1].split()
    assert set(loaded) <= {
        "nurture.cli", "nurture.cli.main", "nurture.errors",
    }, done.stdout + done.stderr  # fmt: skip


def test_every_command_is_listed_once_in_the_order_of_the_alphabet() -> None:
    listed = told("--help").partition("Commands:\n")[2]
    assert [line.split()[0] for line in listed.splitlines()] == sorted(COMMANDS)


def test_a_command_that_there_is_not_is_told_with_the_one_that_was_meant() -> None:
    assert "No such command 'sequense'. Did you mean 'sequence'?" in told("sequense")


def test_what_a_command_asks_for_is_told_by_itself() -> None:
    assert "SEQUENCE would do" in " ".join(told("simulate", "--help").split())
