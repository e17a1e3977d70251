"""Postmark's batch endpoint on loopback, answering as a test tells it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[list[dict[str, Any]]], tuple[int, bytes] | None]


class PostmarkServer(ThreadingHTTPServer):
    """Postmark's batch endpoint. `answer` gives status and body, or None to hang up."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _PostmarkHandler)
        self.answer = answer
        self.calls: list[list[dict[str, Any]]] = []
        self.tokens: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _PostmarkHandler(BaseHTTPRequestHandler):
    server: PostmarkServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        emails = json.loads(body)
        self.server.calls.append(emails)
        self.server.tokens.append(self.headers["X-Postmark-Server-Token"])
        answer = self.server.answer(emails)
        if answer is None:
            self.close_connection = True
            return
        status, text = answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Tests say for themselves what happened."""


@contextmanager
def postmark(answer: Answer) -> Iterator[PostmarkServer]:
    server = PostmarkServer(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
