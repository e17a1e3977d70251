"""Another system on loopback: answers calls as it is told, and keeps what it was sent."""

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Received:
    """One call as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[BaseHTTPRequestHandler], None]


def answers(code: int, text: str = "", **headers: str) -> Behaviour:
    """Answer with a code and a text."""

    def behave(call: BaseHTTPRequestHandler) -> None:
        body = text.encode()
        call.send_response(code)
        for name, value in headers.items():
            call.send_header(name.replace("_", "-"), value)
        call.send_header("Content-Length", str(len(body)))
        call.end_headers()
        call.wfile.write(body)

    return behave


def huge(code: int) -> Behaviour:
    """Answer with a body that never ends."""

    def behave(call: BaseHTTPRequestHandler) -> None:
        call.send_response(code)
        call.end_headers()
        while True:
            call.wfile.write(b"x" * 65_536)

    return behave


def drips(until: threading.Event) -> Behaviour:
    """Answer a byte now and then, so that no single wait is long, and never end."""

    def behave(call: BaseHTTPRequestHandler) -> None:
        while not until.wait(0.02):
            call.wfile.write(b"H")
            call.wfile.flush()

    return behave


def hangs(until: threading.Event) -> Behaviour:
    """Say nothing."""

    def behave(_call: BaseHTTPRequestHandler) -> None:
        until.wait(60)

    return behave


def resets(call: BaseHTTPRequestHandler) -> None:
    """Drop the connection with a reset."""
    call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    call.connection.close()


class Receiver:
    """Listens while the block runs: does the next of `behaviours` at each call, then says 204."""

    def __init__(self, *behaviours: Behaviour, encrypted: ssl.SSLContext | None = None) -> None:
        self.behaviours = list(behaviours)
        self.received: list[Received] = []
        self.over = threading.Event()
        receiver = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(length)
                told = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, told, body))
                behave = receiver.behaviours.pop(0) if receiver.behaviours else answers(204)
                try:
                    behave(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: a test's output is for its failures."""

            def finish(self) -> None:
                try:
                    super().finish()
                except (OSError, ValueError):
                    return

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing: connections are dropped on purpose here."""

        self._server = Quiet(("127.0.0.1", 0), Answering)
        if encrypted is not None:
            self._server.socket = encrypted.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hooks/nurture?from=us"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
