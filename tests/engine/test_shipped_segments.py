"""The segments that ship, walked in the real engine: who comes in, what begins, what ends it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.contact import Occurrence
from nurture.engine.explain import explain
from nurture.engine.publish import apply
from nurture.engine.record import record, score_again
from nurture.engine.segment_building import turn
from nurture.engine.segment_reports import around, segments
from nurture.store import tables
from nurture.store.ledger import NewEvent
from tests.engine.sequence_world import NOW, World
from tests.fixtures.places import ROOT

C, E, S = tables.Contact, tables.Enrollment, tables.Send
DAY = timedelta(days=1)


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    """Three customers and a marketing qualified contact, then everything that ships."""
    campaigns, templates = ROOT / "campaigns", ROOT / "templates" / "email"
    made = World(replace(settings, campaigns=campaigns, templates=templates), database_url)
    customers = made.add_contacts(3, "customer")
    made.add_contacts(1, "mql", first=4)
    date(made, customers[0], NOW + 40 * DAY)
    date(made, customers[1], NOW + 40 * DAY)
    apply(made.deps, "test", NOW)
    yield made
    made.close()


def date(world: World, contact_id: int, renewal: datetime) -> None:
    with world.deps.database.begin() as tx:
        fields = {"renewal_date": renewal.date().isoformat()}
        tx.execute(sa.update(C).where(C.id == contact_id).values(fields=fields))


def pass_days(world: World, days: int) -> None:
    for _ in range(days):
        world.clock.moment += DAY
        while turn(world.deps, world.clock.now()):
            pass
        world.work()


def runs(world: World) -> list[tuple[int, str, str]]:
    """(contact, state, why it ended) of every run of the reminder."""
    sequence = sa.select(tables.Sequence.id).where(tables.Sequence.key == "renewal-reminder")
    statement = sa.select(E.contact_id, E.state, E.end_reason).order_by(E.contact_id)
    return [tuple(row) for row in world.rows(statement.where(E.sequence_id.in_(sequence)))]


def test_a_renewal_that_comes_near_begins_the_reminder_and_a_new_date_ends_it(
    world: World,
) -> None:
    one, two, undated, _ = world.column(sa.select(C.id).order_by(C.id))
    pass_days(world, 9)
    assert runs(world) == []
    pass_days(world, 3)
    assert [who for who, _, ended in runs(world) if not ended] == [one, two]
    beside = around(world.deps, "renewal-soon", world.clock.now())
    assert (beside.entered, beside.left) == (2, 0)
    assert {turned.contact_id for turned in beside.turns} == {one, two}
    # What is told of the days to come rests on the segment, too.
    assert explain(world.deps, one, world.clock.now()).contact.segments == {"renewal-soon"}
    # The second renews at once: the date moves, and with it the contact out of the segment.
    date(world, two, NOW + 400 * DAY)
    score_again(world.deps, [two], world.clock.now())
    pass_days(world, 4)
    (kept, renewed) = runs(world)
    assert renewed == (two, "exited", "renewed or over")
    assert kept[:2] == (one, "awaiting")
    wrote = sa.select(S.contact_id).where(S.step == "renewal", S.status == "accepted")
    assert one in world.column(wrote)
    assert undated not in world.column(wrote)


def test_a_look_at_the_price_is_seen_until_a_purchase_or_two_weeks(world: World) -> None:
    *_, mql = world.column(sa.select(C.id).order_by(C.id))

    def happen(name: str, **properties: str) -> None:
        now = world.clock.now()
        done = Occurrence(name, now, dict(properties), dedupe_key=f"{name}:{now}")
        record(world.deps, [NewEvent(mql, done, "api")], now)

    def watching() -> int:
        return next(one.members for one in segments(world.deps) if one.key == "price-watchers")

    happen("visit", url="https://lotusdesk.example.com/pricing?from=mail")
    assert watching() == 1
    pass_days(world, 13)
    assert watching() == 1
    pass_days(world, 1)
    assert watching() == 0
    happen("visit", url="https://lotusdesk.example.com/pricing")
    assert watching() == 1
    happen("purchase", order_id="1")
    assert watching() == 0
