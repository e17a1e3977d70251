"""`nurture contact`: what a person says of one contact: BANT, sales' word, stages, erasing."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

import click

from nurture.cli.parts import parts, who
from nurture.domain.bant import ANSWERS, LETTERS, QUESTIONS
from nurture.domain.contact import GLOBAL
from nurture.domain.stages import Actor, EdgeKind, Said, StageChange, StageRefused
from nurture.engine import erasing
from nurture.engine import qualification as engine
from nurture.engine.addresses import ERASURE
from nurture.engine.erasing import Erasure, Outcome
from nurture.engine.explain import find_contact
from nurture.engine.suppress import lift_address
from nurture.engine.ways_out import WayOut, Ways, ways_out
from nurture.errors import Invalid, Refused
from nurture.store import qualification

_BY = click.option("--by", default=who, help="Who says so, for the record.")
_NOTE = click.option("--note", default="", help="Why, in your own words.")
_REASON = click.option("--reason", default="", help="One of the reasons of that edge.")


@click.group()
def contact() -> None:
    """Say what is known of a contact, and what sales decided."""


@contact.command()
@click.argument("contact")
@click.argument("answers", nargs=-1)
@click.option("--source", default="command line", show_default=True, help="Where it was said.")
@_NOTE
@_BY
def bant(contact: str, answers: tuple[str, ...], source: str, note: str, by: str) -> None:
    """Answer letters of BANT for CONTACT: `budget=yes need=partial`. Without any, list the log.

    The questions beside it are answered the same way: `motivation="A second shop"`.
    """
    deps = parts()
    contact_id = find_contact(deps, contact)
    if answers:
        given = dict(_answer(one) for one in answers)
        said = Said(by=by, note=note)
        number = engine.qualify(deps, contact_id, given, said, source, deps.clock.now())
        click.echo(f"{number} of {len(given)} are new." if number else "That was known already.")
    with deps.database.read() as tx:
        log = qualification.answers(tx, [contact_id])
    for one in log:
        told = f"{one.at:%Y-%m-%d %H:%M} UTC  {one.letter:9}  {one.value:7}  {one.source}"
        click.echo("  ".join(part for part in (told, one.by, one.note) if part))
    if not log:
        click.echo("Nobody has answered anything yet.")


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
def accept(contact: str, note: str, by: str) -> None:
    """Say that sales take CONTACT on."""
    deps = parts()
    engine.accept(deps, find_contact(deps, contact), Said(by=by, note=note), deps.clock.now())
    click.echo(f"Sales accepted {contact}.")


@contact.command()
@click.argument("contact")
@_REASON
@_NOTE
@_BY
def reject(contact: str, reason: str, note: str, by: str) -> None:
    """Say that sales turn CONTACT down: they go back to nurturing, and rest for a while."""
    deps = parts()
    said, now = Said(by=by, reason=reason, note=note), deps.clock.now()
    contact_id = find_contact(deps, contact)
    answer = engine.reject(deps, contact_id, said, now)
    _tell(contact, answer, now, partial(ways_out, deps, contact_id, now))


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
def move(contact: str, stage: str, actor: str, reason: str, note: str, by: str) -> None:
    """Ask for CONTACT to stand in STAGE. The guards that everybody obeys decide."""
    deps = parts()
    said = Said(by=by, reason=reason, note=note)
    now = deps.clock.now()
    contact_id = find_contact(deps, contact)
    answer = engine.change_stage(deps, contact_id, stage, Actor(actor), said, now)
    _tell(contact, answer, now, partial(ways_out, deps, contact_id, now))


@contact.command()
@click.argument("address")
@click.option("--why", default="", help="Such as the number of the request. Without their name.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and leave everything as it is.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--bar", is_flag=True, help="Bar the address even if nobody has it: see below.")
@_BY
def erase(address: str, why: str, dry_run: bool, yes: bool, bar: bool, by: str) -> None:  # noqa: FBT001
    """Erase whoever has ADDRESS, for good. Totals in reports stay, and belong to nobody.

    A keyed hash of the address stays on the list of suppressions, so that no import and no form
    stores or mails them again. With --bar it is put there even if the address was never known.
    """
    deps = parts()
    told = erasing.foresee(deps, address)
    _foretell(address, told)
    nothing = told.outcome is Outcome.UNKNOWN and not bar
    if dry_run or nothing:
        if nothing:
            click.echo("Nothing was changed. With --bar it can never be imported, either.")
        return
    if told.outcome is not Outcome.ALREADY and not yes:
        click.confirm("This cannot be undone. Erase?", abort=True)
    done = erasing.erase(deps, address, by=by, why=why, now=deps.clock.now(), bar=bar)
    match done.outcome:
        case Outcome.ERASED:
            click.echo(f"Erased {address}. docs/erasure.md says what is beyond our reach.")
        case Outcome.BARRED:
            click.echo(f"{address} was never known here, and is barred from now on.")
        case _:
            if done.mails:
                click.echo(f"Emptied {done.mails} more in the local inbox.")


@contact.command()
@click.argument("address")
@click.option("--why", default="", help="How you know that they wish it. Without their name.")
@click.option("--scope", default=GLOBAL, show_default=True, help="`global`, or a topic.")
@_BY
def lift(address: str, why: str, scope: str, by: str) -> None:
    """Lift what bars ADDRESS, on their own wish: a bounce, a complaint, an erasure, your own word.

    Consent does not come back by it. Who was erased begins anew, by signing up on /subscribe.
    """
    deps = parts()
    reason = lift_address(deps, address, scope, by, why, deps.clock.now())
    click.echo(f"{address} is barred no more; the reason was: {reason}.")
    if reason == ERASURE:
        click.echo("Nothing is known of them here. They come back by signing up on /subscribe.")


def _foretell(address: str, told: Erasure) -> None:
    match told.outcome:
        case Outcome.ALREADY:
            since = f" on {told.at:%Y-%m-%d %H:%M} UTC" if told.at else ""
            click.echo(f"{address} was erased already{since}.")
        case Outcome.ERASED:
            click.echo(f"Of {address} there are, to be deleted or emptied:")
            for table, number in told.rows.items():
                click.echo(f"  {number:6}  {table.replace('_', ' ')}")
            click.echo(f"Runs that are under way and end: {told.live_runs}.")
        case _:
            click.echo(f"{address} is not known here.")
    if told.mails:
        click.echo(f"Copies in the local inbox: {told.mails}.")
    for file in told.files:
        click.echo(f"An import wrote this address to {file}: delete that file by hand.")


def _tell(
    contact: str,
    answer: StageChange | StageRefused,
    now: datetime,
    ways: Callable[[], Ways],
) -> None:
    """Say what became of a request; `ways` are those out of the stage, asked for by a refusal."""
    if isinstance(answer, StageRefused):
        raise Refused(
            f"{contact} does not become {answer.to}: {answer.why}",
            remedy="\n".join(_instead(answer, ways(), now)),
        )
    edge = answer.edge
    rests = f" No rule promotes them before {now + edge.cooldown:%Y-%m-%d}." if (
        edge.cooldown
    ) else ""  # fmt: skip
    click.echo(f"{contact}: {edge.start} → {edge.to} ({edge.kind}).{rests}")


def _instead(answer: StageRefused, ways: Ways, now: datetime) -> Iterator[str]:
    """Which guard it was, which ways there are instead, and what to do."""
    guards = [one.guard for one in ways.out if one.edge.to == answer.to and not one.holds]
    for guard in guards:
        yield f"The way there asks: {guard}"
    if answer.to not in ways.stages:
        yield f"There is no stage {answer.to}; there are {', '.join(ways.stages)}."
    if answer.release:
        yield f"It may be asked again on {answer.release:%Y-%m-%d %H:%M} UTC."
    people = [one for one in ways.out if one.edge.actors - {Actor.RULES}]
    if people:
        yield f"A person may take these ways out of {ways.stage}:"
        yield from (f"  {_way(one, now)}" for one in people)
    elif ways.stage:
        yield (
            f"No way out of {ways.stage} is for a person: add `by: [marketing]` or `by: [sales]`"
            " to an edge in funnel.yaml, or an edge of kind `override`."
        )
    else:
        yield "They stand in no stage: import them first."
    if guards:
        yield "Note what is missing, such as with `nurture contact bant`, and ask again."
    yield "The refusal is kept on the contact's page."


def _way(one: WayOut, now: datetime) -> str:
    edge = one.edge
    who = " or ".join(sorted(f"--as {actor}" for actor in edge.actors - {Actor.RULES}))
    told = [f"{edge.to} ({edge.kind}, {who})"]
    if one.guard:
        told.append(
            f"asks {one.guard}" + (", which holds" if one.holds else ", which does not hold")
        )
    if one.opens > now:
        told.append(f"not before {one.opens:%Y-%m-%d %H:%M} UTC")
    if edge.reasons:
        told.append(f"with --reason {' or '.join(edge.reasons)}")
    if edge.kind is EdgeKind.OVERRIDE:
        told.append("with --note, why")
    return "; ".join(told)
