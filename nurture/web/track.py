"""The door that opens and clicks come through: raw WSGI, outside Flask's request cycle.

A hit is acknowledged from memory and one append to the hit log; the database is asked only for
an email that this process has never seen. Whatever is away, the recipient gets an answer at once.
"""

import json
import logging
import os
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from nurture.engine.dependencies import Dependencies
from nurture.tracking.links import HONEYPOT_INDEX, safe_destination
from nurture.tracking.tokens import Purpose
from nurture.web import track_answers as answers
from nurture.web.track_links import Known, LinkTables

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_TOKEN: Final = 38
_MOST_DIGITS: Final = 5
_LONGEST_AGENT: Final = 300
_LONGEST_HEADER: Final = 200
_LONGEST_IP: Final = 45
# What the verdicts read, by the names that WSGI gives them.
_HEADERS: Final = (
    ("HTTP_ACCEPT_LANGUAGE", "Accept-Language"),
    ("HTTP_REFERER", "Referer"),
    ("HTTP_PURPOSE", "Purpose"),
    ("HTTP_SEC_PURPOSE", "Sec-Purpose"),
    ("HTTP_X_PURPOSE", "X-Purpose"),
    ("HTTP_X_MOZ", "X-Moz"),
    ("HTTP_SEC_FETCH_MODE", "Sec-Fetch-Mode"),
)

_quoted: Final = json.encoder.encode_basestring_ascii
_log = logging.getLogger(__name__)


class HitLog(Protocol):
    """Where hits go before they are in the database."""

    def append(self, hit: bytes) -> object:
        """Keep a hit, whatever is away; never raises."""


def tracked(app: Wsgi, deps: Dependencies, hit_log: HitLog) -> Wsgi:
    """Return `app` behind the tracking door, which answers `/o/…` and `/c/…` by itself.

    Every other request goes to `app`, with `REMOTE_ADDR` set to the client's own address when
    `settings.trusted_proxies` says that proxies of ours stand before us.
    """
    door = _Door(deps, hit_log)
    proxies = deps.settings.trusted_proxies

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if proxies:
            environ["REMOTE_ADDR"] = client_address(environ, proxies)
        path = environ.get("PATH_INFO", "")
        start = path[:3]
        if start == "/c/":
            return door.click(path, environ, start_response)
        if start == "/o/":
            return door.open(path, environ, start_response)
        return app(environ, start_response)

    return serve


def client_address(environ: Environ, proxies: int) -> str:
    """Return who asked the outermost of our `proxies`: each has added one address at the end.

    A shorter list did not pass all of them, so nobody vouches for it.
    """
    direct: str = environ.get("REMOTE_ADDR", "")
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(forwarded) < proxies:
        return direct
    found: str = forwarded[-proxies].strip()[:_LONGEST_IP]
    return found or direct


class _Door:
    def __init__(self, deps: Dependencies, hit_log: HitLog) -> None:
        self._tokens = deps.tokens
        self._clock = deps.clock
        self._hits = hit_log
        self._links = LinkTables(deps)

    def open(self, path: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a pixel: always the same image, so that nobody learns which tokens are good."""
        if path.endswith(".gif"):
            sealed = self._tokens.open(Purpose.OPEN, path[3:-4])
            if sealed is not None and sealed.send_id:
                self._keep(environ, "open", sealed.send_id, 0)
        start_response(answers.PIXEL_STATUS, answers.PIXEL_HEADERS)
        return () if environ.get("REQUEST_METHOD") == "HEAD" else (answers.PIXEL,)

    def click(self, path: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a link: a redirect for what we sealed, and a plain 404 for everything else."""
        place, _, carried = path[4 + _TOKEN :].partition("/")
        sealed = None
        if path[3 + _TOKEN : 4 + _TOKEN] == "/" and _is_index(place):
            sealed = self._tokens.open(Purpose.CLICK, path[3 : 3 + _TOKEN])
        target = None
        if sealed is not None:
            target = self._target(sealed.email_id, sealed.send_id, int(place), carried)
        if sealed is None or target is None:
            start_response(answers.LOST_STATUS, answers.LOST_HEADERS)
            return () if environ.get("REQUEST_METHOD") == "HEAD" else (answers.LOST,)
        if sealed.send_id:
            self._keep(environ, "click", sealed.send_id, int(place))
        start_response(answers.REDIRECT_STATUS, [("Location", target), *answers.REDIRECT_HEADERS])
        return ()

    def _target(self, email_id: int, send_id: int, index: int, carried: str) -> str | None:
        links = self._links
        if index == HONEYPOT_INDEX:
            return None if carried else links.site
        known = links.destination(email_id, index)
        if carried:
            if known is Known.NO or isinstance(known, str):
                return None
            url = self._tokens.open_url(Purpose.CLICK, send_id, carried)
            # It was safe when it was sealed; the rules may have become stricter since.
            return None if url is None else safe_destination(url) or links.site
        if known is Known.PERHAPS:
            return links.site
        return known if isinstance(known, str) else None

    def _keep(self, environ: Environ, kind: str, send_id: int, index: int) -> None:
        get = environ.get
        headers = ",".join(
            [
                f'"{name}":{_quoted(value[:_LONGEST_HEADER])}'
                for key, name in _HEADERS
                if (value := get(key))
            ]
        )
        # Written by hand: an encoder that takes anything costs more than the rest of the hit.
        hit = (
            f'{{"hit_key":"{os.urandom(16).hex()}","send_id":{send_id},"kind":"{kind}",'
            f'"link_index":{index},"at":"{self._clock.now().isoformat()}",'
            f'"method":{_quoted(get("REQUEST_METHOD", "GET")[:16])},'
            f'"ip":{_quoted(get("REMOTE_ADDR", "")[:_LONGEST_IP])},'
            f'"ua":{_quoted(get("HTTP_USER_AGENT", "")[:_LONGEST_AGENT])},'
            f'"headers":{{{headers}}}}}'
        ).encode()
        try:
            self._hits.append(hit)
        except Exception:  # noqa: BLE001 - nothing may stand between a reader and the page
            # The log keeps every hit it can; where even that breaks, the recipient goes on.
            _log.exception("a hit is lost: %s", hit.decode())


def _is_index(text: str) -> bool:
    """Whether this is an index in its one spelling: digits without a leading zero."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return False
    return text == "0" or text[0] != "0"
