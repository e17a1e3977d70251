"""`nurture web` as granian serves it: clicks beside slow pages, and the end of a process."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from redis import Redis

from nurture.config import Settings
from nurture.demo.outside import form_fields
from nurture.engine.accounts import add_user
from nurture.jobs.hit_log import SPOOL
from nurture.jobs.hit_queue import HITS
from nurture.jobs.spool import Spool
from nurture.jobs.valkey import EmbeddedValkey
from nurture.providers.signing import sign
from nurture.store import tables
from nurture.tracking.tokens import Purpose
from nurture.web.passwords import Passwords
from nurture.web.server import THREADS
from nurture.web.track_answers import LOST, PIXEL
from tests.crash.scene import until
from tests.engine.hit_world import PRICE, HitWorld
from tests.web.granian import Server, granian
from tests.web.people import EMAIL, PASSWORD

WITH_DOOR = "tests.web.pages_behind:with_door"


@pytest.fixture
def world(settings: Settings, sqlite_url: str, tmp_path: Path) -> Iterator[HitWorld]:
    made = HitWorld(settings, sqlite_url, tmp_path)
    yield made
    made.close()


def environment(world: HitWorld, redis_url: str, **others: str) -> dict[str, str]:
    settings = world.deps.settings
    return {
        "NURTURE_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis_url,
        "NURTURE_PUBLIC_URL": settings.public_url,
        **others,
    }


def click(world: HitWorld) -> str:
    return f"/c/{world.token(Purpose.CLICK)}/1"


def sent(server: Server, path: str) -> socket.socket:
    connection = server.connected()
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection


def test_clicks_are_answered_while_every_thread_has_a_slow_page(
    world: HitWorld, redis_url: str, tmp_path: Path
) -> None:
    variables = environment(world, redis_url, NURTURE_TRUSTED_PROXIES="1")
    with granian(tmp_path, variables, WITH_DOOR) as server, Redis.from_url(redis_url) as redis:
        slow = [sent(server, f"/slow?file={tmp_path}/go&n={n}") for n in range(2 * THREADS)]
        until(lambda: len(list(tmp_path.glob("go.*"))) == THREADS, 30, "all threads are taken")

        forwarded = {"X-Forwarded-For": "192.0.2.9, 203.0.113.7"}
        response, body = server.ask("GET", click(world), headers=forwarded)
        assert (response.status, response.headers["Location"], body) == (302, PRICE, b"")
        names = [name.lower() for name, _ in response.getheaders()]
        assert sorted(names) == [
            "cache-control", "content-length", "date", "location", "referrer-policy", "server",
            "x-content-type-options", "x-robots-tag",
        ]  # fmt: skip
        pixel = f"/o/{world.token(Purpose.OPEN)}.gif"
        for method, path, payload, expected in (
            ("GET", pixel, None, (200, PIXEL)),
            ("HEAD", pixel, None, (200, b"")),
            ("POST", click(world), b"x" * 100_000, (302, b"")),
            ("FROB", click(world), b"", (302, b"")),
            ("GET", "/c/nothing/1", None, (404, LOST)),
            ("HEAD", "/c/nothing/1", None, (404, b"")),
            ("GET", "/c/%FF%F0%9F%AA%B7/1", None, (404, LOST)),
        ):
            response, body = server.ask(method, path, payload)
            assert (response.status, body) == expected, (method, path)
            assert int(response.headers["Content-Length"]) in (0, len(PIXEL), len(LOST))
        told = [json.loads(hit) for hit in redis.lrange(HITS, 0, -1)]
        assert [(hit["kind"], hit["method"], hit["ip"]) for hit in told] == [
            ("click", "GET", "203.0.113.7"), ("open", "GET", "127.0.0.1"),
            ("open", "HEAD", "127.0.0.1"), ("click", "POST", "127.0.0.1"),
            ("click", "FROB", "127.0.0.1"),
        ]  # fmt: skip

        (tmp_path / "go").touch()
        for connection in slow:
            assert connection.recv(12) == b"HTTP/1.1 200"
            connection.close()
        # Pages are told the same address as hits.
        assert json.loads(server.ask("GET", "/x", headers=forwarded)[1])["REMOTE_ADDR"] == (
            "203.0.113.7"
        )


@pytest.mark.parametrize("stays", [True, False])
def test_a_process_that_ends_keeps_the_hits_on_their_way(
    world: HitWorld, tmp_path: Path, stays: bool
) -> None:
    """Redis hangs, one reader waits and one has gone away when SIGTERM comes."""
    with EmbeddedValkey(tmp_path / "valkey") as valkey:
        assert valkey.pid
        with granian(tmp_path, environment(world, valkey.url)) as server:
            assert server.ask("GET", click(world))[0].status == 302
            os.kill(valkey.pid, signal.SIGSTOP)
            readers = [sent(server, click(world)) for _ in range(2)]
            assert server.ask("GET", "/c/nothing/1")[0].status == 404, "theirs are in hand"
            readers.pop().close()
            if not stays:
                readers.pop().close()
            assert server.ask("GET", "/c/nothing/1")[0].status == 404, "they are gone"
            server.process.terminate()
            for reader in readers:
                assert reader.recv(12) == b"HTTP/1.1 302"
                reader.close()
            assert server.process.wait(30) == 0, server.log.read_text()
        # What Redis had taken without saying so is seen by its key to be the same.
        os.kill(valkey.pid, signal.SIGCONT)
        found: list[bytes] = []
        with Redis.from_url(valkey.url) as redis:
            found += redis.lrange(HITS, 0, -1)
        Spool(world.deps.settings.home / SPOOL).drain(found.extend)
        keys = {json.loads(hit)["hit_key"] for hit in found}
        keys |= set(world.column(sa.select(tables.Hit.hit_key)))
        assert len(keys) == 3


def test_a_process_ends_though_whoever_asked_for_its_page_is_gone(
    world: HitWorld, redis_url: str, tmp_path: Path
) -> None:
    with granian(tmp_path, environment(world, redis_url), WITH_DOOR) as server:
        reader = sent(server, f"/slow?file={tmp_path}/go&n=1")
        until((tmp_path / "go.1").exists, 30, "the page works")
        reader.close()
        server.process.terminate()
        (tmp_path / "go").touch()
        assert server.process.wait(30) == 0, server.log.read_text()


def test_the_admin_and_the_hooks_work_behind_the_loop(
    world: HitWorld, redis_url: str, tmp_path: Path
) -> None:
    database = world.deps.database
    add_user(database, EMAIL, Passwords().hash(PASSWORD), world.clock.now(), by="test")
    secret = world.deps.secrets.key("inbox webhooks")
    with granian(tmp_path, environment(world, redis_url)) as server, requests.Session() as browser:
        browser.trust_env = False
        base = f"http://127.0.0.1:{server.port}"
        token = form_fields(browser.get(f"{base}/login").text)["csrf_token"]
        form = {"email": EMAIL, "password": PASSWORD, "csrf_token": token}
        entered = browser.post(f"{base}/login", data=form, allow_redirects=False)
        assert entered.status_code == 303
        assert browser.get(f"{base}/contacts/?q=p%E1%BB%AB").status_code == 200
        assert browser.head(f"{base}/contacts/").headers["Content-Type"].startswith("text/html")
        assert browser.get(f"{base}/không/có").status_code == 404
        long = {"csrf_token": token, "search": "x" * 7_000_000}
        assert browser.post(f"{base}/nowhere", data=long).status_code == 404
        long["search"] += "x" * 2_000_000
        assert browser.post(f"{base}/login", data=long).status_code == 413
        stream = iter([b"x" * 1_000_000] * 9)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert browser.post(f"{base}/login", data=stream, headers=kind).status_code == 413

        at = datetime.now(UTC)
        report = {"type": "complaint", "recipient": "trí@example.com", "message_id": "<m@x>"}
        body = json.dumps({**report, "at": at.isoformat()}, ensure_ascii=False).encode()
        hook, signed = f"{base}/hooks/inbox", sign(body, secret, webhook_id="w1", at=at)
        assert browser.post(hook, data=body + b" ", headers=signed).status_code == 401
        assert browser.post(hook, data=body, headers=signed).text == "taken"
