"""`nurture user`: the people who may log in to the admin."""

import secrets
import sys

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, in_words
from nurture.engine.accounts import add_user, change_password
from nurture.errors import Invalid
from nurture.web.i18n import gettext as _
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
@LANGUAGE
def add(email: str, name: str, generate: bool, language: str) -> None:  # noqa: FBT001 - click passes options by name
    """Add somebody who may log in to the admin with EMAIL."""
    deps = parts()
    with in_words(language):
        password, made = _password(generate=generate)
        hashed, now = Passwords().hash(password), deps.wall.now()
        added = add_user(deps.database, email, hashed, now, name=name, by="command line")
        address = deps.settings.public_url
        click.echo(_("%(who)s may log in at %(address)s", who=added.email, address=address))
        if made:
            click.echo(_("Password: %(password)s", password=password))


@user.command()
@click.argument("email")
@click.option("--generate", is_flag=True, help="Make a password and print it, ask for none.")
@LANGUAGE
def password(email: str, generate: bool, language: str) -> None:  # noqa: FBT001 - as above
    """Give EMAIL another password; whoever is logged in with the old one is logged out."""
    deps = parts()
    with in_words(language):
        chosen, made = _password(generate=generate)
        hashed = Passwords().hash(chosen)
        change_password(deps.database, email, hashed, deps.wall.now(), by="command line")
        click.echo(_("%(who)s has another password.", who=email))
        if made:
            click.echo(_("Password: %(password)s", password=chosen))


def _password(*, generate: bool) -> tuple[str, bool]:
    """Return a password and whether the person has yet to be told it.

    Without a terminal there is nobody to ask; then one is made, too.
    """
    if generate or not sys.stdin.isatty():
        return secrets.token_urlsafe(15), True
    chosen: str = click.prompt(
        _("Password"), hide_input=True, confirmation_prompt=_("The same again")
    )
    if not SHORTEST_PASSWORD <= len(chosen) <= LONGEST_PASSWORD:
        message = f"the password is too {'short' if len(chosen) < SHORTEST_PASSWORD else 'long'}"
        remedy = f"Choose one of {SHORTEST_PASSWORD} or more; a short sentence is easy to keep."
        raise Invalid(message, remedy=remedy)
    return chosen, False
