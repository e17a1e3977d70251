"""`nurture simulate`: what a sequence would do to a contact, before anybody is in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import click

from nurture.campaigns.complaints import did_you_mean
from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, in_words, speaking
from nurture.cli.worlds import written
from nurture.domain.sequence import Sequence
from nurture.domain.stages import StageChange
from nurture.domain.states import STATE_NAMES
from nurture.domain.zones import zone_named, zone_of
from nurture.engine import trail
from nurture.engine.assumptions import assume, given
from nurture.engine.explain import find_contact
from nurture.engine.life_letters import LifeLetters, of_files, of_published
from nurture.engine.simulate import (
    Simulated,
    life_of,
    life_of_somebody,
    published_world,
    simulate,
)
from nurture.engine.world import Moment
from nurture.errors import Invalid, NotFound
from nurture.web.decided import decision_lines
from nurture.web.formatting import long_time
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext
from nurture.web.lacking import lack_told
from nurture.web.names import Names
from nurture.web.words import state_word


@click.command("simulate")
@click.argument("sequence")
@click.option("--contact", "contacts", multiple=True, help="A contact: address or id.")
@click.option("--someone", "invented", is_flag=True, help="An invented contact who agreed to all.")
@click.option("--assume", "lines", multiple=True, help="Such as “clicks step 2 on day 3”.")
@click.option("--with", "given", multiple=True, help="The trigger's properties: cart_id=42.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 3650))
@click.option("--published", is_flag=True, help="As published, not as the files say.")
@LANGUAGE
def simulate_command(sequence: str, **asked: Any) -> None:
    """Tell what SEQUENCE would do to contacts who enter it now; nothing is written or sent.

    The sequence is read from the campaign files, published or not.
    """
    wanted = Asked(**asked)
    deps = parts()
    with in_words(wanted.language):
        world = published_world(deps) if wanted.published else written(deps)
        if sequence not in world.sequences:
            told = f"there is no sequence {sequence!r}"
            raise NotFound(told, remedy=did_you_mean(sequence, world.sequences))
        if not wanted.contacts and not wanted.invented:
            remedy = "Add --contact ADDRESS or --someone."
            raise Invalid("nobody is named to enter it", remedy=remedy)
        steps = world.sequences[sequence]
        assumptions = [assume(line, steps) for line in wanted.lines]
        properties = {name: value for one in wanted.given for name, value in given(one).items()}
    now, length = deps.clock.now(), timedelta(days=wanted.days)
    lives = [life_of(deps, find_contact(deps, one), world, now) for one in wanted.contacts]
    if wanted.invented:
        lives.append(life_of_somebody(world, now))
    choose = of_published(deps) if wanted.published else of_files(deps.settings.templates)
    for life in lives:
        life.letters = LifeLetters(choose, deps.renderer)
    with speaking(deps, wanted.language, zone_named(world.funnel.account.timezone)):
        names = Names(world.funnel, {key: one.names for key, one in world.sequences.items()})
        for life in lives:
            for text in _lines(
                simulate(life, steps, assumptions, properties, length), steps, names
            ):
                click.echo(text)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said on the command line."""

    contacts: tuple[str, ...]
    invented: bool
    lines: tuple[str, ...]
    given: tuple[str, ...]
    days: int
    published: bool
    language: str


def _lines(told: Simulated, steps: Sequence, names: Names) -> Iterator[str]:
    yield f"{told.contact.address}"
    for moment in told.moments:
        yield from _moment(moment, told, steps, names)
    for one in told.ignored:
        yield "  ! " + _("Assumed in vain") + f": {one.assumption.text} ({_(one.why)})"
    for lack in told.lacks:
        yield "  ! " + lack_told(lack, names)
    own = [run for run in told.runs if run.sequence == steps.key]
    state = state_word(STATE_NAMES[type(own[0].state)]).label if own else ""
    yield "  = " + ngettext(
        "%(count)s email; “%(sequence)s”: %(state)s",
        "%(count)s emails; “%(sequence)s”: %(state)s",
        told.sent,
        count=told.sent,
        sequence=names.sequence(steps.key),
        state=state,
    )
    yield ""


def _moment(moment: Moment, told: Simulated, steps: Sequence, names: Names) -> Iterator[str]:
    zone = zone_of(told.contact, steps)
    entered, then = told.start.astimezone(zone), moment.at.astimezone(zone)
    day = (then.date() - entered.date()).days + 1
    when = _("day %(day)s", day=day) + f", {long_time(moment.at, zone)}"
    if moment.stage is not None:
        word = "→" if isinstance(moment.stage, StageChange) else "✗"
        to = moment.stage.edge.to if isinstance(moment.stage, StageChange) else moment.stage.to
        yield f"  {when}  " + _("Stage") + f" {word} {names.stage(to)} ({moment.stage.why})"
        return
    decided = [trail.dump(one) for one in moment.decisions]
    if not decided or all(one["do"] in ("Note", "Remember") for one in decided):
        return
    title, rest = decision_lines(moment.cause, decided, names.sequence(moment.sequence), names)[2:]
    yield f"  {when}  {title}"
    # The first line says what called for it, which a timeline shows anyway; but on entry it is
    # what was decided first.
    for line in rest if moment.cause == "Entered" else rest[1:]:
        yield f"      {line}"
