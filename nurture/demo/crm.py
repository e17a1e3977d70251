"""The sales team's own system: it takes signed webhooks, as any receiver would check them."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from nurture.providers.base import Forged, WebhookRequest
from nurture.providers.signing import ID, check, secret_bytes


class Crm:
    """Listens on loopback at `port`, and keeps how often each message came, by id."""

    def __init__(self, port: int, notes: Path) -> None:
        self._notes = notes
        known = json.loads(notes.read_text()) if notes.exists() else {}
        self.taken: Counter[str] = Counter(known)
        self.forged = 0
        self._secrets: tuple[bytes, ...] = ()
        crm = self

        class Desk(BaseHTTPRequestHandler):
            """One call."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status = crm.take(WebhookRequest("POST", dict(self.headers), body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: the admin shows every call."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Desk)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def trust(self, secrets: tuple[str, ...]) -> None:
        """Learn the secrets that prove a call, as the admin shows them."""
        self._secrets = tuple(secret_bytes(secret) for secret in secrets)

    def take(self, request: WebhookRequest) -> int:
        """Take a call that is signed; return the status to answer with."""
        for secret in self._secrets:
            try:
                check(request, secret, None)
            except Forged:
                continue
            self.taken[request.header(ID)] += 1
            return 204
        self.forged += 1
        return 401

    def close(self) -> None:
        """Stop listening, and write down what was taken."""
        self._server.shutdown()
        self._notes.write_text(json.dumps(dict(self.taken)))
        self._server.server_close()
