"""The API for sites and shops: events come in, each once."""

import hmac
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from nurture.domain.consent import Answer, Proof
from nurture.engine.dependencies import Dependencies
from nurture.engine.intake import api_key, is_storable, take_events
from nurture.engine.subscribing import Wish, subscribe
from nurture.errors import Invalid, Problem, Retryable
from nurture.web.dependencies import dependencies

api = Blueprint("api", __name__, url_prefix="/api")


def is_known(engine: Dependencies) -> bool:
    """Whether the request shows the key that `nurture api-key` prints."""
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {api_key(engine)}".encode())


@api.post("/events")
def events() -> tuple[Response, int]:
    """Take a list of events, or one. 401 without the key, 400 with every fault, 503 for later."""
    engine = dependencies().engine
    if not is_known(engine):
        return jsonify(error="the key is wrong; see `nurture api-key`"), 401
    try:
        body = request.get_json(silent=True)
    except RecursionError:  # Thousands of brackets are no JSON that anybody means.
        body = None
    if body is None:
        return jsonify(error="the body is no JSON; send Content-Type: application/json"), 400
    items = body if isinstance(body, list) else [body]
    try:
        taken = take_events(engine, items, dependencies().clock.now())
    except Invalid as error:
        problems = [str(problem) for problem in error.problems]
        return jsonify(error=str(error), problems=problems), 400
    except Retryable as error:
        return jsonify(error=str(error)), 503
    told = {"new": taken.new, "known": taken.known, "strangers": taken.strangers}
    if taken.quarantined:
        # Kept aside, and taken in when a person says so: 202 is not yet.
        return jsonify(**told, quarantined=taken.quarantined), 202
    return jsonify(**told), 200


@api.post("/subscriptions")
def subscriptions() -> tuple[Response, int]:
    """Take {email, topic, wording, name?, language?, ip?, proof?}: somebody signed up elsewhere.

    `proof` says how the caller knows that the mailbox's owner agreed; without it a topic that
    wants confirmation is asked for by email. 200 when there is consent, 202 when it waits for
    the mailbox, 409 when this address may not be written to.
    """
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
        answer = subscribe(given.engine, _wish(body), given.clock.now())
    except Invalid as error:
        return jsonify(error=str(error)), 400
    except Retryable as error:
        return jsonify(error=str(error)), 503
    return jsonify(consent=answer.value), _STATUS[answer]


_STATUS = {
    Answer.GRANTED: 200, Answer.STANDS: 200, Answer.PENDING: 202, Answer.WAITS: 202,
    Answer.REFUSED: 409,
}  # fmt: skip
_LONGEST = 500


def _wish(body: Mapping[str, Any]) -> Wish:
    """Read a wish. Raises Invalid with every fault."""
    problems: list[Problem] = []

    def text(name: str, *, needed: bool = False) -> str:
        value = body.get(name, "")
        if value is None:
            value = ""
        if not isinstance(value, str) or len(value) > _LONGEST or not is_storable(value):
            wanted = f"Give a text of at most {_LONGEST} characters without NUL."
            problems.append(Problem(f"{name} is no text that can be kept", wanted, field=name))
            return ""
        if needed and not value.strip():
            problems.append(Problem(f"{name} is missing", f"Give {_NEEDED[name]}.", field=name))
        return value.strip()

    proof = text("proof")
    wish = Wish(
        email=text("email", needed=True),
        topic=text("topic", needed=True),
        wording=text("wording", needed=True),
        source=f"api: {proof}" if proof else "api",
        by="api",
        ip=text("ip"),
        name=text("name"),
        language=text("language"),
        proof=Proof.STATED if proof else Proof.NONE,
    )
    if problems:
        raise Invalid.because(problems, of="Nobody was signed up")
    return wish


_NEEDED = {
    "email": "the address",
    "topic": "a topic of funnel.yaml",
    "wording": "what they were shown when they agreed",
}
