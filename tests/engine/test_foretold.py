"""What is foretold of a contact comes true: scores that fade, segments, and a day's maximum."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.explain import explain
from nurture.engine.explain_week import Coming
from nurture.engine.forecast import forecast
from nurture.engine.pausing import pause
from nurture.engine.record import score_again
from nurture.engine.segment_building import build_all, publish_segments
from nurture.store import tables
from tests.engine.test_explain_week import foretold, happened, week
from tests.engine.test_life_segments import DATED, SOON, Turning, near, segments
from tests.engine.world import DAY, DEEPEN, HOUR, NOW, WELCOME, Document, E, sequence


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[Turning]:
    made = Turning(settings, database_url)
    try:
        yield made
    finally:
        made.close()


def begun(world: Turning, *documents: Document, funnel: Document = DATED, **found: Any) -> int:
    """Publish, and enroll Ana, who has a date in five days."""
    world.publish(*documents, funnel=funnel)
    with world.deps.database.begin() as tx:
        publish_segments(tx, segments(**found), "test", world.now)
    build_all(world.deps)
    ana = world.add("ana")
    ends = (world.now + 5 * DAY).isoformat()
    with world.deps.database.begin() as tx:
        c = tables.Contact
        fields = {"first_name": "ana", "ends": ends}
        tx.execute(sa.update(c).where(c.id == ana).values(fields=fields))
    world.place()
    score_again(world.deps, [ana], world.now)
    return ana


def told(world: Turning, contact_id: int, what: str, days: int = 30) -> list[Coming]:
    return [one for one in week(world, contact_id, days).coming if one.one.what == what]


def ended(world: Turning, contact_id: int, key: str) -> list[tuple[datetime | None, str]]:
    of = sa.select(tables.Sequence.id).where(tables.Sequence.key == key)
    asked = sa.select(E.ended_at, E.end_reason).where(E.contact_id == contact_id)
    return [(at, why) for at, why in world.rows(asked.where(E.sequence_id.in_(of)).order_by(E.id))]


LONG: list[dict[str, Any]] = [{"key": "rest", "wait": "20d"}, {"key": "offer", "email": "offer"}]


def test_an_exit_on_a_score_that_fades_is_foretold_at_its_instant(world: Turning) -> None:
    cold = {"all": [{"did": "visit"}, {"score": "engagement", "below": 3}]}
    slow = sequence("slow", LONG, stage="lead", exits=[{"reason": "cold", "when": cold}])
    ana = begun(world, slow)
    world.happen(ana, "click")
    world.happen(ana, "visit")
    world.work()
    (leaving,) = told(world, ana, "leaves")
    (way,) = explain(world.deps, ana, world.now).ahead[0].ways
    assert [(one.what, one.reason) for one in way.then] == [("leaves", "cold")]
    (found,) = forecast(world.deps, world.now, "slow")
    assert (found.over, found.weeks) == (1, ())
    world.drive(NOW + 30 * DAY)
    ((at, why),) = ended(world, ana, "slow")
    assert (at, why) == (leaving.one.at, "cold") == (way.then[0].at, "cold")


def test_a_stage_that_is_lost_as_the_score_fades_is_foretold_with_what_follows(
    world: Turning,
) -> None:
    ana = begun(world, WELCOME, DEEPEN)
    world.happen(ana, "form")
    world.work()
    found = week(world, ana, 30)
    moved = [one for one in found.coming if one.one.what == "moves"]
    assert [(one.sequence, one.one.to) for one in moved] == [("deepen", "welcome")]
    # What is yet to begin has no number.
    assert {one.enrollment_id for one in found.coming if one.sequence == "welcome"} == {0}
    assert foretold(found) == happened(world, ana, 30)[-len(foretold(found)) :]
    assert ended(world, ana, "deepen") == [(moved[0].one.at, "welcome")]


def test_a_sequence_that_a_segment_begins_is_foretold_from_its_beginning_to_its_end(
    world: Turning,
) -> None:
    ana = begun(world, near(), soon=SOON)
    found = week(world, ana, 10)
    assert [(one.one.what, one.one.at) for one in found.coming] == [
        ("sends", NOW + 2 * DAY),
        ("leaves", NOW + 5 * DAY),
    ]
    assert happened(world, ana, 10) == foretold(found)
    assert ended(world, ana, "near") == [(NOW + 5 * DAY, "over")]


def test_an_exit_and_a_branch_that_rest_on_a_segment_are_foretold(world: Turning) -> None:
    steps: list[dict[str, Any]] = [
        {"key": "rest", "wait": "3d"},
        {"key": "fork", "branch": {
            "cases": [{"when": {"segment": "soon"}, "to": "offer"}], "else": "again",
        }},
        {"key": "again", "email": "again", "next": "end"},
        {"key": "offer", "email": "offer"},
        {"key": "more", "wait": "9d"},
    ]  # fmt: skip
    silent = {"all": [{"not": {"did": "click", "within": "4d"}}, {"hours_in_stage": {"above": 96}}]}
    exits = [{"reason": "silent", "when": {"segment": "silent"}}]
    ana = begun(
        world, sequence("forked", steps, stage="lead", exits=exits), soon=SOON, silent=silent
    )
    assert foretold(week(world, ana, 3)) == [(NOW + 3 * DAY, "offer")]
    (leaving,) = told(world, ana, "leaves")
    world.drive(NOW + 9 * DAY)
    assert world.mailed("ana") == ["offer"]
    assert ended(world, ana, "forked") == [(leaving.one.at, "silent")]


def test_a_days_maximum_of_the_contact_is_foretold(world: Turning) -> None:
    steps = [{"key": name, "email": name} for name in ("hello", "thanks", "again", "case")]
    rush = sequence("rush", steps, stage="lead")
    ana = begun(world, rush, funnel={**DATED, "guards": {"contact_daily": 2}})
    found = week(world, ana, 5)
    assert [name for _, name in foretold(found)] == ["hello", "thanks", "again", "case"]
    (held,) = [one.one for one in found.coming if one.one.what == "held"]
    assert held.until is not None
    assert timedelta() <= held.until - (NOW + 14 * HOUR) < HOUR
    assert held.reason == "daily maximum of the contact"
    assert happened(world, ana, 5) == foretold(found)


def test_what_was_mailed_today_already_counts_for_the_days_maximum(world: Turning) -> None:
    steps = [
        {"key": "hello", "email": "hello"}, {"key": "rest", "wait": "2h"},
        {"key": "thanks", "email": "thanks"},
    ]  # fmt: skip
    rush = sequence("rush", steps, stage="lead")
    ana = begun(world, rush, funnel={**DATED, "guards": {"contact_daily": 1}})
    world.work()
    found = week(world, ana, 5)
    ((at, name),) = foretold(found)
    assert name == "thanks"
    assert at >= NOW + 14 * HOUR
    world.clock.moment += timedelta(seconds=1)
    assert happened(world, ana, 5)[1:] == [(at, name)]


def test_a_paused_sequence_that_would_begin_is_not_foretold_to_send(world: Turning) -> None:
    ana = begun(world, near(), soon=SOON)
    pause(world.deps, "near", "a wrong price", "lan", world.now)
    assert foretold(week(world, ana, 10)) == []
    assert happened(world, ana, 10) == []


def test_whom_the_rules_of_entry_keep_out_is_not_foretold_to_enter_again(world: Turning) -> None:
    ana = begun(world, near(), soon={"did": "click", "within": "2d"})
    world.happen(ana, "click")
    world.drive(NOW + 4 * DAY)
    assert [why for _, why in ended(world, ana, "near")] == ["over"]
    world.happen(ana, "click")
    world.work()
    assert week(world, ana, 10).coming == ()
