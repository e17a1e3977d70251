"""Applications for a real server: pages that are slow, large, broken, or say what they got."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from nurture.config import Settings
from nurture.jobs.hit_log import hit_log
from nurture.web.behind import Asgi, Environ, behind
from nurture.web.server import THREADS
from nurture.web.track import tracked
from nurture.wiring import build

LARGEST = 1024 * 1024
PIECE = b"x" * 65536
PIECES = 400


class Download:
    """Many pieces, more than all buffers on the way take; counts who began and who is done."""

    begun = 0
    closed = 0
    counting = threading.Lock()

    def __init__(self, pieces: int = PIECES) -> None:
        self._pieces = iter([PIECE] * pieces)
        with self.counting:
            Download.begun += 1

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        with self.counting:
            Download.closed += 1


def until_there(name: str) -> None:
    """Wait for a file."""
    deadline = time.monotonic() + 60
    while not Path(name).exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def in_two(name: str) -> Iterator[bytes]:
    yield b"first"
    until_there(name)
    yield b""
    yield b"second"


def broken() -> Iterator[bytes]:
    yield b"the beginning"
    raise RuntimeError("in the middle")


def pages(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer by path; `file` in the query is one to wait for."""
    path, asked = environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"])
    if path == "/error":
        raise RuntimeError("before the answer")
    if path == "/slow":
        Path(f"{asked['file'][0]}.{asked['n'][0]}").touch()
        until_there(asked["file"][0])
    if path == "/stream":
        start("200 OK", [])
        return Download()
    if path == "/download":
        start("200 OK", [("Content-Length", str(PIECES * len(PIECE)))])
        return Download()
    if path == "/two":
        start("200 OK", [])
        return in_two(asked["file"][0])
    if path == "/broken":
        start("200 OK", [])
        return broken()
    told: dict[str, Any] = {key: value for key, value in environ.items() if key.isupper()}
    if path == "/counts":
        told = {"begun": Download.begun, "closed": Download.closed}
    if path == "/upload":
        body = environ["wsgi.input"].read()
        told = {"length": len(body), "digest": hashlib.sha256(body).hexdigest()}
    body = json.dumps(told).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start("200 OK", [*headers, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def alone() -> Asgi:
    """The pages with nothing in front."""
    return behind(pages, THREADS, LARGEST)


def with_door() -> Asgi:
    """The pages behind the tracking door, which knows what the environment says."""
    engine = build(Settings.from_environment(os.environ))
    return tracked(alone(), engine, hit_log(engine))
