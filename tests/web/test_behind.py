"""What is served behind the event loop by a real granian: octets both ways, and who goes away."""

import asyncio
import hashlib
import http.client
import json
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nurture.web.behind import PIECE as PIECE_IN_MEMORY
from nurture.web.behind import Environ, Message, Wsgi, behind
from nurture.web.server import THREADS
from tests.crash.scene import until
from tests.loops import ran
from tests.web.asking import answer_of
from tests.web.granian import Server, granian
from tests.web.pages_behind import LARGEST, PIECE, PIECES

CLOSE = b"Host: x\r\nConnection: close\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("granian")
    environment = {"NURTURE_HOME": str(folder)}
    with granian(folder, environment, "tests.web.pages_behind:alone") as made:
        yield made


def environ_of(server: Server, line: bytes, headers: bytes = b"") -> dict[str, str]:
    """What the application was given for a request of these very octets."""
    answer = server.told(line + b" HTTP/1.1\r\n" + CLOSE + headers + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))


def leave(connection: socket.socket, *, rudely: bool) -> None:
    if rudely:  # Reset instead of a proper end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answers(server: Server) -> None:
    """Every thread answers: as many pages at once as there are threads."""
    connections = [server.connected() for _ in range(THREADS)]
    for connection in connections:
        connection.sendall(b"GET /x HTTP/1.1\r\n" + CLOSE + b"\r\n")
    for connection in connections:
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.close()


def counts(server: Server) -> dict[str, int]:
    return dict(json.loads(server.ask("GET", "/counts")[1]))


def test_paths_and_queries_arrive_octet_for_octet(server: Server) -> None:
    for sent, path, query in (
        (b"/caf%C3%A9/%FF%2Fx?q=%C3%A9&r=%FF", "/caf\u00c3\u00a9/\u00ff/x", "q=%C3%A9&r=%FF"),
        ("/café?q=é".encode(), "/caf\u00c3\u00a9", "q=\u00c3\u00a9"),
        (b"/a%00b%0d%0ac//d%25?", "/a\0b\r\nc//d%", ""),
        (b"http://other.example/abs%20olute?x=1", "/abs olute", "x=1"),
    ):
        told = environ_of(server, b"GET " + sent)
        assert (told["PATH_INFO"], told["QUERY_STRING"]) == (path, query)
        assert told["SCRIPT_NAME"] == ""


def test_the_rest_of_a_request_is_told_as_pep_3333_has_it(server: Server) -> None:
    headers = (
        b"X-One: 1\r\nX-One: 2\r\nCookie: a=1\r\nCookie: b=2\r\nX-Latin: \xe9\r\n"
        b"X_Real_Ip: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.1\r\nX_Forwarded_For: 192.0.2.1\r\n"
    )
    told = environ_of(server, b"FROB /m", headers)
    assert told.pop("SERVER_NAME") == told.pop("REMOTE_ADDR") == "127.0.0.1"
    assert told.pop("SERVER_PORT") == str(server.port)
    assert told == {
        "REQUEST_METHOD": "FROB", "SCRIPT_NAME": "", "PATH_INFO": "/m", "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "x", "HTTP_CONNECTION": "close",
        "HTTP_X_ONE": "1,2", "HTTP_COOKIE": "a=1; b=2", "HTTP_X_LATIN": "\u00e9",
        "HTTP_X_FORWARDED_FOR": "10.0.0.1",
    }  # fmt: skip


def test_an_answer_has_each_header_once_and_every_cookie(server: Server) -> None:
    response, body = server.ask("GET", "/x")
    names = [name.lower() for name, _ in response.getheaders()]
    assert sorted(names) == [
        "content-length", "content-type", "date", "server", "set-cookie", "set-cookie",
    ]  # fmt: skip
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers["Content-Length"] == str(len(body))


def test_head_tells_the_length_of_what_it_does_not_send(server: Server) -> None:
    response, body = server.ask("HEAD", "/x")
    assert body == b""
    assert int(response.headers["Content-Length"]) > 100


@pytest.mark.parametrize("size", [0, 1, 70_000, 400_000, LARGEST])
def test_a_body_arrives_octet_for_octet(server: Server, size: int) -> None:
    body = os.urandom(size)
    expected = {"length": size, "digest": hashlib.sha256(body).hexdigest()}
    assert json.loads(server.ask("POST", "/upload", body)[1]) == expected
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece)
        for start in range(0, size, 50_000)
        if (piece := body[start : start + 50_000])
    )
    head = b"POST /upload HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
    answer = server.told(head + chunks + b"0\r\n\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == expected


def test_who_waits_to_be_asked_for_the_body_is_asked(server: Server) -> None:
    head = b"POST /upload HTTP/1.1\r\n" + CLOSE + b"Content-Length: 5\r\n"
    with server.connected() as connection:
        connection.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"hello")
        assert b'"length": 5' in b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_body_that_is_too_large_is_not_taken(server: Server) -> None:
    head = b"POST /upload HTTP/1.1\r\n" + CLOSE
    told = server.told(head + b"Content-Length: %d\r\n\r\n" % (LARGEST + 1))
    assert b'"length": 0' in told, "refused by its length, before a single octet of it came"
    with server.connected() as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"%x\r\n%b\r\n" % (len(PIECE), PIECE)
        for _ in range(LARGEST // len(PIECE) + 1):
            connection.sendall(piece)
        # No end of it was told, and it is answered.
        answer = connection.recv(65536)
        body = answer.partition(b"\r\n\r\n")[2] or connection.recv(65536)
        assert LARGEST < json.loads(body)["length"] <= LARGEST + len(PIECE)


def test_a_stream_goes_out_as_it_comes(server: Server, tmp_path: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", f"/two?file={tmp_path}/go")
    response = connection.getresponse()
    assert response.read(5) == b"first"
    (tmp_path / "go").touch()
    assert response.read() == b"second"
    connection.close()


@pytest.mark.parametrize("path", ["/stream", "/download"])
def test_a_large_answer_arrives_whole(server: Server, path: str) -> None:
    response, body = server.ask("GET", path)
    assert body == PIECE * PIECES
    assert response.headers["Content-Length"] == (str(len(body)) if path == "/download" else None)
    assert response.headers["Transfer-Encoding"] == (None if path == "/download" else "chunked")


def test_an_error_is_an_error_and_one_in_the_middle_is_no_end(server: Server) -> None:
    assert server.ask("GET", "/error")[0].status == 500
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/broken")
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse().read()
    connection.close()
    answers(server)


@pytest.mark.parametrize("rudely", [False, True])
def test_clients_that_go_away_take_no_thread_along(
    server: Server, tmp_path: Path, rudely: bool
) -> None:
    before = counts(server)
    for _ in range(THREADS + 1):
        for path in (b"/stream", b"/download"):
            connection = server.connected()
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1000)
            leave(connection, rudely=rudely)
        for head in (b"Content-Length: 100000\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n5"):
            connection = server.connected()
            connection.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\n" + head)
            leave(connection, rudely=rudely)
    slow = [server.connected() for _ in range(THREADS)]
    for number, connection in enumerate(slow):
        asked = f"/slow?file={tmp_path}/go&n={number}"
        connection.sendall(f"GET {asked} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until((tmp_path / f"go.{number}").exists, 30, "the page works")
        leave(connection, rudely=rudely)
    (tmp_path / "go").touch()
    answers(server)

    def all_closed() -> bool:
        now = counts(server)
        assert now["begun"] - before["begun"] == 2 * (THREADS + 1)
        return now["begun"] == now["closed"]

    until(all_closed, 30, "what nobody wants any more is ended")


def test_slow_clients_hold_no_thread(server: Server) -> None:
    slow = [server.connected() for _ in range(2 * THREADS + 2)]
    for number, connection in enumerate(slow):
        if number % 2:  # One half never reads its answer, the other never ends its request.
            connection.sendall(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        else:
            connection.sendall(b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
    answers(server)
    for connection in slow:
        connection.close()


# ---- what no server has to be there for -----------------------------------------------------


def asked(app: Callable[..., Iterable[bytes]], **others: object) -> tuple[Message, bytes]:
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": "/é", "headers": [],
        "query_string": b"", **others,
    }  # fmt: skip
    return ran(answer_of(behind(app, 1, 100), scope, b"body"))


def test_a_server_that_knows_neither_client_nor_itself_is_enough() -> None:
    found: Environ = {}

    def app(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        found.update(environ)
        start("204 No Content", [("X-A", "é")])
        return ()

    start, body = asked(app, client=None, server=None)
    assert (start["status"], start["headers"], body) == (204, [(b"x-a", b"\xe9")], b"")
    assert "REMOTE_ADDR" not in found
    assert (found["SERVER_NAME"], found["SERVER_PORT"]) == ("localhost", "80")
    assert found["PATH_INFO"] == "/\u00c3\u00a9"


def test_what_is_written_the_old_way_comes_first() -> None:
    def app(_: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        write = start("200 OK", [])
        write(b"a")
        write(b"b")
        return [b"c", b"", b"d"]

    assert asked(app)[1] == b"abcd"


class Client:
    """Sends its messages, then stays or goes; notes what it is sent until it has gone."""

    def __init__(self, *messages: Message, goes_after: int = 99) -> None:
        self._messages = list(messages)
        self._left = goes_after
        self._gone = asyncio.Event()
        self.told: list[Message] = []

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop(0)
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.told.append(message)
        if len(self.told) == self._left:
            self._gone.set()
        await asyncio.sleep(0)

    def ask(self, app: Wsgi, *headers: tuple[bytes, bytes], largest: int = 100) -> bytes:
        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "path": "/",
            "raw_path": b"/%FF", "query_string": b"", "headers": headers,
        }  # fmt: skip
        ran(asyncio.wait_for(behind(app, 1, largest)(scope, self.receive, self.send), 10))
        return b"".join(one.get("body", b"") for one in self.told)


def part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def echo(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", [("Content-Length", "0")])
    length = environ.get("CONTENT_LENGTH", "-")
    return [environ["PATH_INFO"].encode(), length.encode(), environ["wsgi.input"].read()]


def test_a_request_that_never_ends_is_never_begun() -> None:
    def never(*_: object) -> Iterable[bytes]:
        raise AssertionError

    client = Client(part(b"a"), {"type": "http.disconnect"})
    assert client.ask(never) == b""
    assert client.told == []


def test_a_body_is_given_with_its_length_and_up_to_the_largest() -> None:
    whole = "/\u00ff".encode()
    chunked = (b"transfer-encoding", b"chunked")
    assert Client(part(b"ab"), part(b"c", more=False)).ask(echo, chunked) == whole + b"3abc"
    big = b"x" * PIECE_IN_MEMORY
    told = Client(part(big), part(big, more=False)).ask(echo, chunked, largest=10**9)
    assert told == whole + b"%d" % (2 * len(big)) + big + big
    assert Client(part(b"x" * 60), part(b"y" * 60), part(b"z")).ask(echo, chunked) == (
        whole + b"120" + b"x" * 60 + b"y" * 60
    )
    length = (b"content-length", b"101")
    assert Client(part(b"never read")).ask(echo, length) == whole + b"101"


@pytest.mark.parametrize("length", [(), (("Content-Length", str(9 * PIECE_IN_MEMORY)),)])
def test_an_answer_that_nobody_wants_is_broken_off(length: tuple[tuple[str, str], ...]) -> None:
    closed: list[int] = []

    class Long:
        def __init__(self) -> None:
            self.pieces = iter([b"x" * PIECE_IN_MEMORY] * 9)

        def __iter__(self) -> Iterator[bytes]:
            return self.pieces

        def close(self) -> None:
            closed.append(len(list(self.pieces)))

    def app(_: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", list(length))
        return Long()

    assert len(Client(part(b"", more=False)).ask(app)) == 9 * PIECE_IN_MEMORY
    assert closed == [0], "to the end, and closed once"
    Client(part(b"", more=False), goes_after=3).ask(app)
    assert closed[1] >= 5


def test_an_error_in_the_middle_closes_and_is_told() -> None:
    closed: list[bool] = []

    def pieces() -> Iterator[bytes]:
        try:
            yield b"a"
            raise ValueError("in the middle")
        finally:
            closed.append(True)

    def app(_: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return pieces()

    client = Client(part(b"", more=False))
    with pytest.raises(ValueError, match="in the middle"):
        client.ask(app)
    assert closed == [True]
    assert [one.get("more_body") for one in client.told] == [None, True]


def test_only_http_is_answered() -> None:
    async def never(*_: object) -> Message:
        raise AssertionError

    app = behind(lambda *_: (), 1, 100)
    ran(app({"type": "lifespan"}, never, never))  # type: ignore[arg-type]  # Nobody may call them.
