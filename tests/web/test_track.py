"""Pixels and links at the tracking door: what is answered, what is kept, what stays away."""

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from werkzeug.test import Client, TestResponse

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies
from nurture.engine.hits import record_hits, settle_hits
from nurture.jobs.hit_log import HitLog
from nurture.jobs.spool import Spool
from nurture.store import tables
from nurture.store.database import Database
from nurture.tracking.tokens import Purpose
from nurture.web.behind import Receive, Scope, Send
from nurture.web.track import client_address, tracked
from nurture.web.track_answers import PIXEL
from tests.engine.hit_world import BROWSER, PRICE, SITE, START, FlakyDatabase, HitWorld
from tests.loops import Runner, ran
from tests.web.asking import answer_of, asking


class Kept:
    """A hit log in memory; `broken` makes it fail, which the real one never does."""

    def __init__(self) -> None:
        self.hits: list[bytes] = []
        self.broken = False

    async def append(self, hit: bytes) -> None:
        if self.broken:
            raise OSError("no room left")
        self.hits.append(hit)

    @property
    def told(self) -> list[dict[str, object]]:
        return [json.loads(hit) for hit in self.hits]


async def flask(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands behind the door and says who came through."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    body = f"{scope['path']} {scope['client'][0]}".encode()
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def world(settings: Settings, sqlite_url: str, tmp_path: Path) -> Iterator[HitWorld]:
    made = HitWorld(settings, sqlite_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def door(world: HitWorld, kept: Kept) -> Client:
    return client(world.deps, kept)


def client(deps: Dependencies, kept: Kept) -> Client:
    return Client(asking(tracked(flask, deps, kept)))


def away(deps: Dependencies, tmp_path: Path) -> Dependencies:
    """The same Nurture with a database that cannot be opened."""
    (tmp_path / "a-file").write_text("")
    return replace(deps, database=Database(f"sqlite:///{tmp_path}/nowhere"))


def click(world: HitWorld, index: int | str = 1, rest: str = "", send: int | None = None) -> str:
    return f"/c/{world.token(Purpose.CLICK, send)}/{index}{rest}"


def mailed(world: HitWorld) -> dict[int, str]:
    """The paths of the links in the very email that was sent, by index."""
    urls = re.findall(r'href="(https://mail\.example\.com/c/[^"]+)"', world.carrier.taken[0].html)
    paths = [urlsplit(unescape(url)).path for url in urls]
    return {int(path.split("/")[3]): path for path in paths}


def assert_lost(response: TestResponse, kept: Kept) -> None:
    assert response.status_code == 404
    assert "Location" not in response.headers
    assert "Liên kết này" in response.text
    assert "This link" in response.text
    assert kept.hits == []


def test_the_pixel_is_an_image_that_nobody_keeps(world: HitWorld, door: Client, kept: Kept) -> None:
    response = door.get(f"/o/{world.token(Purpose.OPEN)}.gif")
    assert response.status_code == 200
    assert response.data == PIXEL
    assert response.data.startswith(b"GIF89a")
    headers = dict(response.headers)
    assert headers == {
        "Content-Type": "image/gif",
        "Content-Length": "42",
        "Cache-Control": "no-store, no-cache, must-revalidate, max-age=0, private",
        "Pragma": "no-cache",
        "Expires": "0",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
    }
    assert [(hit["kind"], hit["send_id"]) for hit in kept.told] == [("open", world.send)]


@pytest.mark.parametrize(
    "path", ["/o/", "/o/x.gif", "/o/.gif", "/o/" + "A" * 38 + ".gif", "/o/ü.gif", "/o/a/b"]
)
def test_a_bad_pixel_looks_like_a_good_one_and_is_not_kept(
    door: Client, kept: Kept, path: str
) -> None:
    response = door.get(path)
    assert (response.status_code, response.data) == (200, PIXEL)
    assert kept.hits == []


def test_a_token_for_another_door_is_no_token(world: HitWorld, door: Client, kept: Kept) -> None:
    door.get(f"/o/{world.token(Purpose.CLICK)}.gif")
    assert_lost(door.get(f"/c/{world.token(Purpose.OPEN)}/1"), kept)


def test_a_link_leads_to_its_destination_octet_for_octet(
    world: HitWorld, door: Client, kept: Kept
) -> None:
    response = door.get(click(world), headers={"User-Agent": BROWSER, "Accept-Language": "vi"})
    assert response.status_code == 302
    assert dict(response.headers) == {
        "Location": PRICE,
        "Content-Length": "0",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
    }
    (hit,) = kept.told
    assert re.fullmatch("[0-9a-f]{32}", str(hit.pop("hit_key")))
    assert hit == {
        "send_id": world.send, "kind": "click", "link_index": 1, "at": START.isoformat(),
        "method": "GET", "ip": "127.0.0.1", "ua": BROWSER, "headers": {"Accept-Language": "vi"},
    }  # fmt: skip


def test_the_links_of_the_email_that_was_sent_work(world: HitWorld, door: Client) -> None:
    led = {index: door.get(path).headers["Location"] for index, path in mailed(world).items()}
    assert led == {
        0: SITE,
        1: PRICE,
        2: "https://lotus.example.com/story",
        3: "https://lotus.example.com/guide",
        4: "https://lan.example/t%C3%B4i",
    }


def test_what_is_kept_here_scores_there(world: HitWorld, door: Client, kept: Kept) -> None:
    door.get(
        mailed(world)[1],
        headers={"User-Agent": BROWSER, "Accept-Language": "vi", "Sec-Fetch-Mode": "navigate"},
    )
    later = START + timedelta(hours=1)
    hits = [hit.replace(b"T02:00:00", b"T02:30:00") for hit in kept.hits]
    assert record_hits(world.deps, hits, later) == 1
    assert settle_hits(world.deps, later) == 1
    assert world.events() == [("click", "human")]


@pytest.mark.parametrize(
    "address",
    [
        "/c/", "/c/x", "/c/x/1", "/c//1", "/c/" + "A" * 38 + "/1", "/c/" + "A" * 38, "/c/ü/1",
    ],
)  # fmt: skip
def test_what_we_did_not_seal_leads_nowhere(door: Client, kept: Kept, address: str) -> None:
    assert_lost(door.get(address), kept)


@pytest.mark.parametrize(
    "rest", ["/", "/99", "/01", "/1x", "/-1", "/1e1", "/١", "/1/AAAA", "/0/AAAA", "/4", "/123456"]
)
def test_a_changed_link_leads_nowhere(world: HitWorld, door: Client, kept: Kept, rest: str) -> None:
    assert_lost(door.get(f"/c/{world.token(Purpose.CLICK)}{rest}"), kept)


def test_a_truncated_link_leads_nowhere(world: HitWorld, door: Client, kept: Kept) -> None:
    for path in mailed(world).values():
        token_ends = path.rindex("/") if path.count("/") == 3 else len(path) - 1
        for length in range(4, min(token_ends, len(path) - 1), 3):
            assert_lost(door.get(path[:length]), kept)


def test_a_destination_cannot_be_named_in_the_address(
    world: HitWorld, door: Client, kept: Kept
) -> None:
    for evil in ("//evil.example", "https://evil.example", "javascript:alert(1)", "%0d%0aX: y"):
        assert_lost(door.get(click(world, 4, f"/{evil}")), kept)
    assert door.get(click(world, 1) + "?url=https://evil.example").headers["Location"] == PRICE


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "//evil.example", "https://a@evil.example",
        "file:///etc/passwd", "https://a.example/\r\nSet-Cookie: b=c", "",
    ],
)  # fmt: skip
def test_an_unsafe_personal_destination_leads_to_the_site(
    world: HitWorld, door: Client, url: str
) -> None:
    sealed = world.deps.tokens.seal_url(Purpose.CLICK, world.send, url)
    assert door.get(click(world, 4, f"/{sealed}")).headers["Location"] == SITE


def test_a_personal_destination_serves_its_own_send_only(
    world: HitWorld, door: Client, kept: Kept
) -> None:
    tokens = world.deps.tokens
    other = tokens.seal_url(Purpose.CLICK, world.send + 1, "https://a.example")
    assert_lost(door.get(click(world, 4, f"/{other}")), kept)
    wrong = tokens.seal_url(Purpose.OPEN, world.send, "https://a.example")
    assert_lost(door.get(click(world, 4, f"/{wrong}")), kept)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST"])
def test_other_methods_get_the_same_answer_and_are_kept_as_such(
    world: HitWorld, door: Client, kept: Kept, method: str
) -> None:
    response = door.open(click(world), method=method)
    assert (response.status_code, response.headers["Location"]) == (302, PRICE)
    assert response.data == b""
    pixel = door.open(f"/o/{world.token(Purpose.OPEN)}.gif", method=method)
    assert pixel.status_code == 200
    assert [hit["method"] for hit in kept.told] == [method, method]


def test_head_of_a_pixel_has_no_body(world: HitWorld, door: Client) -> None:
    response = door.head(f"/o/{world.token(Purpose.OPEN)}.gif")
    assert response.data == b""
    assert response.headers["Content-Length"] == "42"


def test_the_hidden_link_is_kept_as_a_trap_and_leads_to_the_site(
    world: HitWorld, door: Client, kept: Kept
) -> None:
    assert door.get(click(world, 0)).headers["Location"] == SITE
    assert [(hit["kind"], hit["link_index"]) for hit in kept.told] == [("click", 0)]


def test_a_preview_works_and_is_never_kept(world: HitWorld, door: Client, kept: Kept) -> None:
    assert door.get(click(world, 1, send=0)).headers["Location"] == PRICE
    assert door.get(f"/o/{world.token(Purpose.OPEN, 0)}.gif").status_code == 200
    assert kept.hits == []


def test_no_answer_sets_a_cookie(world: HitWorld, door: Client) -> None:
    for path in (click(world), click(world, 99), f"/o/{world.token(Purpose.OPEN)}.gif"):
        assert "Set-Cookie" not in door.get(path).headers


def test_long_headers_are_cut(world: HitWorld, door: Client, kept: Kept) -> None:
    door.get(click(world), headers={"User-Agent": "a" * 5000, "Referer": "b" * 5000})
    (hit,) = kept.told
    assert hit["ua"] == "a" * 300
    assert hit["headers"] == {"Referer": "b" * 200}


def test_everything_else_goes_to_flask(door: Client, kept: Kept) -> None:
    for path in ("/", "/contacts", "/c", "/o", "/u/x", "/cc/x"):
        assert door.get(path).text == f"{path} 127.0.0.1"
    assert kept.hits == []


def test_a_hit_log_that_breaks_stops_nobody(
    world: HitWorld, door: Client, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    kept.broken = True
    with caplog.at_level(logging.ERROR):
        assert door.get(click(world)).headers["Location"] == PRICE
    assert "a hit is lost" in caplog.text


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (2, "198.51.100.1, 203.0.113.7", "198.51.100.1"),
        (2, "1.2.3.4, 198.51.100.1, 203.0.113.7", "198.51.100.1"),
        (2, "203.0.113.7", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "1.2.3.4,", "10.0.0.1"),
        # Each line as a proxy wrote it, one after the other.
        (1, "1.2.3.4|203.0.113.7", "203.0.113.7"),
        (2, "1.2.3.4|198.51.100.1, 203.0.113.7", "198.51.100.1"),
        (2, "198.51.100.1|203.0.113.7", "198.51.100.1"),
        (1, "caf\u00e9", "caf\u00c3\u00a9"),
    ],
)
def test_only_proxies_of_our_own_are_believed(proxies: int, forwarded: str, found: str) -> None:
    lines = [(b"x-forwarded-for", line.encode()) for line in forwarded.split("|")]
    scope = {"client": ("10.0.0.1", "1"), "headers": [(b"host", b"x"), *lines]}
    assert client_address(scope, proxies) == found


def test_without_trusted_proxies_a_forwarded_address_is_ignored(
    world: HitWorld, door: Client, kept: Kept
) -> None:
    forged = {"X-Forwarded-For": "192.0.2.9"}
    door.get(click(world), headers=forged)
    trusting = replace(world.deps, settings=replace(world.deps.settings, trusted_proxies=1))
    behind = client(trusting, kept)
    behind.get(click(world), headers=forged)
    assert [hit["ip"] for hit in kept.told] == ["127.0.0.1", "192.0.2.9"]
    assert behind.get("/", headers=forged).text == "/ 192.0.2.9"


def test_the_database_is_read_at_the_start_and_never_for_a_hit(
    world: HitWorld, sqlite_url: str, kept: Kept
) -> None:
    database = FlakyDatabase(sqlite_url)
    database.away = False
    door = client(replace(world.deps, database=database), kept)
    for _ in range(5):
        door.get(click(world))
        door.get(f"/o/{world.token(Purpose.OPEN)}.gif")
    assert database.asked == 1
    assert len(kept.hits) == 10
    database.close()


def test_an_email_published_later_is_learnt_on_its_first_click(
    settings: Settings, database_url: str, tmp_path: Path, kept: Kept
) -> None:
    world = HitWorld(settings, database_url, tmp_path)
    compiled = world.one(sa.select(tables.Email.compiled).where(tables.Email.id == world.email_id))
    door = client(world.deps, kept)
    world.change(
        sa.insert(tables.Email).values(
            id=4242, name="new", language="en", digest="d", compiled_at=START,
            compiled={**compiled, "links": [[1, "https://new.example/", False, 1]]},
        )
    )  # fmt: skip
    token = world.deps.tokens.seal(Purpose.CLICK, 4242, world.send)
    assert door.get(f"/c/{token}/1").headers["Location"] == "https://new.example/"
    missing = world.deps.tokens.seal(Purpose.CLICK, 4343, world.send)
    assert door.get(f"/c/{missing}/1").status_code == 404
    world.close()


def test_many_first_clicks_on_one_email_are_one_question(
    world: HitWorld, sqlite_url: str, kept: Kept
) -> None:
    database = FlakyDatabase(sqlite_url)
    serve = tracked(flask, replace(world.deps, database=database), kept)
    database.away = False
    before = database.asked

    async def many() -> list[str]:
        told = await asyncio.gather(*(answer_of(serve, asked(click(world))) for _ in range(20)))
        return [dict(start["headers"])[b"location"].decode() for start, _ in told]

    assert ran(many()) == [PRICE] * 20
    # The table that was asked for, and with it all others.
    assert database.asked - before == 2
    assert len(kept.hits) == 20
    database.close()


def asked(path: str, **others: object) -> Scope:
    return {"type": "http", "method": "GET", "path": path, "headers": [], **others}


def test_who_asks_without_an_address_is_answered_and_kept(world: HitWorld, kept: Kept) -> None:
    trusting = replace(world.deps, settings=replace(world.deps.settings, trusted_proxies=1))
    for deps in (world.deps, trusting):
        serve = tracked(flask, deps, kept)
        start, _ = ran(answer_of(serve, asked(click(world), client=None)))
        assert start["status"] == 302
    told = asked("/x", client=None, headers=[(b"x-forwarded-for", b"192.0.2.9")])
    assert ran(answer_of(tracked(flask, trusting, kept), told))[1] == b"/x 192.0.2.9"
    assert [hit["ip"] for hit in kept.told] == ["", ""]


def test_headers_are_read_as_they_come(world: HitWorld, kept: Kept) -> None:
    headers = [
        (b"x-other", b"1"), (b"referer", b""), (b"user-agent", b"A"), (b"user-agent", "é".encode()),
        (b"sec-purpose", b'pre"fetch'), (b"x-forwarded-for", b"1.2.3.4, 5.6.7.8"),
        (b"x-forwarded-for", b"203.0.113.7"),
    ]  # fmt: skip
    trusting = replace(world.deps, settings=replace(world.deps.settings, trusted_proxies=2))
    scope = asked(click(world), client=("10.0.0.1", "1"), headers=headers, method="X" * 99)
    ran(answer_of(tracked(flask, trusting, kept), scope))
    (hit,) = kept.told
    assert (hit["ua"], hit["headers"]) == ("\u00c3\u00a9", {"Sec-Purpose": 'pre"fetch'})
    assert (hit["ip"], hit["method"]) == ("5.6.7.8", "X" * 16)


def test_with_the_database_away_known_links_still_lead_on(
    world: HitWorld, kept: Kept, tmp_path: Path
) -> None:
    client(world.deps, kept)
    restarted = client(away(world.deps, tmp_path), kept)
    for path in mailed(world).values():
        assert restarted.get(path).status_code == 302
    assert restarted.get(click(world)).headers["Location"] == PRICE
    assert restarted.get(click(world, 99)).status_code == 404


def test_with_the_database_away_an_unseen_email_leads_to_the_site_and_is_kept(
    world: HitWorld, kept: Kept, tmp_path: Path
) -> None:
    client(world.deps, kept)
    restarted = client(away(world.deps, tmp_path), kept)
    token = world.deps.tokens.seal(Purpose.CLICK, 77, world.send)
    assert restarted.get(f"/c/{token}/1").headers["Location"] == SITE
    personal = world.deps.tokens.seal_url(Purpose.CLICK, world.send, "https://me.example/")
    assert restarted.get(f"/c/{token}/2/{personal}").headers["Location"] == "https://me.example/"
    assert len(kept.hits) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"site": 1, "emails": {"x": 1}}'])
def test_with_nothing_known_at_all_a_click_leads_to_our_own_address(
    world: HitWorld, kept: Kept, tmp_path: Path, text: str
) -> None:
    (world.deps.settings.home / "links.json").write_text(text)
    door = client(away(world.deps, tmp_path), kept)
    assert door.get(click(world)).headers["Location"] == "https://mail.example.com"
    assert len(kept.hits) == 1


def test_links_are_learnt_when_the_database_is_back(
    world: HitWorld, kept: Kept, sqlite_url: str
) -> None:
    database = FlakyDatabase(sqlite_url)
    door = client(replace(world.deps, database=database), kept)
    assert door.get(click(world)).headers["Location"] == "https://mail.example.com"
    database.away = False
    assert door.get(click(world)).headers["Location"] == "https://mail.example.com"
    assert database.asked == 2
    world.after(timedelta(seconds=6))
    assert door.get(click(world)).headers["Location"] == PRICE
    assert len(kept.hits) == 3
    database.close()


def test_a_full_disk_costs_the_file_and_nothing_else(
    world: HitWorld, kept: Kept, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a-file").write_text("")
    settings = replace(world.deps.settings, home=tmp_path / "a-file" / "home")
    with caplog.at_level(logging.WARNING):
        door = client(replace(world.deps, settings=settings), kept)
    assert door.get(click(world)).headers["Location"] == PRICE
    assert "cannot be kept" in caplog.text


def test_with_redis_and_database_away_hits_lie_in_a_file_and_come_back(
    world: HitWorld, tmp_path: Path
) -> None:
    client(world.deps, Kept())
    deps = away(world.deps, tmp_path)

    def on_database(hits: Sequence[bytes]) -> None:
        record_hits(deps, hits, START)

    with Runner() as runner:
        log = HitLog("redis://127.0.0.1:1/0", Spool(tmp_path / "spool"), on_database)
        door = Client(asking(tracked(flask, deps, log), runner.run))
        assert door.get(click(world)).headers["Location"] == PRICE
        assert door.get(f"/o/{world.token(Purpose.OPEN)}.gif").data == PIXEL
        runner.run(log.close())
    Spool(tmp_path / "spool").drain(lambda hits: record_hits(world.deps, hits, START) and None)
    assert world.column(sa.select(tables.Hit.kind).order_by(tables.Hit.kind)) == ["click", "open"]


def test_with_redis_away_hits_go_to_the_database(world: HitWorld, tmp_path: Path) -> None:
    def on_database(hits: Sequence[bytes]) -> None:
        record_hits(world.deps, hits, START)

    with Runner() as runner:
        log = HitLog("redis://127.0.0.1:1/0", Spool(tmp_path / "spool"), on_database)
        Client(asking(tracked(flask, world.deps, log), runner.run)).get(click(world))
        runner.run(log.close())
    assert world.column(sa.select(tables.Hit.kind)) == ["click"]
