"""A WSGI callable in front of an ASGI application, for clients of tests that speak WSGI."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from nurture.web.behind import Asgi, Environ, Message, Scope, Wsgi
from tests.loops import ran

ADDRESS = "127.0.0.1"
Runs = Callable[[Coroutine[Any, Any, None]], None]


def scope_of(environ: Environ, address: str = ADDRESS) -> Scope:
    """The request as granian gives it."""
    path = environ["PATH_INFO"].encode("latin-1")
    named = {
        key.removeprefix("HTTP_"): value
        for key, value in environ.items()
        if key.startswith("HTTP_") or (key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
    }
    return {
        "type": "http",
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": path.decode("utf-8", "replace"),
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "headers": [
            (key.lower().replace("_", "-").encode(), str(value).encode("latin-1"))
            for key, value in named.items()
        ],
        "server": (environ["SERVER_NAME"], environ["SERVER_PORT"]),
        "client": (address, "40000"),
    }


async def answer_of(app: Asgi, scope: Scope, body: bytes = b"") -> tuple[Message, bytes]:
    """Ask once and return the message that begins the answer, with its whole body."""
    told: list[Message] = []
    asked: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not asked:
            await asyncio.Event().wait()  # Nobody goes away.
        return asked.pop()

    async def send(message: Message) -> None:
        told.append(message)

    await app(scope, receive, send)
    start, *rest = told
    assert start["type"] == "http.response.start"
    assert {one["type"] for one in rest} == {"http.response.body"}
    assert [bool(one.get("more_body")) for one in rest] == [True] * (len(rest) - 1) + [False]
    return start, b"".join(one["body"] for one in rest)


def asking(app: Asgi, runs: Runs = ran, address: str = ADDRESS, scheme: str = "http") -> Wsgi:
    """Ask `app` for each request: in a loop of its own, or in the one that `runs` it."""

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        told: list[tuple[Message, bytes]] = []

        async def ask() -> None:
            scope = scope_of({**environ, "wsgi.url_scheme": scheme}, address)
            told.append(await answer_of(app, scope, environ["wsgi.input"].read()))

        runs(ask())
        start, body = told[0]
        headers = [(name.decode().title(), value.decode()) for name, value in start["headers"]]
        start_response(f"{start['status']} told", headers)
        return [body]

    return serve
