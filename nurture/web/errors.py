"""Error pages in the person's language: what happened, and what to do now."""

import math
from dataclasses import dataclass

from flask import Flask, Response, g, make_response, render_template
from flask_wtf.csrf import CSRFError  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException

from nurture.errors import (
    Conflict,
    Invalid,
    NotFound,
    NurtureError,
    Problem,
    Refused,
    Retryable,
)
from nurture.web.error_words import translate_error
from nurture.web.i18n import gettext
from nurture.web.i18n import marked as _


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says about a status."""

    title: str
    text: str


_TOLD = {
    400: Told(
        _("This request cannot be read"), _("Go back, check what you entered and try again.")
    ),
    401: Told(_("Please log in"), _("This page is for people with an account. Log in to see it.")),
    403: Told(_("This is not allowed"), _("A rule stands in the way of what you asked for.")),
    404: Told(
        _("There is nothing here"),
        _("The page has moved, or the link is incomplete. The menu leads to everything there is."),
    ),
    405: Told(_("This cannot be done here"), _("Go back and use the buttons of the page.")),
    409: Told(
        _("Somebody else was faster"),
        _("What you were changing has changed meanwhile. Open it again and repeat your change."),
    ),
    413: Told(_("That is too large"), _("Send a smaller file, or split it into several.")),
    429: Told(_("Too many requests"), _("Wait a minute, then try again.")),
    500: Told(
        _("Something broke on our side"),
        _("No email is lost by this. Try again; if it happens again, look at the server's log."),
    ),
    503: Told(
        _("Not available just now"),
        _("A part of the system does not answer. Emails wait safely; try again in a moment."),
    ),
}
_FORGED = Told(
    _("This page was open for too long"),
    _("For your safety nothing was changed. Go back, reload the page and try again."),
)
_STATUS_OF: tuple[tuple[type[NurtureError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 403),
    (Invalid, 400),
    (Retryable, 503),
)


def _page(status: int, told: Told, detail: str = "") -> Response:
    # Only a user who is already known: after a failing database, asking it again would fail again.
    page = render_template(
        "error.html",
        status=status,
        title=gettext(told.title),
        text=gettext(told.text),
        detail=detail,
        user=g.get("user"),
    )
    return make_response(page, status)


def _http(error: HTTPException) -> Response:
    if isinstance(error, CSRFError):
        return _page(400, _FORGED)
    status = error.code or 500
    response = _page(status, _TOLD.get(status, _TOLD[400 if status < 500 else 500]))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After", "WWW-Authenticate"}:
            response.headers[name] = value
    return response


def _ours(error: NurtureError) -> Response:
    for kind, status in _STATUS_OF:
        if isinstance(error, kind):
            translate_error(error)
            detail = str(Problem(error.message, error.remedy))
            response = _page(status, _TOLD[status], detail[:1].upper() + detail[1:])
            if isinstance(error, Retryable) and error.after:
                response.headers["Retry-After"] = str(math.ceil(error.after.total_seconds()))
            return response
    # What nobody told us how to answer is a fault of ours: logged, and shown as a 500.
    raise error


def install(app: Flask) -> None:
    """Answer every error with a page of ours."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(NurtureError, _ours)
