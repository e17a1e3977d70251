"""What the pages about sequences count, on both databases."""

from datetime import timedelta

import sqlalchemy as sa

from nurture.domain.contact import Occurrence, Verdict
from nurture.engine.publish import place_contacts
from nurture.engine.record import record
from nurture.store import bulk, sequence_reports, tables
from nurture.store.ledger import NewEvent
from nurture.store.sequence_reports import Reading
from tests.engine.sequence_world import NOW, World


def walk(world: World, count: int) -> int:
    """Mail the first email to `count` leads; return the sequence's id."""
    world.add_contacts(count, "lead")
    place_contacts(world.deps, NOW)
    world.work()
    (found,) = world.column(sa.select(tables.Sequence.id).filter_by(key="welcome"))
    return int(found)


def event(world: World, send: sa.Row[tuple[int, int]], name: str, verdict: Verdict) -> None:
    key = f"{name}:{send.id}:{verdict}"
    occurrence = Occurrence(name, NOW, {"step": "hello"}, verdict, dedupe_key=key)
    record(world.deps, [NewEvent(send.contact_id, occurrence, "tracking", send.id)], NOW)


def test_people_are_counted_once_and_machines_only_as_traces(world: World) -> None:
    sequence_id = walk(world, 4)
    sends = world.rows(sa.select(tables.Send.id, tables.Send.contact_id).order_by(tables.Send.id))
    event(world, sends[0], "open", Verdict.HUMAN)
    event(world, sends[0], "open", Verdict.MACHINE)
    event(world, sends[0], "click", Verdict.HUMAN)
    event(world, sends[1], "open", Verdict.MACHINE)
    with world.deps.database.begin() as tx:
        bulk.insert(
            tx,
            tables.Hit,
            [
                {
                    "hit_key": f"h{n}", "send_id": sends[place].id, "kind": "open", "at": NOW,
                    "method": "GET", "headers": {}, "reasons": [], "link_index": 0, "ip": "",
                    "user_agent": "", "verdict": "", "classifier": 0,
                }
                for n, place in enumerate((0, 0, 2))
            ],
        )  # fmt: skip
    with world.deps.database.read() as tx:
        by_step = sequence_reports.step_reading(tx, sequence_id)
        recent = sequence_reports.reading(tx, NOW - timedelta(days=30))
        later = sequence_reports.reading(tx, NOW + timedelta(days=1))
    expected = Reading(accepted=4, opened=1, opened_raw=3, clicked=1, clicked_raw=1)
    assert by_step == {"hello": expected}
    assert recent == {sequence_id: expected}
    assert later == {}
    # Two of the four were opened by machines alone: whether a person read, nobody knows.
    assert (expected.measurable, expected.open_rate, expected.click_rate) == (2, 0.5, 0.25)
    assert (Reading().open_rate, Reading().click_rate) == (None, None)


def test_contacts_are_counted_where_they_stand_and_in_which_version(world: World) -> None:
    sequence_id = walk(world, 3)
    with world.deps.database.read() as tx:
        assert sequence_reports.places(tx, sequence_id) == {"pause": {"waiting": 3}}
        assert sequence_reports.live_counts(tx) == {sequence_id: 3}
        (version,) = sequence_reports.versions(tx, sequence_id)
        assert (version.number, version.published_by, version.live) == (1, "test", 3)
        (one,) = sequence_reports.sequences(tx, "welcome")
        assert one.version_id is not None
        subjects = sequence_reports.email_subjects(tx, one.version_id)
    assert subjects["hello"]["vi"].startswith("hello vi")


def test_how_runs_ended_is_counted_by_reason(world: World) -> None:
    sequence_id = walk(world, 3)
    t = tables.Enrollment
    with world.deps.database.begin() as tx:
        some = sa.select(t.id).order_by(t.id).limit(2).scalar_subquery()
        tx.execute(
            sa.update(t)
            .where(t.id.in_(some))
            .values(state="exited", end_reason="unsubscribed", ended_at=NOW, wake_at=None)
        )
    with world.deps.database.read() as tx:
        assert sequence_reports.endings(tx, sequence_id) == [("exited", "unsubscribed", 2)]
        assert sequence_reports.live_counts(tx) == {sequence_id: 1}
