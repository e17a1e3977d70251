"""A run that no rule can be applied to keeps nobody from being heard: not its contact, not others.

Without this one broken row would stop every complaint, unsubscription and click after it.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.contact import Occurrence
from nurture.engine.hits import record_hits, settle_hits
from nurture.engine.record import record
from nurture.engine.suppress import unsubscribe
from nurture.engine.webhooks import accept, settle_webhooks
from nurture.providers.base import EventKind, Outcome, ProviderEvent
from nurture.store import tables
from nurture.store.ledger import NewEvent
from tests.engine.hit_world import HitWorld

E = tables.Enrollment


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[HitWorld]:
    """Three contacts who were sent an email an hour ago; the run of the first is broken."""
    made = HitWorld(settings, database_url, tmp_path, contacts=3)
    made.after(timedelta(hours=1))
    poison(made, made.contacts[:1])
    yield made
    made.close()


def poison(world: HitWorld, contacts: Sequence[int]) -> None:
    """Give the runs of these contacts a time that no rule can read."""
    world.change(sa.update(E).where(E.contact_id.in_(contacts)).values(accepted={"hello": "soon"}))


def states(world: HitWorld) -> list[str]:
    return world.column(sa.select(E.state).order_by(E.contact_id))


def tell(world: HitWorld, kind: EventKind) -> int:
    now = world.clock.now()
    events = [
        ProviderEvent("carrier", f"{kind}:{send}", kind, now, send_id=send) for send in world.sends
    ]
    accept(world.deps, "carrier", events, now)
    return settle_webhooks(world.deps, now)


def test_whoever_unsubscribes_is_heard_though_their_run_is_broken(world: HitWorld) -> None:
    assert unsubscribe(world.deps, world.send, world.clock.now()) == "marketing"
    assert world.suppressions() == [("marketing", "unsubscribed", "recipient")]
    assert states(world) == ["failed", "awaiting", "awaiting"]
    # Once more is no error and changes nothing.
    unsubscribe(world.deps, world.send, world.clock.now())
    assert len(world.suppressions()) == 1


def test_a_complaint_is_heard_whoever_complained_beside_it(world: HitWorld) -> None:
    assert tell(world, EventKind.COMPLAINED) == 3
    assert world.suppressions() == [("global", "complaint", "carrier")] * 3
    assert states(world) == ["failed", "exited", "exited"]
    assert settle_webhooks(world.deps, world.clock.now()) == 0


def test_clicks_are_judged_beside_those_of_a_broken_run(world: HitWorld) -> None:
    now = world.clock.now()
    record_hits(world.deps, [world.hit("click", send=send) for send in world.sends], now)
    world.after(timedelta(hours=1))
    assert settle_hits(world.deps, world.clock.now()) == 3
    assert world.column(sa.select(tables.Hit.verdict)) == ["human"] * 3
    assert states(world)[0] == "failed"


def test_what_a_site_tells_of_many_is_taken_though_one_run_is_broken(world: HitWorld) -> None:
    now = world.clock.now()
    events = [
        NewEvent(contact, Occurrence("visit", now, dedupe_key=f"api:{contact}"), "api")
        for contact in world.contacts
    ]
    assert record(world.deps, events, now) == 3
    assert states(world) == ["failed", "awaiting", "awaiting"]


def test_when_every_run_of_many_raises_none_is_failed_and_the_telling_waits(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    world = HitWorld(settings, database_url, tmp_path, contacts=6)
    world.after(timedelta(hours=1))
    poison(world, world.contacts)
    with pytest.raises(ValueError, match="soon"):
        tell(world, EventKind.COMPLAINED)
    assert "failed" not in states(world)
    world.change(sa.update(E).values(accepted={}))
    assert settle_webhooks(world.deps, world.clock.now()) == 6
    world.close()


@pytest.mark.parametrize(
    ("kind", "status"), [(EventKind.DELIVERED, "accepted"), (EventKind.FAILED, "failed")]
)
def test_an_uncertain_send_of_a_broken_run_is_settled_by_its_provider(
    settings: Settings, database_url: str, tmp_path: Path, kind: EventKind, status: str
) -> None:
    world = HitWorld(settings, database_url, tmp_path, contacts=2, outcome=Outcome.UNCERTAIN)
    world.after(timedelta(hours=1))
    poison(world, world.contacts[:1])
    assert tell(world, kind) == 2
    assert world.column(sa.select(tables.Send.status)) == [status] * 2
    assert states(world) == ["failed", "awaiting"]
    world.close()
