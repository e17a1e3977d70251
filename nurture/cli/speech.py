"""In which language a command answers: one option, the same for every command that has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

import click
from flask import Flask

from nurture.engine.accounts import Accounts
from nurture.engine.dependencies import Dependencies
from nurture.errors import NurtureError
from nurture.web.dependencies import WebDependencies, account_zone, without_pages
from nurture.web.error_words import translate_error
from nurture.web.formatting import number
from nurture.web.i18n import LANGUAGES, known, ngettext, use_language

LANGUAGE = click.option(
    "--language", type=click.Choice(tuple(LANGUAGES)), default="en", show_default=True,
    help="The language of the answer.",
)  # fmt: skip


@contextmanager
def speaking(deps: Dependencies, language: str, zone: ZoneInfo | None = None) -> Iterator[None]:
    """Have the admin's words in `language` for as long as the block runs."""
    with _in_words(deps, zone).app_context(), _errors_too():
        use_language(known(language) or "en")
        yield


@contextmanager
def in_words(language: str) -> Iterator[None]:
    """Have the admin's words alone in `language`: no times are told, and no database is asked."""
    with Flask(__name__).app_context(), _errors_too():
        use_language(known(language) or "en")
        yield


@contextmanager
def _errors_too() -> Iterator[None]:
    """Let what goes wrong in the block be told in its language."""
    try:
        yield
    except NurtureError as error:
        translate_error(error)
        raise


def contacts_counted(count: int) -> str:
    """So many contacts, in the language that is spoken."""
    told = ngettext("%(num)s contact", "%(num)s contacts", count, num=number(count))
    return str(told)


def _in_words(deps: Dependencies, zone: ZoneInfo | None) -> Flask:
    """The admin's application without its pages: only its words and formats are used here."""
    given = WebDependencies(
        settings=deps.settings,
        secrets=deps.secrets,
        accounts=Accounts(deps.database),
        engine=deps,
        clock=deps.clock,
        zone=zone or account_zone(deps),
    )
    return without_pages(given)
