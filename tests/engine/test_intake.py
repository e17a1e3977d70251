"""Events that a site tells: all of a call or nothing, and nothing twice."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.intake import MOST_EVENTS, Taken, take_events
from nurture.errors import Invalid
from nurture.store import tables
from tests.engine.world import CART, FUNNEL, HOUR, NOW, World, opened

ANA = {"email": "Ana@Example.com", "event": "cart_updated", "id": "1"}


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def events(world: World) -> list[Any]:
    t = tables.Event
    return world.rows(sa.select(t.name, t.occurred_at, t.properties).order_by(t.id))


def test_an_event_is_taken_once_and_strangers_are_counted(world: World) -> None:
    ana = world.enroll("ana")
    item = {**ANA, "properties": {"cart_id": "7", "items": [{"name": "Ấm trà", "n": 2}]}}
    told = [item, {**ANA, "id": "2", "email": "nobody@example.com"}]
    assert take_events(world.deps, told, world.now) == Taken(new=1, known=0, strangers=1)
    assert take_events(world.deps, told, world.now) == Taken(new=0, known=1, strangers=1)
    assert events(world) == [("cart_updated", NOW, item["properties"])]
    assert ("cart", "waiting", "patience") in world.states(ana)


def test_the_instant_is_that_of_the_site(world: World) -> None:
    world.enroll("ana")
    take_events(world.deps, [{**ANA, "at": "2026-03-02T09:00:00+07:00"}], world.now)
    take_events(world.deps, [{**ANA, "id": "2", "at": "2026-03-02T02:30:00"}], world.now)
    moments = [at for _, at, _ in events(world)]
    assert moments == [NOW - HOUR, NOW - HOUR / 2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "no address"},
        {"email": ""},
        {"email": 7},
        {"email": "a\x00na@example.com"},
        {"event": ""},
        {"event": "x" * 3_000},
        {"event": "nul\x00"},
        {"event": "half \ud800"},
        {"event": "open"},
        {"event": "unsubscribe"},
        {"id": None},
        {"at": "yesterday"},
        {"at": 7},
        {"properties": []},
        {"properties": {"text": "nul\x00"}},
        {"properties": {"nul\x00": 1}},
        {"properties": {"deep": ["half \udfff"]}},
        {"properties": {"n": float("nan")}},
        {"properties": {"n": float("inf")}},
        {"properties": {"long": "x" * 30_000}},
        {"properties": {str(n): n for n in range(51)}},
    ],
)
def test_one_bad_event_refuses_the_whole_call_and_says_where(
    world: World, wrong: dict[str, Any]
) -> None:
    world.enroll("ana")
    with pytest.raises(Invalid, match="No event was taken") as refused:
        take_events(world.deps, [ANA, {**ANA, "id": "2", **wrong}], world.now)
    assert all(problem.field.startswith("[1]") for problem in refused.value.problems)
    assert events(world) == []


def test_what_is_no_object_and_too_many_are_refused(world: World) -> None:
    with pytest.raises(Invalid, match="an event is an object"):
        take_events(world.deps, ["click"], world.now)
    with pytest.raises(Invalid, match="in one call"):
        take_events(world.deps, [ANA] * (MOST_EVENTS + 1), world.now)
    assert take_events(world.deps, [], world.now) == Taken(0, 0, 0)


def unlike(many: int) -> str:
    """Text that does not get shorter by being packed."""
    drawn = Random(5)  # noqa: S311 - the same text in every run
    return "".join(chr(drawn.randrange(0x4E00, 0x9FFF)) for _ in range(many))


def test_the_longest_names_and_keys_fit_into_every_index(world: World) -> None:
    ana = world.enroll("ana")
    cart = {**ANA, "id": unlike(2_000), "properties": {"cart_id": unlike(6_000)}}
    assert take_events(world.deps, [cart], world.now).new == 1
    assert take_events(world.deps, [cart], world.now).known == 1
    assert ("cart", "waiting", "patience") in world.states(ana)
    bought = {**cart, "event": "purchase", "id": "2"}
    assert take_events(world.deps, [bought], world.now).new == 1
    assert ("cart", "exited", "patience") in world.states(ana)


@pytest.mark.parametrize("plan", [{"a": 1}, [{"a": 1}], [["pro"]], [], None, 10**400])
def test_rules_pass_by_values_that_are_no_plain_ones(world: World, plan: Any) -> None:
    asks = {
        "key": "upgrade", "name": {"vi": "Nâng", "en": "Up"}, "event": "cart_updated",
        "where": {"plan": "enterprise"}, "points": 5, "group": "all",
    }  # fmt: skip
    engagement = {**FUNNEL["engagement"], "rules": [*FUNNEL["engagement"]["rules"], asks]}
    only = {**CART["trigger"], "where": {"plan": "enterprise"}}
    world.publish({**CART, "trigger": only}, funnel={**FUNNEL, "engagement": engagement})
    ana = world.enroll("ana")
    told = {"cart_id": "7", "plan": plan}
    assert take_events(world.deps, [{**ANA, "properties": told}], world.now).new == 1
    assert [state for state in world.states(ana) if state[0] == "cart"] == []
    told = {"cart_id": "8", "plan": ["basic", "enterprise"]}
    assert take_events(world.deps, [{**ANA, "id": "2", "properties": told}], world.now).new == 1
    assert ("cart", "waiting", "patience") in world.states(ana)
