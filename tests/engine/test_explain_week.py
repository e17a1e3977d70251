"""The next days of a contact: what is foretold for all their runs together is what happens."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.explain import explain
from nurture.engine.explain_week import InLine, Week
from nurture.engine.pausing import pause
from tests.engine.test_caps import DAILY, LETTER, NUDGE, ORDER, capped
from tests.engine.world import DAY, DEEPEN, HOUR, MINUTE, NOW, WELCOME, C, World, opened, sequence

MORNING = {"from": "09:00", "to": "11:00"}


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        funnel = {**capped(DAILY), "window": MORNING}
        made.publish(WELCOME, DEEPEN, NUDGE, LETTER, ORDER, funnel=funnel)
        yield made


def week(world: World, contact_id: int, days: int = 7) -> Week:
    return explain(world.deps, contact_id, world.now, timedelta(days=days)).week


def foretold(found: Week) -> list[tuple[datetime, str]]:
    return [(one.one.at, one.one.template) for one in found.coming if one.one.what == "sends"]


def happened(world: World, contact_id: int, days: int) -> list[tuple[datetime, str]]:
    """Let the time pass in short steps, and note when each email was mailed."""
    found: list[tuple[datetime, str]] = []
    end = world.now + days * DAY
    while True:
        world.work()
        name = f"{world.column(sa.select(C.email).where(C.id == contact_id))[0]}".split("@")[0]
        found += [(world.now, subject) for subject in world.mailed(name)[len(found) :]]
        following = world._next_moment()
        if following is None or following > end:
            return found
        world.clock.moment = following


def test_what_is_foretold_for_all_runs_together_happens_at_its_time(world: World) -> None:
    ana = world.enroll("ana")
    for event in ("nudge", "letter", "order"):
        world.happen(ana, event)
    found = week(world, ana, 10)
    told = foretold(found)
    assert [subject for _, subject in told] == ["basket", "offer", "hello", "thanks", "again"]
    assert happened(world, ana, 10) == told


def test_what_waits_for_a_run_to_end_is_told_and_foretold(world: World) -> None:
    steps: list[dict[str, Any]] = [
        {"key": "patience", "wait": "1d"},
        {"key": "remind", "email": "basket"},
        {"key": "answer", "wait_for": {"event": "form", "within": "1d", "yes": "end", "no": "end"}},
    ]
    trigger = {"event": "visit", "key": "page", "while_active": "queue"}
    world.publish(
        sequence("visits", steps, trigger=trigger, reentry="keyed", returning="restart"),
        funnel={**capped(DAILY), "window": MORNING},
    )
    ana = world.add("ana", "sql")
    world.happen(ana, "visit", page="a")
    assert week(world, ana).in_line == ()
    world.clock.moment = NOW + MINUTE
    world.happen(ana, "visit", page="a", at=NOW + MINUTE)
    world.happen(ana, "visit", page="b", at=NOW + MINUTE)
    found = week(world, ana, 10)
    assert found.in_line == (InLine("visits", "a", NOW + MINUTE),)
    told = foretold(found)
    assert [subject for _, subject in told] == ["basket"] * 3
    # The run in line comes when the one before it has got no answer.
    later = [one for one in found.coming if one.one.what == "sends" and not one.enrollment_id]
    assert [one.unless for one in later] == [("answer",)]
    assert happened(world, ana, 10) == told
    assert week(world, ana).in_line == ()


def test_a_week_tells_what_is_held_why_and_until_when(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    world.clock.moment = NOW + 30 * MINUTE
    world.happen(ana, "nudge")
    found = week(world, ana)
    first = next(one for one in found.coming if one.sequence == "nudge")
    # A day after the first email, which is inside the window.
    assert (first.one.what, first.one.reason) == ("held", "cap")
    assert first.one.until == NOW + DAY
    assert (NOW + DAY, "thanks") in foretold(found)
    assert (found.clock.zone.key, found.clock.source) == ("Asia/Ho_Chi_Minh", "contact")
    closed = NOW + 3 * HOUR
    world.clock.moment = closed
    world.happen(ana, "letter")
    held = [one.one for one in week(world, ana).coming if one.sequence == "letter"]
    assert (held[0].what, held[0].reason, held[0].until) == ("held", "cap", NOW + DAY)
    # Only one of the two can have that place, and the letter comes before the nudge.
    assert (held[1].what, held[1].at) == ("sends", NOW + DAY)


def test_what_depends_on_an_answer_says_so(world: World) -> None:
    ana = world.enroll("ana")
    found = week(world, ana, 14)
    by_email = {one.one.template: one for one in found.coming if one.one.what == "sends"}
    assert by_email["hello"].unless == ()
    assert by_email["again"].unless == ("answer",)
    (asked,) = [one.one for one in found.coming if one.one.what == "awaits"]
    assert (asked.step, asked.until) == ("answer", NOW + 5 * DAY)
    world.work()
    world.clock.moment = NOW + 3 * DAY
    world.work()
    (now,) = [one.one for one in week(world, ana, 1).coming]
    assert (now.what, now.until) == ("awaits", NOW + 5 * DAY)


def test_an_answer_that_is_the_goal_as_well_is_foretold_as_both(world: World) -> None:
    steps: list[dict[str, Any]] = [
        {"key": "ask", "wait_for": {
            "event": "visit", "where": {"page": "/pricing*"}, "within": "3d",
            "yes": "rest", "no": "again",
        }},
        {"key": "again", "email": "again", "next": "end"},
        {"key": "rest", "wait": "1d"},
        {"key": "offer", "email": "offer"},
        {"key": "seen", "goal": {"event": "visit", "where": {"page": "*pricing*"}}},
    ]  # fmt: skip
    world.publish(sequence("asks", steps, trigger={"event": "begin"}))
    ana = world.add("ana")
    world.happen(ana, "begin")
    (run,) = explain(world.deps, ana, world.now).ahead
    answer, silence = run.ways
    assert (answer.when, silence.when) == ("answer", "no_answer")
    assert [(one.what, one.reason) for one in answer.then] == [
        ("takes", "goal"), ("takes", "reached"), ("completes", "end"),
    ]  # fmt: skip
    world.clock.moment += HOUR
    world.happen(ana, "visit", page="/pricing/vn")
    assert world.states(ana)[-1] == ("asks", "completed", "seen")


def test_a_week_ends_and_a_paused_sequence_stands_still(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    assert foretold(week(world, ana, 4)) == []
    assert [subject for _, subject in foretold(week(world, ana, 6))] == ["again"]
    pause(world.deps, "welcome", "a wrong price", "test", world.now)
    found = week(world, ana, 30)
    assert (found.coming, found.standing) == ((), ("welcome",))


def set_zones(world: World, contact_id: int, own: str, company: object) -> None:
    fields: dict[str, Any] = {"first_name": "ana", "company_timezone": company}
    with world.deps.database.begin() as tx:
        tx.execute(
            sa.update(C).where(C.id == contact_id).values(timezone=own, fields=fields)
        )  # fmt: skip


@pytest.mark.parametrize(
    ("own", "company", "zone", "source", "opens"),
    [
        ("", "Asia/Tokyo", "Asia/Tokyo", "company", "2026-03-03T00:00"),
        ("Europe/Paris", "Asia/Tokyo", "Europe/Paris", "contact", "2026-03-02T08:00"),
        ("Mars/Base", "Asia/Tokyo", "Asia/Tokyo", "company", "2026-03-03T00:00"),
        ("", "Head office", "Asia/Ho_Chi_Minh", "account", "2026-03-02T03:00"),
        ("", 7, "Asia/Ho_Chi_Minh", "account", "2026-03-02T03:00"),
        ("", None, "Asia/Ho_Chi_Minh", "account", "2026-03-02T03:00"),
    ],
)
def test_the_companys_clock_is_asked_where_the_contacts_is_not_known(
    world: World, own: str, company: object, zone: str, source: str, opens: str
) -> None:
    ana = world.add("ana")
    set_zones(world, ana, own, company)
    world.place()
    found = week(world, ana)
    assert (found.clock.zone.key, found.clock.source) == (zone, source)
    at = datetime.fromisoformat(f"{opens}:00+00:00")
    assert foretold(found)[0] == (at, "hello")
    assert happened(world, ana, 2)[0] == (at, "hello")
