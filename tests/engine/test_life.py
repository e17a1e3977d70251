"""A life in memory is the life that store and engine lead: the same rules, told the same things."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nurture.campaigns.parse import parse_funnel, parse_sequence
from nurture.config import Settings
from nurture.domain.contact import Change, Contact, Fact, Occurrence, Standing
from nurture.domain.daily import CONTACT_DAILY
from nurture.domain.folding import FOLDS_AFTER
from nurture.domain.stages import Actor, StageChange, StageRefused
from nurture.domain.states import Holding
from nurture.engine.life import Life
from nurture.engine.world import World as Rules
from nurture.store import tables
from tests.engine.test_guarding import MIDNIGHT
from tests.engine.world import (
    CART,
    DAY,
    DEEPEN,
    EMAILS,
    FUNNEL,
    HOUR,
    NOW,
    WELCOME,
    Document,
    E,
    S,
    World,
    compiled,
    opened,
    sequence,
)


def guarded(contact_daily: int) -> dict[str, object]:
    """The funnel in which a contact gets so many emails a day."""
    return {**FUNNEL, "guards": {"contact_daily": contact_daily}}


def rules(contact_daily: int = 3, *documents: Document) -> Rules:
    funnel = parse_funnel(guarded(contact_daily), version=1)
    return Rules(
        funnel,
        {
            document["key"]: parse_sequence(document, funnel=funnel, version=1)
            for document in documents or (WELCOME, DEEPEN, CART)
        },
    )


RULES = rules()


def ana(**changes: object) -> Contact:
    given_ = {"consents": {"marketing": True, "news": True}, "address": "ana@example.com"}
    return replace(Contact(1, "ana@example.com"), **{**given_, **changes})  # type: ignore[arg-type]


def a_life(now: datetime = NOW) -> Life:
    life = Life(RULES, ana(standing=Standing("lead", "lead", now)), now)
    life.begin()
    return life


def did(name: str, at: datetime, mark: str = "", **properties: str) -> Occurrence:
    return Occurrence(name, at, properties, dedupe_key=mark or f"{name}:{at.isoformat()}")


def templates(life: Life) -> list[str]:
    return [template for _, template in life.sent]


def stages(life: Life) -> list[str]:
    changes = [moment.stage for moment in life.moments]
    return [one.edge.key for one in changes if isinstance(one, StageChange)]


def test_a_contact_enters_the_sequence_of_their_stage_and_is_mailed() -> None:
    life = a_life()
    assert templates(life) == ["hello"]
    life.advance(NOW + 30 * DAY)
    assert templates(life) == ["hello", "again"]
    assert [run.sequence for run in life.live] == ["welcome"]


def test_a_click_in_time_takes_the_yes_path() -> None:
    life = a_life()
    life.happen(did("click", NOW + 3 * DAY, sequence="welcome", step="hello"))
    life.advance(NOW + 30 * DAY)
    assert templates(life) == ["hello", "thanks"]


def test_points_move_a_contact_on_and_decay_brings_them_back() -> None:
    life = a_life()
    life.happen(did("form", NOW + HOUR))
    assert life.contact.standing is not None
    assert life.contact.standing.stage == "mql"
    assert [run.sequence for run in life.live] == ["deepen"]
    life.advance(NOW + 40 * DAY)
    assert stages(life) == ["lead→mql", "mql→lead"]
    assert life.contact.standing.highest == "mql"
    assert templates(life).count("hello") == 1  # The content ledger: never the same twice.


def test_an_event_told_twice_counts_once() -> None:
    life = a_life()
    form = did("form", NOW + HOUR)
    life.happen(form)
    before = (life.contact.engagement, len(life.moments))
    life.happen(form)
    assert (life.contact.engagement, len(life.moments)) == before


def test_a_cart_is_reminded_of_until_it_is_bought() -> None:
    life = a_life()
    life.happen(did("cart_updated", NOW + HOUR, cart_id="42"))
    life.happen(did("purchase", NOW + 2 * HOUR, cart_id="42"))
    life.happen(did("cart_updated", NOW + 3 * HOUR, cart_id="43"))
    life.advance(NOW + DAY)
    assert templates(life).count("basket") == 1
    assert [run.entry_key for run in life.runs if run.sequence == "cart"] == ["42", "43"]


def test_an_unsubscribed_contact_is_mailed_no_more() -> None:
    life = a_life()
    life.happen(did("unsubscribe", NOW + HOUR, topic="marketing"))
    life.advance(NOW + 60 * DAY)
    assert templates(life) == ["hello"]
    assert life.live == []


def test_a_person_may_ask_for_a_stage_and_is_refused_by_the_same_guards() -> None:
    life = a_life()
    refused = life.ask_stage("sql", Actor.RULES)
    assert isinstance(refused, StageRefused)
    assert stages(life) == []


def test_a_changed_field_is_looked_at_by_the_rules() -> None:
    life = a_life()
    life.change(Change(Fact.FIELD, "first_name", "Lan"))
    assert life.contact.fields["first_name"] == "Lan"


def test_a_contact_gets_no_more_than_a_days_maximum_and_the_rest_on_the_next() -> None:
    steps = [{"key": f"s{number}", "email": name} for number, name in enumerate(EMAILS[:5])]
    rush = sequence("rush", steps, stage="lead")
    life = Life(rules(2, rush), ana(standing=Standing("lead", "lead", NOW)), NOW)
    life.begin()
    assert templates(life) == list(EMAILS[:2])
    (run,) = life.live
    assert isinstance(run.state, Holding)
    assert run.state.reason == CONTACT_DAILY
    assert timedelta() <= run.state.release - MIDNIGHT < HOUR
    life.advance(NOW + DAY)
    assert templates(life) == list(EMAILS[:4])
    life.advance(NOW + 2 * DAY)
    assert templates(life) == list(EMAILS[:5])


def test_a_long_life_adds_up_no_more_than_a_short_one() -> None:
    """Counted in entries that are added up, because seconds say more of the machine."""
    life = a_life()
    looked_at = 0
    for minute in range(800):
        life.happen(did("visit", NOW + minute * timedelta(minutes=20)))
        life.happen(did("click", NOW + minute * timedelta(minutes=20)))
        looked_at = max(
            looked_at,
            len(life.ledger.short(life.world.funnel.groups, life.world.funnel.limits, life.now)),
        )
    assert len(life.entries) == 800
    assert looked_at <= 2 * FOLDS_AFTER


# ---- the same as through the store ---------------------------------------------------------

NAMES = ("click", "form", "demo", "cart_updated", "purchase")
STEPS = ("hello", "thanks", "case")
acts = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(STEPS),
        st.sampled_from(["1", "2"]),
        st.integers(1, 60),
    ),
    max_size=7,
)


@pytest.fixture(scope="module")
def end() -> timedelta:
    return 25 * DAY


# A track beside the usual one, whose emails leave at other times.
NAP = {"key": "nap", "wait": "7h"}
BESIDE = (
    sequence(
        "tips", [NAP, {"key": "tip", "email": "tip"}], stage="lead", priority=-1, track="side"
    ),
    sequence(
        "finds", [NAP, {"key": "find", "email": "find"}], stage="mql", priority=-1, track="side"
    ),
)


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        made.emails = compiled(*EMAILS, "tip", "find")
        made.publish(*BESIDE)
        yield made


@given(acts=acts, contact_daily=st.sampled_from([1, 1, 2, 3]))
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_store_and_engine_lead_the_same_life(
    world: World, end: timedelta, acts: list[tuple[str, str, str, int]], contact_daily: int
) -> None:
    world.publish(funnel=guarded(contact_daily))
    name = f"p{world.column(sa.select(sa.func.count(tables.Contact.id)))[0]}"
    start = world.now
    contact_id = world.add(name)
    world.place()
    life = Life(
        rules(contact_daily, WELCOME, DEEPEN, CART, *BESIDE),
        ana(id=contact_id, address=f"{name}@example.com", standing=Standing("lead", "lead", start)),
        start,
    )
    life.begin()
    at = start
    for number, (event, step, key, hours) in enumerate(acts):
        at += hours * HOUR
        world.drive(at)
        life.advance(at)
        mark = f"{name}:{number}"
        world.happen(contact_id, event, key=mark, sequence="welcome", step=step, cart_id=key)
        world.work()
        life.happen(did(event, at, mark, sequence="welcome", step=step, cart_id=key))
    world.drive(at + end)
    life.advance(at + end)
    assert stored_sends(world, contact_id) == templates(life)
    assert stored_stages(world, contact_id) == stages(life)
    assert stored_runs(world, contact_id) == [
        (run.sequence, run.entry_key, run.is_live, run.step) for run in life.runs
    ]


def stored_sends(world: World, contact_id: int) -> list[str]:
    sent = sa.select(S.content).where(S.contact_id == contact_id, S.status == "accepted")
    return world.column(sent.order_by(S.settled_at, S.id))


def stored_stages(world: World, contact_id: int) -> list[str]:
    t = tables.StageChange
    moved = sa.select(t.start, t.to).where(t.contact_id == contact_id, t.refused == "")
    return [f"{start}→{to}" for start, to in world.rows(moved.order_by(t.id))]


def stored_runs(world: World, contact_id: int) -> list[tuple[str, str, bool, str]]:
    q = tables.Sequence
    runs = (
        sa.select(q.key, E.entry_key, E.ended_at.is_(None), E.step)
        .join(q, q.id == E.sequence_id)
        .where(E.contact_id == contact_id)
        .order_by(E.id)
    )
    return [(key, entry, bool(live), step) for key, entry, live, step in world.rows(runs)]
