"""A back-test begins in the segments of then, and goes in and out as the rules have it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.contact import Contact, Occurrence
from nurture.engine.backtest import backtest, lived
from nurture.engine.life import Life
from nurture.engine.record import score_again
from nurture.engine.segment_building import build_all, publish_segments
from nurture.engine.simulate import published_world
from nurture.engine.world import World as Rules
from nurture.store import tables
from nurture.store.backdating import Stood
from tests.engine.test_life import ana, did
from tests.engine.test_life_segments import DATED, SOON, Turning, borders, near, rules, segments
from tests.engine.world import DAY, HOUR, NOW, WELCOME, sequence

CLICKED = {"did": "click", "within": "3d"}


def thanks(of: str) -> dict[str, Any]:
    """A sequence that coming into a segment begins."""
    trigger = {"event": "segment_entered", "where": {"segment": of}}
    return sequence("thanks", [{"key": "s", "email": "thanks"}], trigger=trigger)


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[Turning]:
    """Ana clicks on the third day, and her date comes near on the tenth."""
    made = Turning(settings, database_url)
    try:
        made.publish(WELCOME, near(), thanks("clicked"), funnel=DATED)
        with made.deps.database.begin() as tx:
            publish_segments(tx, segments(soon=SOON, clicked=CLICKED), "test", made.now)
        build_all(made.deps)
        contact_id = made.add("ana")
        with made.deps.database.begin() as tx:
            c = tables.Contact
            fields = {"first_name": "ana", "ends": (NOW + 13 * DAY).isoformat()}
            tx.execute(sa.update(c).where(c.id == contact_id).values(fields=fields))
        made.place()
        score_again(made.deps, [contact_id], made.now)
        made.drive(NOW + 3 * DAY)
        made.happen(contact_id, "click")
        made.drive(NOW + 20 * DAY)
        yield made
    finally:
        made.close()


def test_the_rules_of_today_lead_to_the_emails_that_segments_brought(world: Turning) -> None:
    today = published_world(world.deps)
    found = backtest(world.deps, today, today, 30 * DAY, world.now)
    assert sorted(world.mailed("ana")) == ["again", "hello", "thanks"]
    # What the segment of the date began sends an email that they had got already.
    assert (found.differing, found.mails) == (0, (3, 3))


def test_a_draft_of_a_segment_is_counted_in_mails(world: Turning) -> None:
    today = published_world(world.deps)
    never = segments(soon=SOON, clicked={"did": "form"})
    draft = Rules.of(today.funnel, today.sequences, never)
    found = backtest(world.deps, today, draft, 30 * DAY, world.now)
    assert (found.differing, found.mails) == (1, (3, 2))


def test_a_back_test_that_begins_later_begins_in_the_segments_of_then(world: Turning) -> None:
    today = published_world(world.deps)
    # Ana was in both by the twelfth day: she enters neither again.
    found = backtest(world.deps, today, today, 8 * DAY, world.now)
    assert found.mails[0] == 0


# ---- where the record tells, and where it does not --------------------------------------------

START = NOW
THEN = Stood(NOW - 30 * DAY, "form", "lead", "lead", NOW - 30 * DAY)


def border(name: str, key: str, day: float) -> Occurrence:
    at = NOW + day * DAY
    return Occurrence(f"segment_{name}", at, {"segment": key}, dedupe_key=f"{name}{key}{day}")


def life_over(
    world: Rules, contact: Contact, *, published: Rules | None = None, then: Stood = THEN
) -> Life:
    return lived(world, contact, then, START, NOW + 20 * DAY, published or world)


def test_the_record_tells_on_which_side_a_contact_began() -> None:
    world = rules(segments(soon=SOON), near())
    # Their date was moved since: the facts of today know nothing of the one before.
    contact = ana(fields={}, history=(border("entered", "soon", -2), border("left", "soon", 6)))
    life = life_over(world, contact)
    assert borders(life) == [("entered", "soon", -2 * DAY), ("left", "soon", 6 * DAY)]
    later = ana(fields={}, history=(border("left", "soon", 6),))
    assert borders(life_over(world, later)) == [("left", "soon", 6 * DAY)]


def test_what_the_record_tells_begins_and_ends_sequences_as_it_did() -> None:
    world = rules(segments(soon=SOON), near())
    told = (border("entered", "soon", 4), border("left", "soon", 6))
    life = life_over(world, ana(fields={}, history=told))
    (run,) = life.runs
    assert (run.sequence, run.entered_at) == ("near", NOW + 4 * DAY)
    assert life.ended == {0: NOW + 6 * DAY}


def test_without_a_record_the_facts_of_then_are_asked() -> None:
    world = rules(segments(clicked=CLICKED, soon=SOON))
    fields = {"ends": (NOW + 2 * DAY).isoformat()}
    life = life_over(world, ana(fields=fields, history=(did("click", NOW - DAY),)))
    assert borders(life) == [("left", "clicked", 2 * DAY), ("left", "soon", 2 * DAY)]


def test_a_segment_that_a_draft_describes_otherwise_is_asked_and_not_read_in_the_record() -> None:
    published = rules(segments(soon=SOON))
    draft = rules(segments(soon={"field": "ends", "in_next": "9d"}))
    told = (border("entered", "soon", 1),)
    contact = ana(fields={"ends": (NOW + 4 * DAY).isoformat()}, history=told)
    life = life_over(draft, contact, published=published)
    assert borders(life) == [("left", "soon", 4 * DAY)]


def test_who_comes_meanwhile_comes_into_segments_as_they_do() -> None:
    world = rules(segments(some={"language": "en"}), thanks("some"))
    came = replace(THEN, created_at=NOW + 5 * DAY, since=NOW + 5 * DAY)
    told = (border("entered", "some", 5),)
    life = life_over(world, ana(history=told), then=came)
    assert borders(life) == [("entered", "some", 5 * DAY)]
    assert life.sent == [(NOW + 5 * DAY, "thanks")]
    assert life.now - NOW >= 20 * DAY - HOUR
