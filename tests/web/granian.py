"""A real granian with one process, set up as `nurture web` sets it up."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nurture.cli.web import FACTORY
from tests.crash.scene import until

ROOT = Path(__file__).resolve().parents[2]
WITHIN = 30.0  # seconds
_COMMAND = (
    "import sys; from nurture.cli.settings import settings; from nurture.cli.web import server; "
    "server(settings(), sys.argv[1]).serve()"
)


class Server:
    """Where it listens, and its process."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.port = port
        self.process = process
        self.log = log

    def connected(self) -> socket.socket:
        """A connection to write octets to."""
        return socket.create_connection(("127.0.0.1", self.port), WITHIN)

    def told(self, octets: bytes) -> bytes:
        """Everything that is answered to these octets until the server closes."""
        with self.connected() as connection:
            connection.sendall(octets)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask as a program does that knows HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


@contextmanager
def granian(
    folder: Path, environment: Mapping[str, str], factory: str = FACTORY
) -> Iterator[Server]:
    """Serve what `factory` makes until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = folder / "granian.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, factory],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={
                "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT),
                "NURTURE_WEB_PORT": str(port), "NURTURE_WEB_PROCESSES": "1", **environment,
            },
        )  # fmt: skip
    made = Server(port, process, log)

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            made.connected().close()
        except ConnectionRefusedError:
            return False
        return True

    try:
        until(listens, WITHIN, "granian listens")
        yield made
    finally:
        process.terminate()
        try:
            process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
