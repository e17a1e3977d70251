"""What a sequence would do is told before anybody is in it, and nothing is written."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time

import pytest
import sqlalchemy as sa

from nurture.campaigns.folder import read_what_can_be
from nurture.campaigns.parse import parse_sequence
from nurture.config import Settings
from nurture.domain.contact import Standing
from nurture.domain.enrollment import Completed, Exited
from nurture.engine.assumptions import assume, given, pairs
from nurture.engine.life import Life
from nurture.engine.segment_building import build_all, publish_segments
from nurture.engine.simulate import (
    life_of,
    life_of_somebody,
    published_world,
    simulate,
    someone,
    with_sequence,
)
from nurture.engine.world import World as Rules
from nurture.errors import Invalid, Refused
from nurture.store import tables
from tests.engine.test_life import RULES
from tests.engine.test_life_segments import segments
from tests.engine.world import DAY, HOUR, NOW, E, S, World, opened, sequence
from tests.fixtures.places import ROOT

WELCOME, CART = RULES.sequences["welcome"], RULES.sequences["cart"]


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def invented() -> Life:
    return Life(RULES, someone(RULES), NOW)


def mails(told: str, *lines: str) -> list[str]:
    sequence = RULES.sequences[told]
    given = [assume(line, sequence) for line in lines]
    properties = pairs("cart_id=42") if told == "cart" else {}
    life = invented()
    simulate(life, sequence, given, properties, 60 * DAY)
    return [template for _, template in life.sent]


def test_each_answer_leads_its_own_way() -> None:
    assert mails("welcome") == ["hello", "again"]
    assert mails("welcome", "clicks step 1 on day 3") == ["hello", "thanks"]
    assert mails("welcome", "clicks hello after 2h") == ["hello", "thanks"]
    assert mails("welcome", "unsubscribes on day 2") == ["hello"]


def test_a_keyed_sequence_is_entered_by_its_event_and_cancelled_by_its_counter_event() -> None:
    assert mails("cart")[:2] == ["basket", "hello"] or "basket" in mails("cart")
    assert "basket" not in mails("cart", "buys with cart_id=42 after 1h")
    assert "basket" in mails("cart", "buys with cart_id=43 after 1h")


def test_a_sequence_that_a_segment_begins_is_entered_by_whoever_then_is_in_it() -> None:
    steps = [{"key": "hello", "email": "hello"}, {"key": "pause", "wait": "1d"}]
    document = sequence("near", steps, trigger={
        "event": "segment_entered", "where": {"segment": "soon"},
    }, exits=[{"reason": "over", "when": {"not": {"segment": "soon"}}}])  # fmt: skip
    near = parse_sequence(document, funnel=RULES.funnel)
    world = with_sequence(RULES, near)
    done = simulate(Life(world, someone(world), NOW), near, [], {}, 3 * DAY)
    assert (done.sent, done.runs[-1].state) == (1, Completed("end"))


def test_a_sequence_keyed_by_its_segment_needs_no_word_of_which() -> None:
    document = sequence("near", [{"key": "hello", "email": "hello"}], trigger={
        "event": "segment_entered", "where": {"segment": "soon"}, "key": "segment",
    }, reentry="keyed")  # fmt: skip
    near = parse_sequence(document, funnel=RULES.funnel)
    world = with_sequence(RULES, near)
    done = simulate(Life(world, someone(world), NOW), near, [], {}, DAY)
    assert (done.sent, done.runs[-1].entry_key) == (1, "soon")


def test_the_renewal_reminder_that_ships_ends_on_the_day_itself() -> None:
    campaigns, problems = read_what_can_be(ROOT / "campaigns")
    assert campaigns is not None
    assert not problems
    world = Rules.of(campaigns.funnel, campaigns.sequences, campaigns.segments)
    reminder = world.sequences["renewal-reminder"]
    renewal = {"renewal_date": (NOW + 7 * DAY).date().isoformat()}
    stands = Standing("customer", "customer", NOW)
    customer = replace(someone(world), fields=renewal, standing=stands)
    life = life_of_somebody(world, NOW, customer)
    assert life.contact.segments == {"renewal-soon"}
    done = simulate(life, reminder, [], {}, 30 * DAY)
    (run,) = [one for one in done.runs if one.sequence == reminder.key]
    assert run.state == Exited("renewed or over")
    assert "renewal-soon" not in done.contact.segments
    # Of somebody without a date nothing says when it is over, and the owner is asked to call.
    undated = simulate(life_of_somebody(world, NOW), reminder, [], {}, 30 * DAY)
    assert undated.runs[0].state == Completed("end")


def test_a_real_contact_is_simulated_in_the_segments_that_hold_them(world: World) -> None:
    found = segments(clicked={"did": "click", "within": "2d"}, drafted={"did": "click"})
    with world.deps.database.begin() as tx:
        publish_segments(tx, found[:1], "test", NOW)
    build_all(world.deps)
    leaving = [{"reason": "out", "when": {"not": {"segment": "clicked"}}}]
    document = sequence("stays", [{"key": "rest", "wait": "9d"}], stage="lead", exits=leaving)
    world.publish(document)
    contact_id = world.enroll("ana")
    world.click(contact_id, "hello")
    rules = published_world(world.deps)
    life = life_of(world.deps, contact_id, Rules.of(rules.funnel, rules.sequences, found), NOW)
    # One that is not published holds whom publishing it would bring in.
    assert life.contact.segments == {"clicked", "drafted"}
    done = simulate(life, rules.sequences["stays"], [], {}, 30 * DAY)
    assert done.runs[0].state == Exited("out")
    assert life.ended[0] == NOW + 2 * DAY


def test_a_key_that_is_missing_is_asked_for() -> None:
    with pytest.raises(Invalid, match="cart_id") as refused:
        simulate(invented(), CART, [], {}, DAY)
    assert "--with cart_id" in str(refused.value)


def test_who_may_not_enter_is_told_so(world: World) -> None:
    contact_id = world.add("bo", consents={})
    with world.deps.database.begin() as tx:
        row = {
            "address_key": "key-bo", "scope": "global", "reason": "list", "source": "test",
            "at": NOW,
        }  # fmt: skip
        tx.execute(sa.insert(tables.Suppression).values(**row))
    life = life_of(world.deps, contact_id, published_world(world.deps), NOW)
    with pytest.raises(Refused, match="may not enter"):
        simulate(life, WELCOME, [], {}, DAY)


def test_what_was_assumed_of_an_email_that_was_not_sent_is_told_as_ignored() -> None:
    told = simulate(invented(), WELCOME, [assume("opens thanks on day 1", WELCOME)], {}, DAY)
    assert [one.assumption.step for one in told.ignored] == ["thanks"]


def test_what_was_assumed_before_the_entry_is_told_as_ignored() -> None:
    early = assume("visits on day 1 at 00:00", WELCOME)
    told = simulate(invented(), WELCOME, [early], {}, DAY)
    assert [(one.assumption, one.why) for one in told.ignored] == [
        (early, "that is before the contact entered")
    ]


def test_a_real_contact_is_simulated_with_their_history_and_nothing_is_written(
    world: World,
) -> None:
    contact_id = world.enroll("ana")
    world.work()
    world.click(contact_id, "hello")
    before = (world.rows(sa.select(E.__table__)), world.rows(sa.select(S.__table__)))
    life = life_of(world.deps, contact_id, published_world(world.deps), NOW + HOUR)
    told = simulate(life, WELCOME, [], {}, 30 * DAY)
    # They got the first email by the real run already.
    assert [template for _, template in life.sent] == ["again"]
    assert told.sent == 1
    assert (world.rows(sa.select(E.__table__)), world.rows(sa.select(S.__table__))) == before


def test_assumptions_say_what_when_and_with_what() -> None:
    one = assume('does webinar with room="a b" seats=2 on day 5 at 09:30', WELCOME)
    assert (one.event, dict(one.properties)) == ("webinar", {"room": "a b", "seats": 2})
    assert (one.day, one.clock) == (5, time(9, 30))
    assert assume("opens step 1 after 90m", WELCOME).step == "hello"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("dances on day 3", "says nothing that can be assumed"),
        ("clicks step 2 on day 3", "step 2 is no email|pause is no email"),
        ("clicks on day 3", "names no email"),
        ("buys with 42 on day 3", "is no property"),
        ("clicks hello on day 3 at 29:00", "29:00 is no time of day"),
        ("opens hello after 100000d", "the time is too long"),
        pytest.param("clicks " + "1" * 5_000 + " on day 3", "says too much", id="long number"),
        pytest.param("buys with " + "a" * 90_000, "says too much", id="long line"),
    ],
)
def test_an_assumption_that_cannot_be_read_is_told_with_its_remedy(line: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        assume(line, WELCOME)


def test_properties_without_end_are_refused_at_once() -> None:
    with pytest.raises(Invalid, match="says too much"):
        pairs("a" * 90_000)


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        ("cart_id=42", {"cart_id": 42}),
        ("title=Latte art", {"title": "Latte art"}),
        ('title="Latte art" cart_id=42', {"title": "Latte art", "cart_id": 42}),
        ("cart_id=42 total=9", {"cart_id": 42, "total": 9}),
    ],
)
def test_blanks_in_a_property_belong_to_its_value(text: str, properties: dict[str, object]) -> None:
    assert given(text) == properties
