"""`nurture sequence migrate` and `try`: versions of a sequence, and drafts walked before them."""

from typing import Any

import click

from nurture.cli.parts import parts
from nurture.cli.sequence_words import BY, DURATION
from nurture.cli.speech import LANGUAGE, contacts_counted, in_words
from nurture.domain.migrating import Choices, Waits, Why
from nurture.engine import migrating
from nurture.engine.migration_tally import Migration, Overview, Tally
from nurture.engine.trials import Way, try_draft
from nurture.web.formatting import number
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked, ngettext

# How many contacts stay for each reason; the count comes before it.
_WHY = {
    Why.CHOSEN: marked("stay on the version they are in, as chosen"),
    Why.UNDECIDED: marked("on a removed step, and nobody said where to go from it"),
    Why.UNDER_WAY: marked("with an email under way: migrate again when it is settled"),
    Why.PASSES: marked("past the passes that the version allows, and staying"),
    Why.MAILED: marked("mailed at their step before, and staying"),
}


def _choices(_context: object, _option: object, given: tuple[str, ...]) -> dict[str, str]:
    chosen = {}
    for one in given:
        step, equals, target = one.partition("=")
        if not (step and equals and target):
            raise click.BadParameter(
                f"{one!r} names no way; write STEP=exit, STEP=stay or STEP=STEP2."
            )
        chosen[step] = target
    return chosen


@click.command()
@click.argument("key")
@click.option("--to", type=int, help="The version to go to; the current one by default.")
@click.option(
    "--removed", multiple=True, callback=_choices, metavar="STEP=exit|stay|STEP2",
    help="Where those go who stand on a step that the version has not. Repeatable.",
)  # fmt: skip
@click.option(
    "--waits", type=click.Choice([one.value for one in Waits]), default=Waits.KEEP.value,
    show_default=True, help="Keep what is left of each wait, or count it anew from its beginning.",
)  # fmt: skip
@click.option(
    "--over", type=DURATION, default="1h", show_default=True,
    help="Spread whoever would be mailed at once over so long.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing.")
@BY
@LANGUAGE
def migrate(
    key: str, to: int | None, by: str, language: str, *, dry_run: bool, **chosen: Any
) -> None:
    """Take contacts who are under way over to another version of their sequence."""
    deps = parts()
    choices = Choices(chosen["removed"], Waits(chosen["waits"]), chosen["over"])
    now = deps.clock.now()
    if dry_run:
        found = migrating.overview(deps, key, to)
        done = migrating.forecast(deps, key, choices, now, to)
    else:
        found = None
        done = migrating.carry_out(deps, key, choices, by, now, to)
    with in_words(language):
        if found is not None:
            _tell_removed(found, choices)
        _tell(done, dry_run=dry_run)


def _tell_removed(found: Overview, choices: Choices) -> None:
    for step, count in found.removed.items():
        if step not in choices.removed:
            told = ngettext(
                "%(num)s contact stands on %(step)s, which version %(version)s has not:",
                "%(num)s contacts stand on %(step)s, which version %(version)s has not:",
                count, num=number(count), step=step, version=found.target.number,
            )  # fmt: skip
            say = _("say --removed %(step)s=exit, %(step)s=stay or %(step)s=STEP.", step=step)
            click.echo(f"{told} {say}")


def _tell(done: Migration, *, dry_run: bool) -> None:
    if not done.places:
        told = _("Everybody in %(key)s is on version %(version)s.", key=done.key, version=done.to)
        click.echo(told)
        return
    for place in done.places:
        click.echo(_line(place))
        click.echo("    " + _("such as %(who)s", who=", ".join(place.samples)))
    click.echo(_gone_on(done, dry_run=dry_run))
    if done.leaves:
        click.echo(_left(done.leaves, dry_run=dry_run))
    for why, count in done.stays.items():
        click.echo(f"{contacts_counted(count)}: {_(_WHY[why])}.")


def _gone_on(done: Migration, *, dry_run: bool) -> str:
    values = {"num": number(done.goes), "version": done.to, "key": done.key}
    if dry_run:
        return ngettext(
            "%(num)s contact would go on in version %(version)s of %(key)s.",
            "%(num)s contacts would go on in version %(version)s of %(key)s.",
            done.goes, **values,
        )  # fmt: skip
    return ngettext(
        "%(num)s contact went on in version %(version)s of %(key)s.",
        "%(num)s contacts went on in version %(version)s of %(key)s.",
        done.goes, **values,
    )  # fmt: skip


def _left(count: int, *, dry_run: bool) -> str:
    if dry_run:
        return ngettext(
            "%(num)s would leave the sequence.", "%(num)s would leave the sequence.",
            count, num=number(count),
        )  # fmt: skip
    return ngettext(
        "%(num)s left the sequence.", "%(num)s left the sequence.", count, num=number(count)
    )


def _line(place: Tally) -> str:
    begun = _("(not begun)")
    ways = [
        _("%(count)s to %(step)s", count=number(n), step=to or begun)
        for to, n in sorted(place.goes.items())
    ]
    if place.leaves:
        ways.append(_("%(count)s to the way out", count=number(place.leaves)))
    if place.stays:
        ways.append(_("%(count)s to stay", count=number(place.stays.total())))
    removed = " " + _("(removed)") if place.removed else ""
    step = place.step or begun
    where = _("version %(number)s, %(step)s", number=place.version, step=step)
    return f"{where}{removed}: {', '.join(ways)}"


def _properties(_context: object, _option: object, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if any(not (name and equals) for name, equals, _ in pairs):
        raise click.BadParameter("write NAME=VALUE, such as cart_id=7.")
    return {name: value for name, _, value in pairs}


@click.command("try")
@click.argument("key")
@click.option(
    "--contact", "addresses", multiple=True, required=True, metavar="ADDRESS",
    help="A contact with the tag `test`, who gets the emails. Repeatable.",
)  # fmt: skip
@click.option("--fast", is_flag=True, help="Make every wait a minute long, at any time of day.")
@click.option(
    "--property", "properties", multiple=True, callback=_properties, metavar="NAME=VALUE",
    help="A property of the event that would start the sequence. Repeatable.",
)  # fmt: skip
@BY
@LANGUAGE
def try_it(
    key: str,
    addresses: tuple[str, ...],
    properties: dict[str, str],
    by: str,
    language: str,
    *,
    fast: bool,
) -> None:
    """Let test contacts walk the draft: real emails, and nothing is counted."""
    deps = parts()
    way = Way(fast, properties)
    begun = try_draft(deps, key, addresses, by, deps.clock.now(), way)
    with in_words(language):
        told = _(
            "Trial %(number)s of %(key)s has begun for %(who)s.",
            number=-begun.number, key=key, who=", ".join(begun.addresses),
        )  # fmt: skip
        click.echo(told)
        click.echo(_("It ends when the draft is published or discarded."))
