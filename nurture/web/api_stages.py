"""The API for sales' own systems: accept, reject, another stage, under the guards of everybody."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from nurture.domain.stages import Actor, Said, StageChange, StageRefused
from nurture.engine import qualification
from nurture.engine.dependencies import Dependencies
from nurture.engine.explain import find_contact
from nurture.errors import Invalid, NotFound, Refused, Retryable
from nurture.web.api import is_known
from nurture.web.dependencies import dependencies

api_stages = Blueprint("api_stages", __name__, url_prefix="/api")

Answer = tuple[Response, int]
_PEOPLE = {Actor.SALES.value: Actor.SALES, Actor.MARKETING.value: Actor.MARKETING}


@api_stages.post("/sales")
def sales() -> Answer:
    """Take {email, verdict: accept or reject, by, reason?, note?}; 409 tells of a refusal."""

    def do(deps: Dependencies, body: Mapping[str, Any], now: datetime) -> Answer:
        contact_id, said = find_contact(deps, text_in(body, "email")), _said(body)
        match text_in(body, "verdict"):
            case "accept":
                qualification.accept(deps, contact_id, said, now)
                return jsonify(accepted=True), 200
            case "reject":
                return _told(qualification.reject(deps, contact_id, said, now))
            case verdict:
                remedy = "Write accept or reject."
                raise Invalid(f"{verdict!r} is no verdict", remedy=remedy)

    return answer(do)


@api_stages.post("/stage")
def stage() -> Answer:
    """Take {email, to, as: sales or marketing, by, reason?, note?}; 409 tells of a refusal."""

    def do(deps: Dependencies, body: Mapping[str, Any], now: datetime) -> Answer:
        actor = _PEOPLE.get(text_in(body, "as"))
        if actor is None:
            raise Invalid("`as` is nobody", remedy="Write sales or marketing.")
        contact_id = find_contact(deps, text_in(body, "email"))
        to, said = text_in(body, "to"), _said(body)
        return _told(qualification.change_stage(deps, contact_id, to, actor, said, now))

    return answer(do)


def answer(do: Callable[[Dependencies, Mapping[str, Any], datetime], Answer]) -> Answer:
    """Do what a call with the key and a JSON object asks for, and put errors into statuses."""
    given = dependencies()
    if not is_known(given.engine):
        return jsonify(error="the key is wrong; see `nurture api-key`"), 401
    try:
        body = request.get_json(silent=True)
    except RecursionError:
        body = None
    if not isinstance(body, dict):
        return jsonify(error="the body is no JSON object"), 400
    try:
        return do(given.engine, body, given.clock.now())
    except Invalid as error:
        return jsonify(error=str(error)), 400
    except NotFound as error:
        return jsonify(error=str(error)), 404
    except Refused as error:
        return jsonify(error=str(error)), 409
    except Retryable as error:
        return jsonify(error=str(error)), 503


def _told(answer: StageChange | StageRefused) -> Answer:
    if isinstance(answer, StageChange):
        edge = answer.edge
        return jsonify(stage=edge.to, start=edge.start, kind=edge.kind.value), 200
    until = answer.release.isoformat() if answer.release else None
    return jsonify(refused=answer.why, to=answer.to, until=until), 409


def _said(body: Mapping[str, Any]) -> Said:
    """Return who says what; an API's caller is a system, so that a person has to be named."""
    reason, note = str(body.get("reason") or ""), str(body.get("note") or "")
    return Said(text_in(body, "by"), reason, note)


def text_in(body: Mapping[str, Any], name: str) -> str:
    """Return a text of the body; raises Invalid where it is missing or cannot be kept."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > 500 or _is_broken(value):
        raise Invalid(f"{name} is missing or no text", remedy="Give a text.")
    return value.strip()


def _is_broken(text: str) -> bool:
    """Return whether a text holds what no database takes: NUL, or half a character."""
    return "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text)
