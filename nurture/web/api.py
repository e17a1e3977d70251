"""The API for sites and shops: events come in, each once."""

import hmac

from flask import Blueprint, jsonify, request
from werkzeug.wrappers import Response

from nurture.engine.dependencies import Dependencies
from nurture.engine.intake import api_key, take_events
from nurture.errors import Invalid, Retryable
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
