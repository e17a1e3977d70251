"""`nurture sequence migrate` and `try`: versions of a sequence, and drafts walked before them."""

from typing import Any

import click

from nurture.cli.parts import parts
from nurture.cli.sequence_words import BY, DURATION
from nurture.domain.migrating import Choices, Waits, Why
from nurture.engine import migrating
from nurture.engine.migration_tally import Migration, Overview, Tally
from nurture.engine.trials import Way, try_draft

_WHY = {
    Why.CHOSEN: "stay on their version, as chosen",
    Why.UNDECIDED: "stand on a removed step and nobody said where they go",
    Why.UNDER_WAY: "have an email under way; migrate again when it is settled",
    Why.PASSES: "met their step more often than the version allows, and stay",
    Why.MAILED: "were mailed at their step before, and stay",
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
def migrate(key: str, to: int | None, by: str, *, dry_run: bool, **chosen: Any) -> None:
    """Take contacts who are under way over to another version of their sequence."""
    deps = parts()
    choices = Choices(chosen["removed"], Waits(chosen["waits"]), chosen["over"])
    now = deps.clock.now()
    if dry_run:
        _tell_removed(migrating.overview(deps, key, to), choices)
        done = migrating.forecast(deps, key, choices, now, to)
    else:
        done = migrating.carry_out(deps, key, choices, by, now, to)
    _tell(done, dry_run=dry_run)


def _tell_removed(found: Overview, choices: Choices) -> None:
    for step, count in found.removed.items():
        if step not in choices.removed:
            click.echo(
                f"{count:,} contacts stand on {step}, which version {found.target.number} has not:"
                f" say --removed {step}=exit, {step}=stay or {step}=STEP."
            )


def _tell(done: Migration, *, dry_run: bool) -> None:
    if not done.places:
        click.echo(f"Everybody in {done.key} is on version {done.to}.")
        return
    for place in done.places:
        click.echo(_line(place))
        click.echo(f"    such as {', '.join(place.samples)}")
    would = "would go" if dry_run else "went"
    click.echo(f"{done.goes:,} contacts {would} on in version {done.to} of {done.key}.")
    if done.leaves:
        click.echo(f"{done.leaves:,} {'would leave' if dry_run else 'left'} the sequence.")
    for why, count in done.stays.items():
        click.echo(f"{count:,} {_WHY[why]}.")


def _line(place: Tally) -> str:
    step = place.step or "(not begun)"
    ways = [f"{n:,} to {to or '(not begun)'}" for to, n in sorted(place.goes.items())]
    ways += [f"{place.leaves:,} leave"] * bool(place.leaves)
    ways += [f"{place.stays.total():,} stay"] * bool(place.stays)
    removed = " (removed)" if place.removed else ""
    return f"version {place.version}, {step}{removed}: {', '.join(ways)}"


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
def try_it(
    key: str, addresses: tuple[str, ...], properties: dict[str, str], by: str, *, fast: bool
) -> None:
    """Let test contacts walk the draft: real emails, and nothing is counted."""
    deps = parts()
    way = Way(fast, properties)
    begun = try_draft(deps, key, addresses, by, deps.clock.now(), way)
    click.echo(f"Trial {-begun.number} of {key} has begun for {', '.join(begun.addresses)}.")
    click.echo("It ends when the draft is published or discarded.")
