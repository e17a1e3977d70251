"""`nurture user`: the people who may log in to the admin."""

import secrets
import sys

import click

from nurture.cli.parts import parts
from nurture.engine.accounts import add_user, change_password
from nurture.errors import Invalid
from nurture.web.passwords import LONGEST_PASSWORD, Passwords

# NIST SP 800-63B, section 5.1.1.2 asks for at least eight; twelve costs a person nothing more.
SHORTEST_PASSWORD = 12


@click.group()
def user() -> None:
    """Add people who may log in, or change their password."""


@user.command()
@click.argument("email")
@click.option("--name", default="", help="How the admin calls them.")
@click.option("--generate", is_flag=True, help="Make a password and print it, ask for none.")
def add(email: str, name: str, generate: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Add somebody who may log in to the admin with EMAIL."""
    deps = parts()
    password, told = _password(generate=generate)
    hashed = Passwords().hash(password)
    added = add_user(deps.database, email, hashed, deps.wall.now(), name=name, by="command line")
    click.echo(f"{added.email} may log in at {deps.settings.public_url}")
    if told:
        click.echo(f"Password: {password}")


@user.command()
@click.argument("email")
@click.option("--generate", is_flag=True, help="Make a password and print it, ask for none.")
def password(email: str, generate: bool) -> None:  # noqa: FBT001 - as above
    """Give EMAIL another password; whoever is logged in with the old one is logged out."""
    deps = parts()
    chosen, told = _password(generate=generate)
    hashed = Passwords().hash(chosen)
    change_password(deps.database, email, hashed, deps.wall.now(), by="command line")
    click.echo(f"{email} has another password.")
    if told:
        click.echo(f"Password: {chosen}")


def _password(*, generate: bool) -> tuple[str, bool]:
    """Return a password and whether the person has yet to be told it.

    Without a terminal there is nobody to ask; then one is made, too.
    """
    if generate or not sys.stdin.isatty():
        return secrets.token_urlsafe(15), True
    chosen: str = click.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    if not SHORTEST_PASSWORD <= len(chosen) <= LONGEST_PASSWORD:
        message = f"the password is too {'short' if len(chosen) < SHORTEST_PASSWORD else 'long'}"
        remedy = f"Choose one of {SHORTEST_PASSWORD} or more; a short sentence is easy to keep."
        raise Invalid(message, remedy=remedy)
    return chosen, False
