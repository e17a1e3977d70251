"""The browser's session: a signed cookie that says who logged in, when, and with which password.

The cookie carries no secret and grants nothing by itself: every request asks the accounts
whether the user is still active and whether this session has been ended by a log-out.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from flask import Flask, g, request, session

from nurture.config import Secrets
from nurture.web.accounts import User
from nurture.web.dependencies import dependencies

IDLE_LIMIT = timedelta(hours=2)
ABSOLUTE_LIMIT = timedelta(hours=12)
# The cookie is written again only this often, not with every request of a busy page.
_SEEN_STEP = timedelta(minutes=1)
_KEPT_AT_LOG_IN = ("language",)


def configure(app: Flask, *, key: bytes, production: bool) -> None:
    """Sign with `key`; in production the cookie is bound to https and to this very host."""
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME="__Host-nurture" if production else "nurture",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=production,
        SESSION_COOKIE_PATH="/",
    )


def open_session(user: User, now: datetime) -> None:
    """Start a session for `user`, under a new id and with a new forgery token."""
    kept = {name: session[name] for name in _KEPT_AT_LOG_IN if name in session}
    session.clear()
    session.update(
        kept,
        user=user.id,
        id=secrets.token_urlsafe(16),
        password=_fingerprint(user, dependencies().secrets),
        opened=now.timestamp(),
        seen=now.timestamp(),
    )
    g.user = user


def close_session(now: datetime) -> None:
    """End this session for good: a copy of its cookie is worth nothing afterwards."""
    if "id" in session:
        until = datetime.fromtimestamp(session["opened"], UTC) + ABSOLUTE_LIMIT
        dependencies().accounts.end_session(session["id"], until=until, now=now)
    _forget()
    g.user = None


def current_user() -> User | None:
    """Who is logged in, looked up once per request. An expired session is forgotten."""
    if "user" not in g:
        g.user = _recognise(dependencies().wall.now()) if "user" in session else None
        if g.user is None and "user" in session:
            _forget()
    found: User | None = g.user
    return found


def _recognise(now: datetime) -> User | None:
    opened = datetime.fromtimestamp(session["opened"], UTC)
    seen = datetime.fromtimestamp(session["seen"], UTC)
    if now - opened >= ABSOLUTE_LIMIT or now - seen >= IDLE_LIMIT:
        return None
    given = dependencies()
    user = given.accounts.user_of_session(session["user"], session["id"])
    if user is None or not hmac.compare_digest(
        session["password"], _fingerprint(user, given.secrets)
    ):
        return None
    # A page that looks for news by itself is not a person at work; see `live` in parts.html.
    if now - seen >= _SEEN_STEP and "Nurture-Poll" not in request.headers:
        session["seen"] = now.timestamp()
    return user


def _forget() -> None:
    kept = {name: session[name] for name in _KEPT_AT_LOG_IN if name in session}
    session.clear()
    session.update(kept)


def _fingerprint(user: User, secret: Secrets) -> str:
    """Changes with the password, so that a changed password ends every older session."""
    key = secret.key("web password fingerprint")
    return hmac.new(key, user.password_hash.encode(), hashlib.sha256).hexdigest()[:32]
