"""Webhooks: verified on the raw bytes, stored, and answered; nothing is done inline.

The statuses are those that providers understand: 200 for taken, 401 for a call that does not
prove itself (a 403 would make Postmark give up for good), 503 for a fault of ours, which makes
them call again.
"""

import logging

from flask import Blueprint, Response, make_response, request

from nurture.engine.webhooks import accept
from nurture.errors import Invalid, NurtureError
from nurture.providers.base import Forged, WebhookRequest
from nurture.web.dependencies import dependencies

# The largest batches that providers send are well below a megabyte.
LARGEST_CALL = 4 * 1024 * 1024
_AGAIN_SECONDS = "60"

hooks = Blueprint("hooks", __name__)
_log = logging.getLogger(__name__)


@hooks.route("/hooks/<provider>", methods=["POST"])
def receive(provider: str) -> Response:
    """Store what a provider tells; 413 for a call beyond LARGEST_CALL, 404 for no provider."""
    request.max_content_length = LARGEST_CALL
    given = dependencies()
    carrier = given.engine.webhooks.get(provider)
    if carrier is None:
        return _answer("no such provider", 404)
    call = WebhookRequest(
        method=request.method,
        headers=dict(request.headers),
        body=request.get_data(cache=False),
        query=request.args.to_dict(),
        remote_ip=request.remote_addr or "",
        received_at=given.wall.now(),
    )
    try:
        carrier.verify(call)
        events = carrier.parse(call)
    except Forged as error:
        _log.warning("a webhook call for %s is refused: %s", provider, error)
        return _answer("not proven", 401)
    except Invalid as error:
        _log.warning("a webhook call of %s cannot be read: %s", provider, error)
        return _answer("cannot be read", 400)
    try:
        accept(given.engine, provider, events, given.clock.now())
    except NurtureError:
        _log.exception("what %s told could not be stored", provider)
        return _answer("try again", 503)
    return _answer("taken", 200)


@hooks.route("/hooks/<provider>", methods=["HEAD"])
def probe(provider: str) -> Response:
    """Say that the address is right: some providers ask before there is a key to sign with."""
    return _answer("", 200 if provider in dependencies().engine.webhooks else 404)


def _answer(text: str, status: int) -> Response:
    response = make_response(text, status)
    response.mimetype = "text/plain"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="webhooks"'
    if status == 503:
        response.headers["Retry-After"] = _AGAIN_SECONDS
    return response
