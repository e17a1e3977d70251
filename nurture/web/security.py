"""What every answer carries to keep browsers from doing harm with it."""

import secrets

from flask import Flask, g, request
from werkzeug.wrappers import Response

HTMX_CONFIG = {
    # Both would break the content security policy.
    "includeIndicatorStyles": False,
    "allowEval": False,
    # Pages of contacts do not belong into the browser's storage.
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "selfRequestsOnly": True,
    # A piece that is put into a page is a page of its own, and its title is not this page's.
    "ignoreTitle": True,
}


def nonce() -> str:
    """A new unguessable word per request; only a style element that carries it is applied."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    word: str = g.nonce
    return word


def page_policy(word: str) -> str:
    """The content security policy of our own pages (CSP level 3)."""
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{word}'",
            "img-src 'self' data:",
            "frame-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


# A mail is somebody else's page: it may show pictures and style itself, and do nothing at all.
MAIL_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self' data: https:",
        "style-src 'unsafe-inline'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    )
)


def as_mail(response: Response) -> Response:
    """Mark an answer as a mail's HTML, to be shown in a sandboxed frame of our own pages."""
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def protect(app: Flask, *, production: bool) -> None:
    """Put the security headers on every answer; a view that set one itself keeps its own."""

    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", page_policy(nonce()))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        if request.endpoint != "assets.file":
            # Back after a log-out must not show the contacts again.
            headers.setdefault("Cache-Control", "no-store")
        if production:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response

    app.after_request(add_headers)
    app.jinja_env.globals.update(csp_nonce=nonce, htmx_config=HTMX_CONFIG)
