"""From raw hits to verdicts, occurrences and scores, on both databases."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.hits import record_hits, settle_hits
from nurture.store import tables
from tests.engine.hit_world import PRICE, START, HitWorld

HIT = tables.Hit
HOLD = timedelta(seconds=60)
SECOND = timedelta(seconds=1)


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[HitWorld]:
    made = HitWorld(settings, database_url, tmp_path)
    yield made
    made.close()


def receive(world: HitWorld, *hits: bytes) -> None:
    """Record the hits and settle them once their hold is over, an hour after START."""
    world.clock.moment = START + timedelta(hours=1)
    record_hits(world.deps, hits, world.clock.now())
    settle(world)


def settle(world: HitWorld, after: timedelta = timedelta(minutes=5)) -> int:
    return settle_hits(world.deps, world.after(after))


def verdicts(world: HitWorld) -> list[str]:
    return world.column(sa.select(HIT.verdict).order_by(HIT.id))


def test_a_persons_click_scores_and_moves_them_on(world: HitWorld) -> None:
    receive(world, world.hit("click"))
    assert verdicts(world) == ["human"]
    assert world.events() == [("click", "human")]
    assert world.engagement() == pytest.approx(5, abs=0.01)
    assert world.stage() == "mql"


def test_the_event_says_where_the_click_came_from_and_led(world: HitWorld) -> None:
    receive(world, world.hit("click"))
    properties = world.one(sa.select(tables.Event.properties))
    assert properties == {
        "step": "hello", "sequence": "welcome", "content": "hello", "link": PRICE, "link_index": 1,
    }  # fmt: skip
    assert world.one(sa.select(HIT.event_id)) == world.one(sa.select(tables.Event.id))


def test_the_event_of_a_personal_link_says_how_it_is_written_and_not_where_it_led(
    world: HitWorld,
) -> None:
    receive(world, world.hit("click", link=4))
    assert world.one(sa.select(tables.Event.properties))["link"] == "{{ contact.website }}"


def test_a_click_is_held_before_it_scores(world: HitWorld) -> None:
    record_hits(world.deps, [world.hit(after=0)], START)
    assert settle_hits(world.deps, START + HOLD - SECOND) == 0
    assert world.events() == []
    assert verdicts(world) == [""]


def test_a_hit_that_comes_late_has_been_held_already(world: HitWorld) -> None:
    later = START + timedelta(days=2)
    record_hits(world.deps, [world.hit(after=100)], later)
    assert settle_hits(world.deps, later) == 1


def test_hits_are_stored_once_however_often_they_come(world: HitWorld) -> None:
    one = world.hit()
    assert record_hits(world.deps, [one, one], START) == 1
    assert record_hits(world.deps, [one], START) == 0
    assert len(verdicts(world)) == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"kind": "click"}',
        b'{"hit_key":"k","send_id":0,"kind":"open","at":"2026-03-03T00:00:00+00:00","headers":{}}',
        b'{"hit_key":"k","send_id":1,"kind":"open","at":"2026-03-03T00:00:00","headers":{}}',
        b'{"hit_key":"k","send_id":1,"kind":"look","at":"2026-03-03T00:00:00+00:00","headers":{}}',
        b'{"hit_key":"k","send_id":1e300,"kind":"open","at":"2026-03-03T00:00:00Z","headers":{}}',
        b'{"hit_key":1,"send_id":1,"kind":"open","at":"2026-03-03T00:00:00Z","headers":{}}',
        b'{"hit_key":"k","send_id":1,"kind":"open","at":"2026-03-03T00:00:00Z","headers":[]}',
    ],
)
def test_a_broken_hit_is_counted_and_never_blocks_the_others(
    world: HitWorld, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert record_hits(world.deps, [broken, world.hit(), broken], START) == 1
    assert "2 hits could not be read" in caplog.text


def test_text_that_databases_refuse_is_stored_without_it(world: HitWorld) -> None:
    hit = world.hit(ua="a\0b\ud800", headers={"Referer": "x\0y"})
    assert record_hits(world.deps, [hit], START) == 1
    assert world.one(sa.select(HIT.user_agent)) == "ab?"
    assert world.one(sa.select(HIT.headers)) == {"Referer": "xy"}


def test_repeated_clicks_of_a_day_are_one_occurrence(world: HitWorld) -> None:
    receive(world, *(world.hit(after=seconds) for seconds in (100, 900, 2000)))
    assert world.events() == [("click", "human")]
    assert verdicts(world) == ["human"] * 3


def test_other_links_and_other_days_are_occurrences_of_their_own(world: HitWorld) -> None:
    receive(world, world.hit(after=100), world.hit(after=900, link=2))
    record_hits(world.deps, [world.hit(after=86400 + 100)], START + timedelta(days=2))
    settle(world, timedelta(days=2))
    assert world.events("click") == [("click", "human")] * 3


def test_repeated_opens_of_a_day_are_one_occurrence(world: HitWorld) -> None:
    receive(world, world.hit("open", after=100), world.hit("open", after=1000))
    assert world.events() == [("open", "human")]
    assert world.engagement() == pytest.approx(1, abs=0.01)


def test_an_open_that_nobody_can_know_is_kept_as_unknown_and_scores_nothing(
    world: HitWorld,
) -> None:
    receive(world, world.hit("open", ua="Mozilla/5.0", headers={}))
    assert world.events() == [("open", "unknown")]
    assert world.engagement() == 0


def test_an_unknown_open_becomes_a_persons_when_a_person_opens_that_day(world: HitWorld) -> None:
    receive(world, world.hit("open", ua="Mozilla/5.0", headers={}))
    record_hits(world.deps, [world.hit("open", after=7200)], world.clock.now())
    settle(world, timedelta(hours=3))
    assert world.events() == [("open", "human")]
    assert world.one(sa.select(tables.Event.occurred_at)) == START + timedelta(hours=2)
    assert world.engagement() == pytest.approx(1, abs=0.01)


def test_a_machine_is_kept_raw_and_is_no_occurrence(world: HitWorld) -> None:
    receive(world, world.hit(ua="python-requests/2.32", headers={}), world.hit(method="HEAD"))
    assert verdicts(world) == ["machine", "machine"]
    assert world.events() == []
    assert world.engagement() == 0
    assert "scanner-agent" in world.column(sa.select(HIT.reasons).order_by(HIT.id))[0]


def test_a_scanner_that_follows_the_hidden_link_spoils_its_other_clicks(world: HitWorld) -> None:
    receive(world, world.hit(after=100), world.hit(link=0, after=120))
    assert verdicts(world) == ["machine", "machine"]
    assert world.events() == []


def test_late_evidence_takes_back_what_was_scored(world: HitWorld) -> None:
    receive(world, world.hit(after=3500))
    assert world.engagement() > 4
    record_hits(world.deps, [world.hit(link=0, after=3530)], world.clock.now())
    settle(world)
    assert verdicts(world) == ["machine", "machine"]
    assert world.events() == [("click", "machine")]
    assert world.engagement() == 0
    points = world.column(sa.select(tables.ScoreEntry.points).order_by(tables.ScoreEntry.id))
    assert points == [5.0, -5.0]


def test_what_was_taken_back_can_come_back(world: HitWorld) -> None:
    receive(world, world.hit(after=3500))
    record_hits(world.deps, [world.hit(link=0, after=3530)], world.clock.now())
    settle(world)
    record_hits(world.deps, [world.hit(after=5000, ip="198.51.100.9")], world.clock.now())
    settle(world)
    assert verdicts(world) == ["machine", "machine", "human"]
    assert world.events() == [("click", "human")]
    assert world.engagement() == pytest.approx(5, abs=0.05)
    points = world.column(sa.select(tables.ScoreEntry.points).order_by(tables.ScoreEntry.id))
    assert points == [5.0, -5.0, 5.0]


def test_a_person_among_machines_was_a_person(world: HitWorld) -> None:
    receive(world, world.hit(ua="curl/8", headers={}, after=50), world.hit(after=2000))
    assert world.events() == [("click", "human")]
    assert world.one(sa.select(tables.Event.occurred_at)) == START + timedelta(seconds=2000)


def test_settling_twice_changes_nothing(world: HitWorld) -> None:
    receive(world, world.hit(), world.hit("open"))
    before = world.rows(sa.select(tables.Event.__table__)), world.engagement()
    assert settle(world, timedelta(0)) == 0
    world.change(sa.update(HIT).values(settle_at=world.clock.now()))
    assert settle(world, timedelta(0)) == 2
    assert (world.rows(sa.select(tables.Event.__table__)), world.engagement()) == before


def test_two_who_settle_at_once_settle_each_hit_once(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    world = HitWorld(settings, database_url, tmp_path, contacts=6)
    hits = [world.hit(link=n, after=100 * n, send=one) for one in world.sends for n in (1, 2, 3)]
    record_hits(world.deps, hits, START)
    now = world.after(timedelta(hours=1))
    settled: list[int] = []

    def go() -> None:
        settled.extend(settle_hits(world.deps, now, limit=4) for _ in range(12))

    threads = [Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while count := settle_hits(world.deps, now):
        settled.append(count)
    assert verdicts(world) == ["human"] * len(hits)
    assert world.events("click") == [("click", "human")] * len(hits)
    assert sum(settled) == len(hits)
    world.close()


def test_a_hit_before_its_receipt_waits_for_it(world: HitWorld) -> None:
    world.change(
        sa.update(tables.Send).where(tables.Send.id == world.send).values(
            status="claimed", email_id=None, settled_at=None
        )
    )  # fmt: skip
    email_id = world.one(sa.select(sa.func.min(tables.Email.id)))
    receive(world, world.hit())
    assert verdicts(world) == [""]
    world.change(sa.update(tables.Send).values(status="accepted", email_id=email_id))
    settle(world)
    assert world.events() == [("click", "human")]


def test_a_hit_on_an_uncertain_send_finds_its_link_all_the_same(world: HitWorld) -> None:
    world.change(sa.update(tables.Send).values(status="uncertain", email_id=None))
    receive(world, world.hit())
    assert world.one(sa.select(tables.Event.properties))["link"] == PRICE


def test_a_hit_of_a_send_that_is_gone_is_judged_and_forgotten(world: HitWorld) -> None:
    receive(world, world.hit(send=999_999))
    assert verdicts(world) == ["human"]
    assert world.events() == []


def test_a_click_before_the_email_was_claimed_is_a_machines(world: HitWorld) -> None:
    receive(world, world.hit(after=1.5))
    assert world.one(sa.select(HIT.reasons)) == ["before-delivery"]


def test_a_persons_click_ends_the_row_of_soft_bounces(world: HitWorld) -> None:
    world.change(sa.update(tables.Contact).values(soft_bounces=4))
    receive(world, world.hit(ua="curl/8", headers={}))
    assert world.one(sa.select(tables.Contact.soft_bounces)) == 4
    record_hits(world.deps, [world.hit(after=4000)], world.clock.now())
    settle(world)
    assert world.one(sa.select(tables.Contact.soft_bounces)) == 0


def test_who_hammers_an_address_slows_nobody_and_counts_for_nothing(world: HitWorld) -> None:
    receive(world, world.hit(after=30))
    hits = [world.hit("open", after=100 + n, ua="curl/8") for n in range(2100)]
    record_hits(world.deps, hits, world.clock.now())
    assert settle(world, timedelta(hours=1)) == 2100
    assert world.events() == [("click", "human")]
    assert verdicts(world).count("machine") == 2100


def test_a_verdict_never_unsubscribes_or_suppresses_anybody(world: HitWorld) -> None:
    receive(world, *(world.hit(link=n, after=10, ua="curl/8") for n in range(4)))
    assert world.suppressions() == []
    assert world.column(sa.select(tables.Consent.id)) == []
