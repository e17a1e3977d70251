"""What a person says on a contact's page: BANT, sales' word, another stage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from nurture.campaigns.condition_documents import condition_document
from nurture.domain.bant import LETTERS, QUESTIONS
from nurture.domain.personas import Persona
from nurture.domain.stages import (
    Actor,
    Edge,
    Said,
    StageChange,
    StageRefused,
    next_change,
)
from nurture.engine import qualification as engine
from nurture.engine.definitions import TRACK
from nurture.engine.dependencies import Dependencies
from nurture.engine.explain import Explanation
from nurture.engine.ways_out import ways_out
from nurture.errors import Invalid, NotFound, Refused
from nurture.store import qualification as stored
from nurture.store import reports_stages
from nurture.web.admin.sequence_names import known
from nurture.web.admin.shown_again import shown_again
from nurture.web.dependencies import dependencies
from nurture.web.error_words import translate_error
from nurture.web.formatting import long_time
from nurture.web.i18n import gettext as _
from nurture.web.names import Names
from nurture.web.reasons import reason
from nurture.web.sessions import current_user
from nurture.web.stage_words import Way

qualification = Blueprint("qualification", __name__, url_prefix="/contacts")

PEOPLE = (Actor.SALES, Actor.MARKETING)


@dataclass(frozen=True, slots=True)
class Qualified:
    """What the page shows of a contact beside scores: stage, sales, BANT and persona.

    `too_long` is how long they have been in the stage where that is longer than it allows.
    """

    log: Sequence[stored.Answer]
    bant: Sequence[tuple[str, str, stored.Answer | None]]
    questions: Sequence[tuple[str, str]]
    said: stored.Said
    back: Edge | None
    ways: Sequence[Way]
    hindered: StageRefused | None
    persona: Persona | None
    in_stage: timedelta | None
    too_long: bool
    rests_until: datetime | None


def qualified(told: Explanation) -> Qualified:
    """Read what is known of a contact, and what a person may do about them."""
    contact, funnel, now = told.contact, told.funnel, told.at
    standing = contact.standing
    stage = standing.stage if standing else ""
    with dependencies().engine.database.read() as tx:
        log = stored.answers(tx, [contact.id])
        said = stored.sales_said(tx, contact.id, TRACK)
    latest = {one.letter: one for one in reversed(log)}
    current = replace(
        contact, engagement=told.score.total, temperature=told.score.temperature,
        grade=told.fit.grade,
    )  # fmt: skip
    answer = next_change(current, funnel.edges, now)
    back = engine.way_back(funnel, stage)
    ways = [
        Way(edge, actor)
        for edge in funnel.edges
        if edge.start == stage
        for actor in PEOPLE
        if actor in edge.actors and not (edge is back and actor is Actor.SALES)
    ]
    rests = standing.rests_until if standing else None
    bounds = reports_stages.alerts(funnel, now)
    return Qualified(
        log=log,
        bant=[(one, contact.bant.get(one, "unknown"), latest.get(one)) for one in LETTERS],
        questions=[
            (one, str(contact.fields.get(one) or "")) for one in QUESTIONS if one in funnel.fields
        ],
        said=said,
        back=back,
        ways=ways,
        hindered=answer if isinstance(answer, StageRefused) else None,
        persona=next((one for one in funnel.personas if one.key == contact.persona), None),
        in_stage=now - standing.since if standing else None,
        too_long=standing is not None and standing.since < bounds.get(stage, standing.since),
        rests_until=rests if rests is not None and rests > now else None,
    )


@qualification.post("/<int:contact_id>/qualify")
def qualify(contact_id: int) -> Response:
    """Answers to BANT and to the questions beside it; what is as it was changes nothing."""
    given = {name: request.form[name] for name in (*LETTERS, *QUESTIONS) if name in request.form}

    def do(deps: Dependencies, now: datetime) -> str:
        new = engine.qualify(deps, contact_id, given, _said("bant_"), "admin", now)
        return _("Noted.") if new else _("That was known already: nothing changed.")

    return _done(contact_id, do)


@qualification.post("/<int:contact_id>/accept")
def accept(contact_id: int) -> Response:
    """Sales take the contact on."""

    def do(deps: Dependencies, now: datetime) -> str:
        engine.accept(deps, contact_id, _said(), now)
        return _("Noted: sales accepted this contact.")

    return _done(contact_id, do)


@qualification.post("/<int:contact_id>/reject")
def reject(contact_id: int) -> Response:
    """Sales turn the contact down, with a reason: back to nurturing."""
    return _done(
        contact_id,
        lambda deps, now: _answered(
            deps, contact_id, engine.reject(deps, contact_id, _said(), now), now
        ),
    )


@qualification.post("/<int:contact_id>/move")
def move(contact_id: int) -> Response:
    """Another stage, on somebody's behalf: `way` is the actor and the stage."""
    who, _colon, to = request.form.get("way", "").partition(":")
    actor = Actor.SALES if who == Actor.SALES.value else Actor.MARKETING

    def do(deps: Dependencies, now: datetime) -> str:
        said = _said("move_")
        answer = engine.change_stage(deps, contact_id, to, actor, said, now)
        return _answered(deps, contact_id, answer, now)

    return _done(contact_id, do)


def _said(prefix: str = "") -> Said:
    user, form = current_user(), request.form
    by = user.email if user else ""
    return Said(by, form.get(f"{prefix}reason", ""), form.get(f"{prefix}note", "").strip())


def _done(contact_id: int, do: Callable[[Dependencies, datetime], str]) -> Response:
    """Do what a form asked for, tell how it went, and show the contact again."""
    given = dependencies()
    try:
        told = do(given.engine, given.clock.now())
    except NotFound:
        abort(404)
    except Invalid as error:
        problems = [reason(one.message) for one in error.problems] or [reason(error.message)]
        flash(_("Nothing changed: %(why)s.", why="; ".join(problems)), "error")
        return shown_again(contact_id)
    except Refused as error:
        translate_error(error)
        flash(_("Nothing changed: %(why)s.", why=error.message), "error")
        return shown_again(contact_id)
    if not told:
        return shown_again(contact_id)
    flash(told, "done")
    return redirect(url_for("contacts.show", contact_id=contact_id, _anchor="sales"), 303)


def _answered(
    deps: Dependencies, contact_id: int, answer: StageChange | StageRefused, now: datetime
) -> str:
    """Tell of a change; a refusal is flashed as a warning, and nothing more is told."""
    with deps.database.read() as tx:
        names = Names.published(deps.definitions.catalog(tx))
    if isinstance(answer, StageChange):
        return _("Now in the stage “%(stage)s”.", stage=names.stage(answer.edge.to))
    stage, why = names.stage(answer.to), reason(answer.why)
    told = _("Not moved to “%(stage)s”: %(why)s.", stage=stage, why=why)
    for one in ways_out(deps, contact_id, now).out:
        if one.edge.to == answer.to and one.guard and not one.holds:
            asked = known(deps).words.say(condition_document(one.edge.when))
            told += " " + _("The way there asks: %(condition)s.", condition=asked)
    if answer.release is not None:
        told += " " + _("It may be asked again from %(at)s.", at=long_time(answer.release))
    flash(told, "warning")
    return ""
