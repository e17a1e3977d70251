"""Log-in, log-out and the choice of language."""

import math
from typing import assert_never

from flask import (
    Blueprint,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from nurture.web.dependencies import dependencies
from nurture.web.doors import local_path
from nurture.web.i18n import gettext as _
from nurture.web.i18n import known, ngettext
from nurture.web.navigation import home
from nurture.web.sessions import close_session, current_user, open_session
from nurture.web.sign_in import Credentials, Denied, Granted, Limited, sign_in

# The longest address that mail knows (RFC 5321, section 4.5.3.1.3, less the angle brackets).
_LONGEST_EMAIL = 254

access = Blueprint("access", __name__)


@access.get("/login")
def log_in_form() -> AnyResponse:
    """The page to log in; whoever has done so is sent on."""
    wanted = local_path(request.args.get("next"))
    if current_user() is not None:
        return redirect(wanted or home())
    return _form(wanted, email="", error="", status=200)


@access.post("/login")
def log_in() -> AnyResponse:
    """Check the credentials; the answer is 303 to the wanted page, 422 or 429."""
    wanted = local_path(request.form.get("next"))
    email = request.form.get("email", "")[:_LONGEST_EMAIL]
    given = dependencies()
    now = given.wall.now()
    credentials = Credentials(email, request.form.get("password", ""), request.remote_addr or "")
    outcome = sign_in(given.accounts, given.passwords, credentials, now)
    match outcome:
        case Granted(user):
            open_session(user, now)
            return redirect(wanted or home(), 303)
        case Denied():
            error = _("The email address or the password is not right.")
            return _form(wanted, email=email, error=error, status=422)
        case Limited(wait):
            seconds = math.ceil(wait.total_seconds())
            response = _form(wanted, email=email, error=_too_many(seconds), status=429)
            response.headers["Retry-After"] = str(seconds)
            return response
        case _ as unreachable:
            assert_never(unreachable)


@access.post("/logout")
def log_out() -> AnyResponse:
    """End the session, on the server too, and have the browser forget what it kept of us."""
    close_session(dependencies().wall.now())
    response = redirect(url_for("access.log_in_form"), 303)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@access.post("/language")
def choose_language() -> AnyResponse:
    """Remember the language of the switch in the session."""
    chosen = known(request.form.get("language"))
    if chosen is None:
        abort(400)
    session["language"] = chosen
    return redirect(local_path(request.form.get("next")) or home(), 303)


def _form(wanted: str | None, *, email: str, error: str, status: int) -> Response:
    page = render_template("login.html", next=wanted, email=email, error=error)
    return make_response(page, status)


def _too_many(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return ngettext(
        "Too many attempts. Try again in %(num)s minute.",
        "Too many attempts. Try again in %(num)s minutes.",
        minutes,
    )
