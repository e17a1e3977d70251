"""Flask behind the event loop: a WSGI application served as ASGI, its work done in threads.

A thread is taken only while the application works: the loop has received the whole request before,
and hands its answer to a slow client afterwards. So a client that is slow, or that goes away in
the middle, holds no thread, and no thread ever waits for a loop that has ended.
"""

import asyncio
import contextvars
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import IO, Any, Final
from urllib.parse import unquote_to_bytes

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# A request's body beyond this lies in a file, and an answer of known length is sent in such pieces.
PIECE: Final = 256 * 1024


def behind(app: Wsgi, threads: int, largest_request: int) -> Asgi:
    """Return `app` as an ASGI application that works in so many threads of its own.

    Of a body that is larger than `largest_request` octets the application is told the length,
    to refuse it by, and given no more than the beginning.
    """
    pool = ThreadPoolExecutor(threads, "page")

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        with tempfile.SpooledTemporaryFile(PIECE) as body:
            size = await _received(receive, body, scope, largest_request)
            if size is None:
                return
            asked = environ(scope, body)
            if asked.pop("HTTP_TRANSFER_ENCODING", None) is not None:
                # It came in chunks; now it is whole, and too large or not like any other.
                asked["CONTENT_LENGTH"] = str(size)
            answer = _Answer(app, asked)
            work = partial(asyncio.get_running_loop().run_in_executor, pool)
            more = await work(answer.begin)
            await send(answer.start)
            await send(_body(answer.piece, more=more))
            if more:
                await _send_rest(answer, work, receive, send)

    return serve


async def _received(receive: Receive, body: IO[bytes], scope: Scope, most: int) -> int | None:
    """Receive the body into the file; return how much, None when the client went away meanwhile."""
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if told.isdigit() and int(told) > most:
        return 0  # Its length alone is refused.
    size = 0
    while size <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        size += len(piece)
        if size <= PIECE:
            body.write(piece)
        else:
            await asyncio.to_thread(body.write, piece)
        if not message.get("more_body"):
            break
    body.seek(0)
    return size


async def _send_rest(
    answer: "_Answer",
    work: Callable[[Callable[[], bool]], Awaitable[bool]],
    receive: Receive,
    send: Send,
) -> None:
    """Send the pieces after the first, until the end or until nobody wants them any more."""
    watch = asyncio.create_task(_leaves(receive))
    try:
        more = True
        while more:
            if watch.done():
                await work(answer.break_off)
                return
            more = await work(answer.go_on)
            await send(_body(answer.piece, more=more))
    finally:
        watch.cancel()


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def environ(scope: Scope, body: IO[bytes]) -> Environ:
    """Return a request as PEP 3333 has it: text is octets, each as the character of its number."""
    path = scope.get("raw_path") or scope["path"].encode()
    host, port = scope.get("server") or ("localhost", 80)
    found: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 80),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        # The body ends where the file does, whatever its length was told to be.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if client := scope.get("client"):
        found["REMOTE_ADDR"] = client[0]
    for name, value in scope["headers"]:
        if b"_" in name:
            continue  # It would pass for the header that is spelled with a dash.
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        if key in found:
            text = f"{found[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        found[key] = text
    return found


class _Answer:
    """What the application answers, taken piece by piece, each time in whichever thread is free.

    `start` is the message that begins it, `piece` what was taken last. Every step returns whether
    there is more to come.
    """

    def __init__(self, app: Wsgi, environ: Environ) -> None:
        self._app = app
        self._environ = environ
        self._context = contextvars.copy_context()
        self._written: list[bytes] = []
        self._answered: Iterable[bytes] = ()
        self._rest: Iterator[bytes] = iter(())
        self._is_stream = False
        self.start: Message = {}
        self.piece = b""

    def begin(self) -> bool:
        """Have the application begin its answer, and take the first piece."""
        self._answered = self._context.run(self._app, self._environ, self._begin_with)
        self._rest = iter(self._answered)
        return self.go_on()

    def go_on(self) -> bool:
        """Take the next piece: of a stream whatever comes next, else up to PIECE octets."""
        try:
            more = self._context.run(self._take)
        except BaseException:
            self.break_off()
            raise
        return more or self.break_off()

    def break_off(self) -> bool:
        """Tell the application that its answer is over."""
        close = getattr(self._answered, "close", None)
        if close is not None:
            self._context.run(close)
        return False

    def _take(self) -> bool:
        pieces, self._written = self._written, []
        size = 0
        more = False
        for piece in self._rest:
            pieces.append(piece)
            size += len(piece)
            if size >= PIECE or (piece and self._is_stream):
                more = True
                break
        self.piece = b"".join(pieces)
        return more

    def _begin_with(
        self, status: str, headers: list[tuple[str, str]], _error: object = None
    ) -> Callable[..., Any]:
        self.start = {
            "type": "http.response.start",
            "status": int(status[:3]),
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
            ],
        }
        self._is_stream = all(name != b"content-length" for name, _ in self.start["headers"])
        return self._written.append


def _body(piece: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": more}
