"""The door that opens and clicks come through: answered in the event loop, before Flask.

A hit is acknowledged from memory and one append to the hit log, which many hits share; the
database is asked only for an email that this process has never seen. Whatever is away, the
recipient gets an answer at once, and a page that takes its time keeps nobody waiting here.
"""

import json
import logging
import os
from collections.abc import Iterable
from typing import Final, Protocol

from nurture.engine.dependencies import Dependencies
from nurture.tracking.links import HONEYPOT_INDEX, safe_destination
from nurture.tracking.tokens import Purpose
from nurture.web import track_answers as answers
from nurture.web.behind import Asgi, Receive, Scope, Send
from nurture.web.track_links import Known, LinkTables

_TOKEN: Final = 38
_MOST_DIGITS: Final = 5
_LONGEST_AGENT: Final = 300
_LONGEST_HEADER: Final = 200
_LONGEST_IP: Final = 45
_FORWARDED: Final = b"x-forwarded-for"
_AGENT: Final = b"user-agent"
# What the verdicts read, each as the hit writes its name.
_HEADERS: Final = {
    name.lower().encode(): f'"{name}":'
    for name in (
        "Accept-Language", "Referer", "Purpose", "Sec-Purpose", "X-Purpose", "X-Moz",
        "Sec-Fetch-Mode",
    )
}  # fmt: skip

_quoted: Final = json.encoder.encode_basestring_ascii
_log = logging.getLogger(__name__)


class HitLog(Protocol):
    """Where hits go before they are in the database."""

    async def append(self, hit: bytes) -> object:
        """Keep a hit, whatever is away; never raises."""


def tracked(app: Asgi, deps: Dependencies, hit_log: HitLog) -> Asgi:
    """Return `app` behind the tracking door, which answers `/o/…` and `/c/…` by itself.

    Every other request goes to `app`, with the client's own address as its `client` when
    `settings.trusted_proxies` says that proxies of ours stand before us.
    """
    door = _Door(deps, hit_log)
    proxies = deps.settings.trusted_proxies

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            start = scope["path"][:3]
            if start == "/c/":
                return await door.click(scope, send)
            if start == "/o/":
                return await door.open(scope, send)
            if proxies:
                _, port = scope.get("client") or ("", 0)
                scope["client"] = (client_address(scope, proxies), port)
        return await app(scope, receive, send)

    return serve


def client_address(scope: Scope, proxies: int) -> str:
    """Return who asked the outermost of our `proxies`: each has added one address at the end.

    A shorter list did not pass all of them, so nobody vouches for it. Empty when the server
    does not know who asks, as on a socket in a file.
    """
    client = scope.get("client")
    direct: str = client[0] if client else ""
    return forwarded_address(
        (value for name, value in scope["headers"] if name == _FORWARDED), direct, proxies
    )


def forwarded_address(lines: Iterable[bytes], direct: str, proxies: int) -> str:
    """Return what `proxies` of ours wrote into these lines of X-Forwarded-For, else `direct`."""
    forwarded = b",".join(lines).split(b",")
    if len(forwarded) < proxies:
        return direct
    return forwarded[-proxies].strip()[:_LONGEST_IP].decode("latin-1") or direct


class _Door:
    def __init__(self, deps: Dependencies, hit_log: HitLog) -> None:
        self._tokens = deps.tokens
        self._clock = deps.clock
        self._proxies = deps.settings.trusted_proxies
        self._hits = hit_log
        self._links = LinkTables(deps)

    async def open(self, scope: Scope, send: Send) -> None:
        """Answer a pixel: always the same image, so that nobody learns which tokens are good."""
        path: str = scope["path"]
        if path.endswith(".gif"):
            sealed = self._tokens.open(Purpose.OPEN, path[3:-4])
            if sealed is not None and sealed.send_id:
                await self._keep(scope, "open", sealed.send_id, 0)
        await send(answers.PIXEL_START)
        await send(answers.NO_BODY if scope["method"] == "HEAD" else answers.PIXEL_BODY)

    async def click(self, scope: Scope, send: Send) -> None:
        """Answer a link: a redirect for what we sealed, and a plain 404 for everything else."""
        path: str = scope["path"]
        place, _, carried = path[4 + _TOKEN :].partition("/")
        sealed = None
        if path[3 + _TOKEN : 4 + _TOKEN] == "/" and _is_index(place):
            sealed = self._tokens.open(Purpose.CLICK, path[3 : 3 + _TOKEN])
        target = None
        if sealed is not None:
            target = await self._target(sealed.email_id, sealed.send_id, int(place), carried)
        if sealed is None or target is None:
            await send(answers.LOST_START)
            await send(answers.NO_BODY if scope["method"] == "HEAD" else answers.LOST_BODY)
            return
        if sealed.send_id:
            await self._keep(scope, "click", sealed.send_id, int(place))
        await send(answers.redirect(target))
        await send(answers.NO_BODY)

    async def _target(self, email_id: int, send_id: int, index: int, carried: str) -> str | None:
        links = self._links
        if index == HONEYPOT_INDEX:
            return None if carried else links.site
        known = links.recall(email_id, index)
        if known is None:
            known = await links.ask(email_id, index)
        if carried:
            if known is Known.NO or isinstance(known, str):
                return None
            url = self._tokens.open_url(Purpose.CLICK, send_id, carried)
            # It was safe when it was sealed; the rules may have become stricter since.
            return None if url is None else safe_destination(url) or links.site
        if known is Known.PERHAPS:
            return links.site
        return known if isinstance(known, str) else None

    async def _keep(self, scope: Scope, kind: str, send_id: int, index: int) -> None:
        client = scope.get("client")
        ip: str = client[0] if client else ""
        agent = ""
        forwarded: list[bytes] = []
        told: list[str] = []
        for name, value in scope["headers"]:
            if name in _HEADERS:
                if value:
                    told.append(_HEADERS[name] + _quoted(value[:_LONGEST_HEADER].decode("latin-1")))
            elif name == _AGENT:
                agent = value[:_LONGEST_AGENT].decode("latin-1")
            elif name == _FORWARDED:
                forwarded.append(value)
        if self._proxies:
            ip = forwarded_address(forwarded, ip, self._proxies)
        # Written by hand: an encoder that takes anything costs more than the rest of the hit.
        hit = (
            f'{{"hit_key":"{os.urandom(16).hex()}","send_id":{send_id},"kind":"{kind}",'
            f'"link_index":{index},"at":"{self._clock.now().isoformat()}",'
            f'"method":{_quoted(scope["method"][:16])},'
            f'"ip":{_quoted(ip[:_LONGEST_IP])},"ua":{_quoted(agent)},'
            f'"headers":{{{",".join(told)}}}}}'
        ).encode()
        try:
            await self._hits.append(hit)
        except Exception:  # noqa: BLE001 - nothing may stand between a reader and the page
            # The log keeps every hit it can; where even that breaks, the recipient goes on.
            _log.exception("a hit is lost: %s", hit.decode())


def _is_index(text: str) -> bool:
    """Whether this is an index in its one spelling: digits without a leading zero."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        return False
    return text == "0" or text[0] != "0"
