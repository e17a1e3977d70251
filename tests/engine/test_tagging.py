"""Tags that people put on contacts and take away: what follows at once, and what is refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from nurture.campaigns.parse import parse_segments
from nurture.config import Settings
from nurture.engine.erasing import erase
from nurture.engine.segment_building import build, publish_segments
from nurture.engine.tagging import MOST_AT_ONCE, tag, untag
from nurture.errors import Invalid, NotFound
from nurture.store import people, tables
from tests.engine.world import FUNNEL, World, opened, sequence

BY = "lan@example.com"
M = tables.SegmentMember
THANKS = sequence(
    "vip-thanks",
    [{"key": "a", "email": "thanks"}, {"key": "b", "wait": "9d"}],
    trigger={"event": "segment_entered", "where": {"segment": "vips"}},
    exits=[{"reason": "no_vip", "when": {"not": {"tag": "vip"}}}],
)
VIP_LEADS = {
    **FUNNEL,
    "edges": [
        {"kind": "promote", "from": "lead", "to": "mql", "when": {"tag": "promising"}},
    ],
}


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[World]:
    with opened(replace(settings, home=tmp_path), database_url) as made:
        made.publish(THANKS, funnel=VIP_LEADS)
        vips = {"key": "vips", "name": {"vi": "VIP", "en": "VIPs"}, "when": {"tag": "vip"}}
        with made.deps.database.begin() as tx:
            publish_segments(tx, parse_segments({"segments": [vips]}), "test", made.now)
        build(made.deps, made.now)
        yield made


def tags(world: World, key: int) -> list[str]:
    with world.deps.database.read() as tx:
        return sorted(people.contacts(tx, [key], people.Need())[key].tags)


def members(world: World) -> list[int]:
    return world.column(sa.select(M.contact_id).order_by(M.contact_id))


def audit(world: World) -> list[tuple[str, str, str, object]]:
    t = tables.Audit
    statement = sa.select(t.by, t.what, t.subject, t.data).where(t.what.in_(("tag", "untag")))
    return [tuple(row) for row in world.rows(statement.order_by(t.id))]


def test_a_segment_on_a_tag_fills_and_empties_in_the_same_transaction(world: World) -> None:
    key, other = world.add("an"), world.add("binh")
    world.place()
    assert tag(world.deps, key, "VIP; quán  cũ", BY, world.now) == ("VIP", "quán cũ")
    assert tags(world, key) == ["VIP", "quán cũ"]
    assert tags(world, other) == []
    assert members(world) == [key]
    assert ("vip-thanks", "sending") in {one[:2] for one in world.states(key)}
    assert untag(world.deps, key, ["vip"], BY, world.now) == ("VIP",)
    assert tags(world, key) == ["quán cũ"]
    assert members(world) == []
    assert ("vip-thanks", "exited") in {one[:2] for one in world.states(key)}
    assert audit(world) == [
        (BY, "tag", str(key), {"tags": ["VIP", "quán cũ"]}),
        (BY, "untag", str(key), {"tags": ["VIP"]}),
    ]
    world.assert_sound()


def test_a_tag_opens_an_edge_at_once(world: World) -> None:
    key = world.enroll("an")
    tag(world.deps, key, "promising", BY, world.now)
    assert world.stage(key) == "mql"
    world.assert_sound()


def test_what_is_there_already_is_not_said_again(world: World) -> None:
    key = world.enroll("an")
    assert tag(world.deps, key, "vip, Vip, VIP", BY, world.now) == ("vip",)
    assert tag(world.deps, key, "VIP", BY, world.now) == ()
    assert untag(world.deps, key, ["gold"], BY, world.now) == ()
    assert tags(world, key) == ["vip"]
    assert len(audit(world)) == 1


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("", "no tag is given"),
        ("  ,; \n\t\u00a0", "no tag is given"),
        ("x" * 65, "too long"),
        ("good, " + "x" * 9_000, "too long"),
        ("vip\0", "cannot be seen"),
        ("vi\u202ep", "cannot be seen"),
        ("\ud800", "cannot be seen"),
        (",".join(map(str, range(MOST_AT_ONCE + 1))), "too many"),
    ],
    ids=["empty", "spaces", "long", "one-long", "nul", "hidden", "half", "many"],
)
def test_a_tag_that_cannot_be_is_refused_whole_and_loses_nothing(
    world: World, told: str, why: str
) -> None:
    key = world.enroll("an")
    tag(world.deps, key, "old", BY, world.now)
    with pytest.raises(Invalid, match=why):
        tag(world.deps, key, told, BY, world.now)
    with pytest.raises(Invalid, match="the name cannot be stored"):
        untag(world.deps, key, ["old"], "l\0n", world.now)
    assert tags(world, key) == ["old"]
    assert len(audit(world)) == 1


def test_hostile_text_is_kept_as_it_is_and_taken_away_by_itself(world: World) -> None:
    key = world.enroll("an")
    hostile = "<script>alert('1')</script> %_\\ \"{{ 7*7 }}"
    assert tag(world.deps, key, f"ca\u0300 phe\u0302, {hostile}", BY, world.now) == (
        "cà phê", hostile,
    )  # fmt: skip
    assert untag(world.deps, key, [hostile], BY, world.now) == (hostile,)
    assert tags(world, key) == ["cà phê"]


def test_nobody_and_somebody_erased_are_not_found(world: World) -> None:
    key = world.enroll("an")
    tag(world.deps, key, "vip", BY, world.now)
    (address,) = world.column(sa.select(tables.Contact.email).where(tables.Contact.id == key))
    erase(world.deps, address, by="lan", why="", now=world.now)
    for nobody in (key, 9_999):
        with pytest.raises(NotFound):
            tag(world.deps, nobody, "vip", BY, world.now)
        with pytest.raises(NotFound):
            untag(world.deps, nobody, ["vip"], BY, world.now)
    assert audit(world) == [(BY, "tag", str(key), {})], "what was said of them is gone"


def test_people_who_tag_at_the_same_time_lose_nothing_of_each_other(world: World) -> None:
    key = world.enroll("an")
    names = [f"tag-{number}" for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: tag(world.deps, key, name, BY, world.now), names))
    assert tags(world, key) == names
    assert len(audit(world)) == 6
    world.assert_sound()
