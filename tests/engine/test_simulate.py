"""What a sequence would do is told before anybody is in it, and nothing is written."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.campaigns.folder import read_what_can_be
from nurture.campaigns.parse import parse_sequence
from nurture.config import Settings
from nurture.domain.contact import Standing
from nurture.domain.enrollment import Completed, Exited
from nurture.domain.states import STATE_NAMES
from nurture.engine.assumptions import assume, given, pairs
from nurture.engine.life import Life
from nurture.engine.life_letters import LifeLetters, of_published
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
from nurture.mailer.compile import compile_email
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.render import Renderer
from nurture.mailer.sources import EmailSource
from nurture.store import tables
from tests.engine.test_life import RULES
from tests.engine.test_life_segments import segments
from tests.engine.test_plan import BODY
from tests.engine.world import CART as CART_DOCUMENT
from tests.engine.world import DAY, EMAILS, HOUR, NOW, E, S, World, compiled, opened, sequence
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


def printing(body: str) -> dict[tuple[str, str], CompiledEmail]:
    source = EmailSource(
        "basket", "en", "Your basket", BODY.replace("{{ contact.first_name }}", body), None,
        "subject", "body", "text", (), (),
    )  # fmt: skip
    return {("basket", "en"): compile_email(source)}


@pytest.mark.parametrize(
    ("body", "brought", "lacks", "sent"),
    [
        pytest.param("{{ event.total }}", {}, [("total", True)], 0, id="printed"),
        pytest.param("{{ event.total }}", {"total": 9}, [], 1, id="brought"),
        pytest.param(
            "{{ event.total }} {{ event.note }} {{ event.total }}", {}, [("note total", True)], 0,
            id="several",
        ),
        pytest.param(
            "{{ event.total | default('?') }} {{ event.note | default('') }}", {},
            [("note total", False)], 1, id="several defaults",
        ),
        pytest.param("{{ event.total | default('?') }}", {}, [("total", False)], 1, id="default"),
        pytest.param(
            "{% if event.note %}{{ event.note }}{% endif %}", {}, [("note", False)], 1, id="asked"
        ),
        pytest.param(
            "{% for one in event.items %}{{ one.name }}{% endfor %}", {}, [("items", True)], 0,
            id="list",
        ),
        pytest.param(
            "{% if contact.vip | default(false) %}{{ event.total }}{% endif %}", {}, [], 1,
            id="not reached",
        ),
    ],
)  # fmt: skip
def test_an_email_without_what_its_event_brings_fares_as_it_does_at_sending(
    world: World, body: str, brought: dict[str, Any], lacks: list[tuple[str, bool]], sent: int
) -> None:
    world.emails = {**compiled(*EMAILS), **printing(body)}
    world.publish(CART_DOCUMENT)
    ana = world.add("ana")
    life = life_of(world.deps, ana, published_world(world.deps), world.now)
    life.letters = LifeLetters(of_published(world.deps), world.deps.renderer)
    told = simulate(life, life.world.sequences["cart"], [], {"cart_id": 7, **brought}, DAY)
    assert [(one.step, one.email, " ".join(one.names), one.fails) for one in told.lacks] == [
        ("remind", "basket", names, fails) for names, fails in lacks
    ]
    (run,) = [one for one in told.runs if one.sequence == "cart"]
    assert [template for _, template in life.sent].count("basket") == sent
    world.happen(ana, "cart_updated", cart_id=7, **brought)
    world.drive(world.now + DAY)
    states = [state for sequence, state, _ in world.states(ana) if sequence == "cart"]
    assert states == [STATE_NAMES[type(run.state)]]
    statuses = [status for step, status, _ in world.sends(ana) if step == "remind"]
    assert statuses == ["accepted" if sent else "failed"]
    (error,) = world.column(sa.select(S.reason).where(S.step == "remind"))
    assert error == getattr(run.state, "error", "")


def test_a_lack_is_told_once_however_often_the_email_comes() -> None:
    email = printing("{{ event.total | default('?') }}")["basket", "en"]
    life = invented()
    life.letters = LifeLetters(lambda *_: email, Renderer())
    again = parse_sequence({**CART_DOCUMENT, "returning": "restart"}, funnel=RULES.funnel)
    life.world = with_sequence(RULES, again)
    more = [assume("does cart_updated with cart_id=8 on day 2", again)]
    simulate(life, again, more, {"cart_id": 7}, 9 * DAY)
    assert [template for _, template in life.sent].count("basket") == 2
    assert [(one.names, one.fails) for one in life.letters.lacks] == [(("total",), False)]


def test_what_an_email_lacks_is_told_in_one_line_whatever_each_run_brings() -> None:
    email = printing("{{ event.total | default('?') }} {{ event.note | default('?') }}")
    life = invented()
    life.letters = LifeLetters(lambda *_: email["basket", "en"], Renderer())
    again = parse_sequence({**CART_DOCUMENT, "returning": "restart"}, funnel=RULES.funnel)
    life.world = with_sequence(RULES, again)
    more = [assume("does cart_updated with cart_id=8 total=9 on day 2", again)]
    told = simulate(life, again, more, {"cart_id": 7, "note": "x"}, 9 * DAY)
    assert [one.names for one in told.lacks] == [("total", "note")]


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
        ('items=[{"name": "Latte art"}, 2]', {"items": [{"name": "Latte art"}, 2]}),
        ('name="[draft"', {"name": "[draft"}),
        ('place={"city": "Huế"}', {"place": {"city": "Huế"}}),
        ('total="42" note="a \\"b\\" c"', {"total": "42", "note": 'a "b" c'}),
        ("items=[1] total=3", {"items": [1], "total": 3}),
        ("name=a[1", {"name": "a[1"}),
    ],
)
def test_blanks_in_a_property_belong_to_its_value(text: str, properties: dict[str, object]) -> None:
    assert given(text) == properties


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("items=[1,", "“[1,” begins as JSON does, and is not closed"),
        ("items=[1, 2", "“[1, 2” begins as JSON does, and is not closed"),
        ('items=[{"name": "a"}, {"name": b}]', "cannot be read from “b}]” on"),
        ('place={"city": "Huế"', "is not closed"),
        ("place={city}", "“{city}” begins as JSON does, and cannot be read from “city}” on"),
        ('title="Latte art', '“"Latte art” begins as JSON does, and is not closed'),
        ("total=3 items=[1,", "“[1,” begins as JSON does, and is not closed"),
        ("n=[NaN]", "cannot be read from “NaN” on"),
        ("items=" + "[" * 900, "“[[[[[[[[[[[[[[[[[[[[…” begins as JSON does, and"),
    ],
)
def test_what_begins_as_json_and_is_none_is_refused_with_its_reason(text: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        given(text)
    assert told in str(refused.value)
    with pytest.raises(Invalid):
        pairs(text)
    # What the remedy says to write is taken as that text.
    remedy = refused.value.remedy.partition(": ")[2]
    (value,) = given(remedy).values()
    assert isinstance(value, str)
    assert text.endswith(f"={value}")
