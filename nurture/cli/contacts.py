"""`nurture contact`: what a person says of one contact: BANT, tags, sales, stages, erasing."""

from functools import partial

import click

from nurture.cli.contact_tags import tag, untag
from nurture.cli.parts import parts, who
from nurture.cli.refusals import tell_answer
from nurture.cli.speech import LANGUAGE, in_words
from nurture.domain.bant import ANSWERS, LETTERS, QUESTIONS
from nurture.domain.contact import GLOBAL
from nurture.domain.stages import Actor, Said
from nurture.engine import erasing
from nurture.engine import qualification as engine
from nurture.engine.addresses import ERASURE
from nurture.engine.erasing import Erasure, Outcome
from nurture.engine.explain import find_contact
from nurture.engine.suppress import lift_address
from nurture.engine.ways_out import ways_out
from nurture.errors import Invalid
from nurture.store import qualification
from nurture.web.formatting import number
from nurture.web.i18n import gettext as _
from nurture.web.reasons import reason as reason_words

_BY = click.option("--by", default=who, help="Who says so, for the record.")
_NOTE = click.option("--note", default="", help="Why, in your own words.")
_REASON = click.option("--reason", default="", help="One of the reasons of that edge.")


@click.group()
def contact() -> None:
    """Say what is known of a contact, and what sales decided."""


contact.add_command(tag)
contact.add_command(untag)


@contact.command()
@click.argument("contact")
@click.argument("answers", nargs=-1)
@click.option("--source", default="command line", show_default=True, help="Where it was said.")
@_NOTE
@_BY
@LANGUAGE
def bant(
    contact: str, answers: tuple[str, ...], source: str, note: str, by: str, language: str
) -> None:
    """Answer letters of BANT for CONTACT: `budget=yes need=partial`. Without any, list the log.

    The questions beside it are answered the same way: `motivation="A second shop"`.
    """
    deps = parts()
    with in_words(language):
        contact_id = find_contact(deps, contact)
        if answers:
            given = dict(_answer(one) for one in answers)
            said = Said(by=by, note=note)
            new = engine.qualify(deps, contact_id, given, said, source, deps.clock.now())
            known = _("That was known already.")
            fresh = _("%(count)s of %(of)s are new.", count=number(new), of=number(len(given)))
            click.echo(fresh if new else known)
        with deps.database.read() as tx:
            log = qualification.answers(tx, [contact_id])
        for one in log:
            told = f"{one.at:%Y-%m-%d %H:%M} UTC  {one.letter:9}  {one.value:7}  {one.source}"
            click.echo("  ".join(part for part in (told, one.by, one.note) if part))
        if not log:
            click.echo(_("Nobody has answered anything yet."))


def _answer(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        remedy = f"Write {LETTERS[0]}=yes; answers are {', '.join(ANSWERS)}."
        raise Invalid(f"{text!r} is no answer", remedy=remedy)
    name = name.strip().casefold()
    return name, value if name in QUESTIONS else value.strip().casefold()


@contact.command()
@click.argument("contact")
@_NOTE
@_BY
@LANGUAGE
def accept(contact: str, note: str, by: str, language: str) -> None:
    """Say that sales take CONTACT on."""
    deps = parts()
    with in_words(language):
        contact_id = find_contact(deps, contact)
        engine.accept(deps, contact_id, Said(by=by, note=note), deps.clock.now())
        click.echo(_("Sales accepted %(contact)s.", contact=contact))


@contact.command()
@click.argument("contact")
@_REASON
@_NOTE
@_BY
@LANGUAGE
def reject(contact: str, reason: str, note: str, by: str, language: str) -> None:
    """Say that sales turn CONTACT down: they go back to nurturing, and rest for a while."""
    deps = parts()
    said, now = Said(by=by, reason=reason, note=note), deps.clock.now()
    with in_words(language):
        contact_id = find_contact(deps, contact)
        answer = engine.reject(deps, contact_id, said, now)
        tell_answer(contact, answer, now, partial(ways_out, deps, contact_id, now))


@contact.command()
@click.argument("contact")
@click.argument("stage")
@click.option(
    "--as",
    "actor",
    type=click.Choice([Actor.MARKETING.value, Actor.SALES.value]),
    default=Actor.MARKETING.value,
    show_default=True,
    help="On whose behalf.",
)
@_REASON
@_NOTE
@_BY
@LANGUAGE
def move(  # noqa: PLR0913 - click passes options by name
    contact: str, stage: str, actor: str, reason: str, note: str, by: str, language: str
) -> None:
    """Ask for CONTACT to stand in STAGE. The guards that everybody obeys decide."""
    deps = parts()
    said = Said(by=by, reason=reason, note=note)
    now = deps.clock.now()
    with in_words(language):
        contact_id = find_contact(deps, contact)
        answer = engine.change_stage(deps, contact_id, stage, Actor(actor), said, now)
        tell_answer(contact, answer, now, partial(ways_out, deps, contact_id, now))


@contact.command()
@click.argument("address")
@click.option("--why", default="", help="Such as the number of the request. Without their name.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and leave everything as it is.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--bar", is_flag=True, help="Bar the address even if nobody has it: see below.")
@_BY
@LANGUAGE
def erase(  # noqa: PLR0913 - click passes options by name
    address: str, why: str, dry_run: bool, yes: bool, bar: bool, by: str, language: str,  # noqa: FBT001
) -> None:  # fmt: skip
    """Erase whoever has ADDRESS, for good. Totals in reports stay, and belong to nobody.

    A keyed hash of the address stays on the list of suppressions, so that no import and no form
    stores or mails them again. With --bar it is put there even if the address was never known.
    """
    deps = parts()
    with in_words(language):
        told = erasing.foresee(deps, address)
        _foretell(address, told)
        nothing = told.outcome is Outcome.UNKNOWN and not bar
        if nothing:
            click.echo(_("Nothing was changed. With --bar it can never be imported, either."))
        if dry_run or nothing:
            return
        if told.outcome is not Outcome.ALREADY and not yes:
            click.confirm(_("This cannot be undone. Erase?"), abort=True)
        done = erasing.erase(deps, address, by=by, why=why, now=deps.clock.now(), bar=bar)
        match done.outcome:
            case Outcome.ERASED:
                click.echo(
                    _("Erased %(address)s. docs/erasure.md says what is beyond our reach.",
                      address=address)
                )  # fmt: skip
            case Outcome.BARRED:
                click.echo(
                    _("%(address)s was never known here, and is barred from now on.",
                      address=address)
                )  # fmt: skip
            case _:
                if done.mails:
                    click.echo(
                        _("Emptied %(count)s more in the local inbox.", count=number(done.mails))
                    )


@contact.command()
@click.argument("address")
@click.option("--why", default="", help="How you know that they wish it. Without their name.")
@click.option("--scope", default=GLOBAL, show_default=True, help="`global`, or a topic.")
@_BY
@LANGUAGE
def lift(address: str, why: str, scope: str, by: str, language: str) -> None:
    """Lift what bars ADDRESS, on their own wish: a bounce, a complaint, an erasure, your own word.

    Consent does not come back by it. Who was erased begins anew, by signing up on /subscribe.
    """
    deps = parts()
    with in_words(language):
        stood = lift_address(deps, address, scope, by, why, deps.clock.now())
        told = _("%(address)s is barred no more; the reason was: %(reason)s.",
                 address=address, reason=reason_words(stood))  # fmt: skip
        click.echo(told)
        if stood == ERASURE:
            click.echo(
                _("Nothing is known of them here. They come back by signing up on /subscribe.")
            )


def _foretell(address: str, told: Erasure) -> None:
    match told.outcome:
        case Outcome.ALREADY if told.at:
            since = f"{told.at:%Y-%m-%d %H:%M} UTC"
            click.echo(
                _("%(address)s was erased already on %(since)s.", address=address, since=since)
            )
        case Outcome.ALREADY:
            click.echo(_("%(address)s was erased already.", address=address))
        case Outcome.ERASED:
            click.echo(_("Of %(address)s there are, to be deleted or emptied:", address=address))
            # The names are those of the tables, as docs/erasure.md lists them.
            for table, rows in told.rows.items():
                click.echo(f"  {rows:6}  {table.replace('_', ' ')}")
            click.echo(
                _("Runs that are under way and end: %(count)s.", count=number(told.live_runs))
            )
        case _:
            click.echo(_("%(address)s is not known here.", address=address))
    if told.mails:
        click.echo(_("Copies in the local inbox: %(count)s.", count=number(told.mails)))
    for file in told.files:
        click.echo(
            _("An import wrote this address to %(file)s: delete that file by hand.", file=file)
        )
