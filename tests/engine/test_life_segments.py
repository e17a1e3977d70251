"""A life in memory comes into segments and leaves them, as store and engine have it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nurture.campaigns.parse import parse_funnel, parse_segments, parse_sequence
from nurture.config import Settings
from nurture.domain import enrollment as e
from nurture.domain.contact import Change, Fact, Standing
from nurture.domain.segments import Segment
from nurture.engine.life import Life
from nurture.engine.record import score_again
from nurture.engine.segment_building import build_all, publish_segments, turn
from nurture.engine.world import World as Rules
from nurture.store import tables
from tests.engine.test_life import ana, did, stored_runs, stored_sends, stored_stages, templates
from tests.engine.test_segments import segment
from tests.engine.world import DAY, FUNNEL, HOUR, NOW, Document, World, sequence

ENDS = {"key": "ends", "name": {"vi": "hết", "en": "ends"}, "type": "date"}
DATED: Document = {**FUNNEL, "fields": [*FUNNEL["fields"], ENDS]}
LONG = [{"key": "hello", "email": "hello"}, {"key": "rest", "wait": "60d"}]


def segments(**conditions: dict[str, Any]) -> tuple[Segment, ...]:
    """Segments by their keys, as a file has them."""
    return parse_segments({"segments": [segment(key, when) for key, when in conditions.items()]})


def rules(found: tuple[Segment, ...], *documents: Document, funnel: Document = DATED) -> Rules:
    parsed = parse_funnel(funnel, version=1)
    sequences = {one["key"]: parse_sequence(one, funnel=parsed, version=1) for one in documents}
    return Rules.of(parsed, sequences, found)


def a_life(world: Rules, **changes: Any) -> Life:
    life = Life(world, ana(standing=Standing("lead", "lead", NOW), **changes), NOW)
    life.begin()
    return life


def borders(life: Life) -> list[tuple[str, Any, timedelta]]:
    """What happened at the borders of segments, and how long after the beginning."""
    return [
        (one.name.removeprefix("segment_"), one.properties["segment"], one.occurred_at - NOW)
        for one in life.contact.history
        if one.name.startswith("segment_")
    ]


def near(**more: Any) -> Document:
    """A sequence that coming into `soon` begins and that leaving it ends."""
    return sequence(
        "near", LONG, trigger={"event": "segment_entered", "where": {"segment": "soon"}},
        exits=[{"reason": "over", "when": {"not": {"segment": "soon"}}}], **more,
    )  # fmt: skip


SOON = {"field": "ends", "in_next": "3d"}


def test_a_date_that_comes_near_begins_a_sequence_and_the_day_itself_ends_it() -> None:
    life = a_life(rules(segments(soon=SOON), near()), fields={"ends": (NOW + 5 * DAY).isoformat()})
    life.advance(NOW + 30 * DAY)
    assert borders(life) == [("entered", "soon", 2 * DAY), ("left", "soon", 5 * DAY)]
    (run,) = life.runs
    assert run.state == e.Exited("over")
    assert (run.entered_at, life.ended[0]) == (NOW + 2 * DAY, NOW + 5 * DAY)
    assert templates(life) == ["hello"]


def test_a_new_date_takes_the_contact_out_at_once_and_brings_them_back_later() -> None:
    world = rules(segments(soon=SOON), near(reentry="one_at_a_time"))
    life = a_life(world, fields={"ends": (NOW + 5 * DAY).isoformat()})
    life.advance(NOW + 3 * DAY)
    life.change(Change(Fact.FIELD, "ends", (NOW + 20 * DAY).isoformat()))
    life.advance(NOW + 18 * DAY)
    assert [(name, at) for name, _, at in borders(life)] == [
        ("entered", 2 * DAY), ("left", 3 * DAY), ("entered", 17 * DAY),
    ]  # fmt: skip
    assert [run.is_live for run in life.runs] == [False, True]


def test_a_segment_that_asks_for_another_follows_it_and_what_they_tell_scores_and_is_awaited() -> (
    None
):
    rule = {
        "key": "in", "name": {"vi": "r", "en": "r"}, "event": "segment_entered",
        "where": {"segment": "both"}, "points": 20, "group": "all",
    }  # fmt: skip
    engagement = {**FUNNEL["engagement"], "rules": [*FUNNEL["engagement"]["rules"], rule]}
    steps: list[dict[str, Any]] = [
        {"key": "in", "wait_for": {
            "event": "segment_entered", "where": {"segment": "both"}, "within": "9d",
            "yes": "thanks", "no": "again",
        }},
        {"key": "thanks", "email": "thanks", "next": "end"},
        {"key": "again", "email": "again"},
    ]  # fmt: skip
    found = segments(
        # The first by its name rests on the last.
        both={"all": [{"segment": "clicked"}, {"did": "visit"}]},
        clicked={"did": "click", "within": "5d"},
    )
    waits = sequence("waits", steps, trigger={"event": "visit"})
    life = a_life(rules(found, waits, funnel={**DATED, "engagement": engagement}))
    life.happen(did("visit", NOW + HOUR))
    life.happen(did("click", NOW + DAY))
    assert [key for _, key, _ in borders(life)] == ["clicked", "both"]
    assert templates(life) == ["thanks"]
    assert life.contact.standing is not None
    assert life.contact.standing.stage == "mql"
    life.advance(NOW + 7 * DAY)
    assert borders(life)[2:] == [("left", "clicked", 6 * DAY), ("left", "both", 6 * DAY)]


def test_a_score_that_fades_takes_the_contact_out_and_is_looked_at_for_segments_alone() -> None:
    found = segments(warm={"score": "engagement", "at_least": 4})
    life = a_life(rules(found, sequence(
        "warm", LONG, trigger={"event": "click"},
        exits=[{"reason": "cold", "when": {"not": {"segment": "warm"}}}],
    )))  # fmt: skip
    life.happen(did("click", NOW + HOUR))
    assert life.contact.segments == {"warm"}
    life.advance(NOW + 30 * DAY)
    # Five points with a half-life of ten days are four after three and a quarter.
    ((_, _, went_in), (_, _, went_out)) = borders(life)
    assert went_in == HOUR
    assert abs(went_out - HOUR - 3.22 * DAY) < HOUR
    assert life.runs[0].state == e.Exited("cold")


def test_what_a_life_receives_and_where_it_goes_is_asked_by_segments() -> None:
    found = segments(greeted={"received": "hello"}, inside={"sequence": "near"})
    steps = [{"key": "hello", "email": "hello"}, {"key": "rest", "wait": "2d"}]
    life = a_life(rules(found, sequence("near", steps, trigger={"event": "form"})))
    life.happen(did("form", NOW + HOUR))
    assert life.contact.segments == {"greeted", "inside"}
    life.advance(NOW + 5 * DAY)
    assert borders(life)[2:] == [("left", "inside", 2 * DAY + HOUR)]


def test_a_border_is_told_of_once_in_a_moment_so_that_nothing_turns_in_a_circle() -> None:
    rule = {
        "key": "in", "name": {"vi": "r", "en": "r"}, "event": "segment_entered", "points": -9,
        "group": "all",
    }  # fmt: skip
    engagement = {**FUNNEL["engagement"], "rules": [*FUNNEL["engagement"]["rules"], rule]}
    found = segments(warm={"score": "engagement", "at_least": 5})
    life = a_life(rules(found, funnel={**FUNNEL, "engagement": engagement}))
    life.happen(did("click", NOW + HOUR))
    assert [name for name, _, _ in borders(life)] == ["entered"]
    assert life.contact.segments == frozenset()


def test_where_somebody_put_the_contact_they_stay_until_the_condition_agrees() -> None:
    world = rules(segments(soon=SOON))
    dated = ana(
        fields={"ends": (NOW + 5 * DAY).isoformat()}, standing=Standing("lead", "lead", NOW)
    )
    life = Life(world, dated, NOW)
    life.segments.cross(life, "soon")
    life.advance(NOW + 4 * DAY)
    assert life.contact.segments == {"soon"}
    assert borders(life) == []
    life.advance(NOW + 6 * DAY)
    assert borders(life) == [("left", "soon", 5 * DAY)]


# ---- the same as through the store ---------------------------------------------------------

spans = st.integers(1, 9)
parts = st.one_of(
    spans.map(lambda n: {"did": "click", "within": f"{n}d"}),
    spans.map(lambda n: {"not": {"did": "form", "within": f"{n}d"}}),
    spans.map(lambda n: {"field": "ends", "in_next": f"{n}d"}),
    spans.map(lambda n: {"hours_in_stage": {"at_least": 24 * n}}),
    st.integers(1, 19).map(lambda n: {"score": "engagement", "at_least": n}),
    st.sampled_from([{"stage": "mql"}, {"received": "hello"}, {"sequence": "asks"}]),
)
acts = st.lists(st.tuples(st.sampled_from(("click", "form")), st.integers(1, 90)), max_size=4)
numbers = iter(range(1, 10_000))


def asking() -> tuple[Document, ...]:
    """Sequences that are begun, left, divided and woken by segments."""
    asks = sequence(
        "asks",
        [
            {"key": "hello", "email": "hello"},
            {"key": "until", "wait_for": {
                "when": {"segment": "other"}, "within": "4d", "yes": "y", "no": "n",
            }},
            {"key": "y", "email": "thanks"},
            {"key": "n", "branch": {
                "cases": [{"when": {"segment": "some"}, "to": "last"}], "else": "rest",
            }},
            {"key": "rest", "wait": "2d"},
            {"key": "last", "email": "case"},
        ],
        stage="lead",
        exits=[{"reason": "both", "when": {"all": [{"segment": "rests"}, {"segment": "some"}]}}],
    )  # fmt: skip
    came = sequence(
        "came", [{"key": "wait", "wait": "1d"}, {"key": "offer", "email": "offer"}],
        trigger={"event": "segment_entered", "where": {"segment": "some"}},
        exits=[{"reason": "left", "when": {"not": {"segment": "some"}}}], reentry="one_at_a_time",
    )  # fmt: skip
    went = sequence(
        "went", [{"key": "again", "email": "again"}],
        trigger={"event": "segment_left", "where": {"segment": "other"}},
    )  # fmt: skip
    return asks, came, went


SCORING: Document = {
    **DATED,
    "engagement": {
        **FUNNEL["engagement"],
        "rules": [*FUNNEL["engagement"]["rules"], {
            "key": "in", "name": {"vi": "r", "en": "r"}, "event": "segment_entered",
            "where": {"segment": "rests"}, "points": 6, "group": "all",
        }],
    },
}  # fmt: skip


class Turning(World):
    """A world in which the ticker also looks at whom time brings into segments, and out."""

    def work(self, worker: str = "w1") -> None:
        while turn(self.deps, self.now):
            pass
        super().work(worker)

    def _next_moment(self) -> Any:
        at = self.column(sa.select(sa.func.min(tables.SegmentRecheck.at)))[0]
        later = super()._next_moment()
        coming = [one for one in (at, later) if one is not None and one > self.now]
        return min(coming, default=None)


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[Turning]:
    made = Turning(settings, database_url)
    try:
        made.publish(*asking(), funnel=SCORING)
        yield made
    finally:
        made.close()


@given(parts, parts, acts)
@example({"did": "click", "within": "2d"}, {"did": "click", "within": "3d"}, [("click", 30)] * 3)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_store_and_memory_are_in_the_same_segments(
    world: Turning, some: Any, other: Any, acts: list[tuple[str, int]]
) -> None:
    found = segments(some=some, other=other, rests={"not": {"segment": "other"}})
    with world.deps.database.begin() as tx:
        publish_segments(tx, found, "test", world.now)
    build_all(world.deps)
    name, start = f"p{next(numbers)}", world.now
    ends = (start + 12 * DAY).isoformat()
    contact_id = world.add(name)
    with world.deps.database.begin() as tx:
        c = tables.Contact
        fields = {"first_name": name, "ends": ends}
        tx.execute(sa.update(c).where(c.id == contact_id).values(fields=fields))
    score_again(world.deps, [contact_id], start)
    world.place()
    world.work()
    contact = ana(
        id=contact_id, address=f"{name}@example.com", fields={"ends": ends},
        standing=Standing("lead", "lead", start),
    )  # fmt: skip
    life = Life(rules(found, *asking(), funnel=SCORING), contact, start)
    life.begin()
    at = start
    for number, (event, hours) in enumerate(acts):
        at += hours * HOUR
        world.drive(at)
        life.advance(at)
        world.happen(contact_id, event, key=f"{name}:{number}")
        world.work()
        life.happen(did(event, at, f"{name}:{number}"))
    world.drive(at + 15 * DAY)
    life.advance(at + 15 * DAY)
    assert stored_borders(world, contact_id) == [
        (one.name, one.properties["segment"])
        for one in life.contact.history
        if one.name.startswith("segment_")
    ]
    assert stored_sends(world, contact_id) == templates(life)
    assert stored_stages(world, contact_id) == [
        moment.stage.edge.key
        for moment in life.moments
        if moment.stage is not None and hasattr(moment.stage, "edge")
    ]
    assert stored_runs(world, contact_id) == [
        (run.sequence, run.entry_key, run.is_live, run.step) for run in life.runs
    ]


def stored_borders(world: World, contact_id: int) -> list[tuple[str, str]]:
    t = tables.Event
    asked = sa.select(t.name, t.properties).where(t.contact_id == contact_id, t.source == "segment")
    return [(name, one["segment"]) for name, one in world.rows(asked.order_by(t.id))]
