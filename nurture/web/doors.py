"""Which pages are open to whom: everything is closed unless its endpoint is listed here."""

from urllib.parse import urlsplit

from flask import Flask, abort, make_response, redirect, request, url_for
from flask_wtf import CSRFProtect  # type: ignore[import-untyped]
from werkzeug.wrappers import Response

from nurture.web.sessions import current_user

# Pages for people who are not logged in.
PUBLIC = frozenset(
    {
        "assets.file", "access.log_in", "access.log_in_form", "access.choose_language",
        "public.unsubscribe_form", "public.unsubscribe", "public.view",
        "subscribing.form", "subscribing.take", "subscribing.confirm_form", "subscribing.confirm",
        "subscribing.again", "subscribing.again_form",
        "hooks.receive", "hooks.probe", "api.events", "api.subscriptions",
        "api_stages.sales", "api_stages.stage", "api_contacts.erasure",
    }
)  # fmt: skip
# Requests that prove themselves by a token or a signature of their own and come without a cookie.
# Signing up proves nothing and needs no proof: it is for strangers, see `nurture.web.subscribing`.
WITHOUT_FORGERY_TOKEN = frozenset(
    {
        "public.unsubscribe", "subscribing.take", "subscribing.confirm", "subscribing.again",
        "hooks.receive", "api.events", "api.subscriptions", "api_stages.sales", "api_stages.stage",
        "api_contacts.erasure",
    }
)  # fmt: skip


def guard(app: Flask) -> None:
    """Check the forgery token of every change and the log-in of every page that is not public."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        # The token lives as long as the session; a form left open over lunch must still work.
        WTF_CSRF_TIME_LIMIT=None,
    )
    forgery = CSRFProtect(app)

    def check() -> Response | None:
        if _holds_nul():
            abort(404)
        if request.endpoint is None:
            # Nothing has this address; a stranger and a user get the same "not found".
            current_user()
            return None
        if request.endpoint not in WITHOUT_FORGERY_TOKEN:
            forgery.protect()
        if request.endpoint in PUBLIC or current_user() is not None:
            return None
        return _to_log_in()

    app.before_request(check)


def _holds_nul() -> bool:
    """Return whether the address asks for what no database could hold: a text with a NUL."""
    return "\0" in request.path or any("\0" in text for _, text in request.args.items(multi=True))


def _to_log_in() -> Response:
    wanted = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else None
    if "HX-Request" in request.headers:
        # A redirect would put the log-in page into the middle of the page that asked.
        current = urlsplit(request.headers.get("HX-Current-URL", ""))
        wanted = current.path + (f"?{current.query}" if current.query else "") or None
        response = make_response("", 401)
        response.headers["HX-Redirect"] = url_for("access.log_in_form", next=wanted)
        return response
    if request.accept_mimetypes.best_match(("text/html", "application/json")) == (
        "application/json"
    ):
        abort(401)
    return redirect(url_for("access.log_in_form", next=wanted))


def local_path(address: str | None) -> str | None:
    """`address` when it is a path on this very host, else None: nobody is led elsewhere.

    Browsers read a backslash as a slash and skip control characters, so `/\\evil` and
    `/<tab>/evil` are addresses of other hosts.
    """
    if not address or not address.startswith("/") or address.startswith("//"):
        return None
    if "\\" in address or any(ord(sign) <= 0x20 or ord(sign) == 0x7F for sign in address):
        return None
    return address
