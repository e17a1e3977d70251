"""What became of a request for another stage: the change, or why not and which ways there are."""

from collections.abc import Callable, Iterator
from datetime import datetime

import click

from nurture.domain.stages import Actor, EdgeKind, StageChange, StageRefused
from nurture.engine.ways_out import WayOut, Ways
from nurture.errors import Refused
from nurture.web.i18n import gettext as _
from nurture.web.reasons import reason


def tell_answer(
    contact: str,
    answer: StageChange | StageRefused,
    now: datetime,
    ways: Callable[[], Ways],
) -> None:
    """Say what became of a request; `ways` are those out of the stage, asked for by a refusal."""
    if isinstance(answer, StageRefused):
        message = _("%(contact)s does not become %(stage)s: %(why)s",
                    contact=contact, stage=answer.to, why=reason(answer.why))  # fmt: skip
        raise Refused(message, remedy="\n".join(_instead(answer, ways(), now)))
    edge = answer.edge
    told = f"{contact}: {edge.start} → {edge.to} ({edge.kind})."
    if edge.cooldown:
        day = f"{now + edge.cooldown:%Y-%m-%d}"
        told += " " + _("No rule promotes them before %(day)s.", day=day)
    click.echo(told)


def _instead(answer: StageRefused, ways: Ways, now: datetime) -> Iterator[str]:
    """Which guard it was, which ways there are instead, and what to do."""
    guards = [one.guard for one in ways.out if one.edge.to == answer.to and not one.holds]
    for guard in guards:
        yield _("The way there asks: %(condition)s", condition=guard)
    if answer.to not in ways.stages:
        yield _("There is no stage %(stage)s; there are %(stages)s.",
                stage=answer.to, stages=", ".join(ways.stages))  # fmt: skip
    if answer.release:
        release = f"{answer.release:%Y-%m-%d %H:%M} UTC"
        yield _("It may be asked again on %(at)s.", at=release)
    people = [one for one in ways.out if one.edge.actors - {Actor.RULES}]
    if people:
        yield _("A person may take these ways out of %(stage)s:", stage=ways.stage)
        yield from (f"  {_way(one, now)}" for one in people)
    elif ways.stage:
        yield _(
            "No way out of %(stage)s is for a person: add `by: [marketing]` or `by: [sales]`"
            " to an edge in funnel.yaml, or an edge of kind `override`.",
            stage=ways.stage,
        )
    else:
        yield _("They stand in no stage: import them first.")
    if guards:
        yield _("Note what is missing, such as with `nurture contact bant`, and ask again.")
    yield _("The refusal is kept on the contact's page.")


def _way(one: WayOut, now: datetime) -> str:
    edge = one.edge
    actors = sorted(edge.actors - {Actor.RULES})
    who = _(" or ").join(f"--as {actor}" for actor in actors)
    told = [f"{edge.to} ({edge.kind}, {who})"]
    if one.guard and one.holds:
        told.append(_("asks %(condition)s, which holds", condition=one.guard))
    elif one.guard:
        told.append(_("asks %(condition)s, which does not hold", condition=one.guard))
    if one.opens > now:
        told.append(_("not before %(at)s", at=f"{one.opens:%Y-%m-%d %H:%M} UTC"))
    if edge.reasons:
        reasons = _(" or ").join(edge.reasons)
        told.append(_("with --reason %(reasons)s", reasons=reasons))
    if edge.kind is EdgeKind.OVERRIDE:
        told.append(_("with --note, why"))
    return "; ".join(told)
