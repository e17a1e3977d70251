"""What providers tell, in any order and as often as they like, on both databases."""

import itertools
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.webhooks import accept, settle_webhooks
from nurture.providers.base import BounceClass, EventKind, Outcome, ProviderEvent
from nurture.store import tables
from tests.engine.hit_world import BROWSER, PRICE, START, HitWorld

W = tables.WebhookEvent
HOUR = timedelta(hours=1)
_numbers = itertools.count(1)


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[HitWorld]:
    made = HitWorld(settings, database_url, tmp_path)
    made.after(HOUR)
    yield made
    made.close()


def event(
    world: HitWorld, kind: EventKind, *, bounce: BounceClass | None = None, send: int | None = -1,
    number: str = "", at: datetime | None = None, key: str = "", machine: bool | None = None,
    url: str = "", ua: str = "", recipient: str = "", raw: str = "",
) -> ProviderEvent:  # fmt: skip
    return ProviderEvent(
        provider="carrier", dedupe_key=key or f"k{next(_numbers)}", kind=kind,
        occurred_at=at or world.clock.now(), send_id=world.send if send == -1 else send,
        provider_message_id=number, recipient=recipient, bounce=bounce, machine=machine, url=url,
        user_agent=ua, ip="203.0.113.7" if ua else "", raw_kind=raw,
    )  # fmt: skip


def tell(world: HitWorld, *events: ProviderEvent) -> int:
    """Accept the events and settle what can be settled."""
    accept(world.deps, "carrier", events, world.clock.now())
    return settle_webhooks(world.deps, world.clock.now())


def outcomes(world: HitWorld) -> list[str]:
    return world.column(sa.select(W.outcome).order_by(W.id))


def soft_bounces(world: HitWorld) -> int:
    count: int = world.one(sa.select(tables.Contact.soft_bounces))
    return count


def test_accepting_works_nothing_inline(world: HitWorld) -> None:
    hard = event(world, EventKind.BOUNCED, bounce=BounceClass.HARD)
    assert accept(world.deps, "carrier", [hard], world.clock.now()) == 1
    assert world.suppressions() == []
    assert world.run_state() == "awaiting"


def test_a_repetition_is_stored_once_and_loses_nothing_beside_it(world: HitWorld) -> None:
    one = event(world, EventKind.DELIVERED, key="same")
    other = event(world, EventKind.OPENED)
    assert accept(world.deps, "carrier", [one], world.clock.now()) == 1
    assert accept(world.deps, "carrier", [one, other, one], world.clock.now()) == 1


def test_unknown_words_are_stored_and_counted_and_never_acted_upon(
    world: HitWorld, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert tell(world, event(world, EventKind.UNKNOWN, raw="Levitated")) == 0
    assert outcomes(world) == ["unknown"]
    assert "Levitated" in caplog.text
    assert world.events() == []


def test_text_that_databases_refuse_never_loses_the_rest(world: HitWorld) -> None:
    odd = event(world, EventKind.UNKNOWN, raw="a\0\ud800", url="x\0", ua="\udfff")
    assert accept(world.deps, "carrier", [odd, event(world, EventKind.DELIVERED)], START) == 2


def test_a_delivery_is_noted_once_and_ends_the_row_of_soft_bounces(world: HitWorld) -> None:
    world.change(sa.update(tables.Contact).values(soft_bounces=3))
    first = event(world, EventKind.DELIVERED, at=START + timedelta(minutes=1))
    tell(world, first, event(world, EventKind.DELIVERED))
    assert world.sent("delivered_at") == START + timedelta(minutes=1)
    assert world.events() == [("delivered", "human")]
    assert soft_bounces(world) == 0


def test_a_hard_bounce_suppresses_the_address_and_ends_the_run(world: HitWorld) -> None:
    tell(world, event(world, EventKind.BOUNCED, bounce=BounceClass.HARD))
    assert world.suppressions() == [("global", "hard bounce", "carrier")]
    assert world.run_state() == "exited"
    assert world.sent("bounced_at") is not None
    assert world.events() == [("bounce", "human")]


def test_a_late_delivery_lifts_nothing(world: HitWorld) -> None:
    tell(world, event(world, EventKind.BOUNCED, bounce=BounceClass.HARD))
    tell(world, event(world, EventKind.DELIVERED))
    assert world.suppressions() == [("global", "hard bounce", "carrier")]
    assert world.run_state() == "exited"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
def test_the_order_of_telling_does_not_matter(
    world: HitWorld, order: tuple[int, ...], together: bool
) -> None:
    facts = [
        event(world, EventKind.DELIVERED, at=START + timedelta(minutes=1)),
        event(world, EventKind.BOUNCED, bounce=BounceClass.SOFT, at=START + timedelta(minutes=5)),
        event(world, EventKind.COMPLAINED, at=START + timedelta(minutes=3)),
    ]
    shuffled = [facts[place] for place in order]
    if together:
        tell(world, *shuffled)
    else:
        for one in shuffled:
            tell(world, one)
    assert world.sent("delivered_at") == START + timedelta(minutes=1)
    assert world.sent("bounced_at") == START + timedelta(minutes=5)
    assert world.sent("complained_at") == START + timedelta(minutes=3)
    assert soft_bounces(world) == 1
    assert world.suppressions() == [("global", "complaint", "carrier")]
    assert sorted(world.events()) == [
        ("bounce", "human"), ("complaint", "human"), ("delivered", "human"),
    ]  # fmt: skip


def test_a_soft_bounce_older_than_the_last_delivery_is_not_counted(world: HitWorld) -> None:
    tell(world, event(world, EventKind.DELIVERED, at=START + timedelta(minutes=9)))
    tell(
        world,
        event(world, EventKind.BOUNCED, bounce=BounceClass.SOFT, at=START + timedelta(minutes=2)),
    )
    assert soft_bounces(world) == 0


def test_soft_bounces_are_counted_by_sends_and_the_fifth_suppresses(world: HitWorld) -> None:
    soft = BounceClass.SOFT
    tell(world, event(world, EventKind.BOUNCED, bounce=soft))
    tell(world, event(world, EventKind.BOUNCED, bounce=soft))
    assert soft_bounces(world) == 1
    assert world.suppressions() == []
    world.change(sa.update(tables.Contact).values(soft_bounces=4))
    world.change(sa.update(tables.Send).values(bounced_at=None))
    tell(world, event(world, EventKind.BOUNCED, bounce=soft))
    assert world.suppressions() == [("global", "soft bounces", "rules")]


@pytest.mark.parametrize(
    "bounce", [BounceClass.POLICY, BounceClass.BLOCK, BounceClass.CONTENT, BounceClass.UNDETERMINED]
)
def test_a_refusal_by_policy_speaks_against_nobody(world: HitWorld, bounce: BounceClass) -> None:
    tell(world, event(world, EventKind.BOUNCED, bounce=bounce))
    assert world.suppressions() == []
    assert soft_bounces(world) == 0
    assert world.one(sa.select(tables.Event.properties))["kind"] == "policy"


def test_a_fault_of_ours_pauses_the_provider_and_suppresses_nobody(world: HitWorld) -> None:
    tell(world, event(world, EventKind.BOUNCED, bounce=BounceClass.SENDER))
    assert world.one(sa.select(tables.ProviderState.state)) == "paused"
    assert world.suppressions() == []


def test_a_complaint_suppresses_everywhere_and_at_once(world: HitWorld) -> None:
    tell(world, event(world, EventKind.COMPLAINED))
    assert world.suppressions() == [("global", "complaint", "carrier")]
    assert world.run_state() == "exited"


def test_an_unsubscription_at_the_provider_withdraws_the_topic(world: HitWorld) -> None:
    tell(world, event(world, EventKind.UNSUBSCRIBED))
    assert world.suppressions() == [("marketing", "unsubscribed", "provider:carrier")]
    assert world.one(sa.select(tables.Contact.consents)) == {"marketing": False}
    assert world.events() == [("unsubscribe", "human")]


def test_a_list_of_the_providers_is_mirrored_and_counts_as_no_bounce(world: HitWorld) -> None:
    tell(world, event(world, EventKind.REJECTED))
    assert world.suppressions() == [("global", "provider list", "provider:carrier")]
    assert world.sent("bounced_at") is None
    assert world.events() == []


def test_a_lifting_at_the_provider_lifts_nothing_here(world: HitWorld) -> None:
    tell(world, event(world, EventKind.REJECTED))
    tell(world, event(world, EventKind.RESUBSCRIBED))
    assert len(world.suppressions()) == 1
    assert outcomes(world) == ["suppressed", "noted"]


def test_clicks_that_a_provider_counts_score_once_with_our_own(world: HitWorld) -> None:
    click = event(world, EventKind.CLICKED, url=PRICE, ua=BROWSER)
    tell(world, click, event(world, EventKind.CLICKED, url=PRICE, ua=BROWSER))
    assert world.events() == [("click", "human")]
    assert world.engagement() == pytest.approx(5, abs=0.05)
    assert world.stage() == "mql"


@pytest.mark.parametrize(
    ("machine", "ua", "verdict"),
    [
        (True, BROWSER, "machine"),
        (None, "Barracuda Sentinel (EE)", "machine"),
        (False, BROWSER, "human"),
        (None, "Mozilla/5.0", "unknown"),
    ],
)
def test_opens_that_a_provider_counts_are_judged(
    world: HitWorld, machine: bool | None, ua: str, verdict: str
) -> None:
    tell(world, event(world, EventKind.OPENED, machine=machine, ua=ua))
    assert world.events() == [("open", verdict)]
    assert world.engagement() == pytest.approx(1 if verdict == "human" else 0, abs=0.05)


def test_an_email_is_known_by_the_providers_number(world: HitWorld) -> None:
    number = f"m{world.send}"
    assert tell(world, event(world, EventKind.COMPLAINED, send=None, number=number)) == 1
    assert world.suppressions() == [("global", "complaint", "carrier")]


def test_an_email_is_known_by_our_own_message_id(world: HitWorld) -> None:
    identifier = world.deps.tokens.seal_address(0, world.send)
    number = f"<{identifier}@lotus.example.com>"
    assert tell(world, event(world, EventKind.DELIVERED, send=None, number=number)) == 1
    assert world.sent("delivered_at") is not None


def test_our_own_number_goes_before_the_providers(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    world = HitWorld(settings, database_url, tmp_path, contacts=2)
    first, second = world.sends
    tell(world, event(world, EventKind.DELIVERED, send=first, number=f"m{second}"))
    assert world.sent("delivered_at", first) is not None
    assert world.sent("delivered_at", second) is None
    world.close()


def test_what_names_no_email_of_ours_waits_an_hour_and_is_closed(world: HitWorld) -> None:
    assert tell(world, event(world, EventKind.DELIVERED, send=999, number="strange")) == 0
    assert outcomes(world) == [""]
    assert settle_webhooks(world.deps, world.after(HOUR)) == 1
    assert outcomes(world) == ["unmatched"]


def test_strange_events_do_not_stand_before_ours(world: HitWorld) -> None:
    strange = [event(world, EventKind.DELIVERED, send=999) for _ in range(20)]
    accept(world.deps, "carrier", strange, world.clock.now())
    accept(world.deps, "carrier", [event(world, EventKind.DELIVERED)], world.clock.now())
    assert settle_webhooks(world.deps, world.clock.now(), limit=5) == 1


def test_a_complaint_about_no_known_email_still_counts_for_its_address(world: HitWorld) -> None:
    tell(world, event(world, EventKind.COMPLAINED, send=None, recipient="P1@example.com"))
    settle_webhooks(world.deps, world.after(HOUR))
    assert world.suppressions() == [("global", "complaint", "provider:carrier")]
    assert outcomes(world) == ["suppressed without a send"]


def test_an_event_that_overtakes_its_receipt_waits_for_it(world: HitWorld) -> None:
    world.change(sa.update(tables.Send).values(status="claimed"))
    assert tell(world, event(world, EventKind.DELIVERED)) == 0
    world.change(sa.update(tables.Send).values(status="accepted"))
    assert settle_webhooks(world.deps, world.clock.now()) == 1


@pytest.fixture
def doubt(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[HitWorld]:
    """A world whose send was handed over without an answer."""
    made = HitWorld(settings, database_url, tmp_path, outcome=Outcome.UNCERTAIN)
    made.after(timedelta(minutes=5))
    assert made.sent("status") == "uncertain"
    yield made
    made.close()


@pytest.mark.parametrize("kind", [EventKind.DELIVERED, EventKind.OPENED, EventKind.UNSUBSCRIBED])
def test_a_sign_of_arrival_settles_an_uncertain_send(doubt: HitWorld, kind: EventKind) -> None:
    assert tell(doubt, event(doubt, kind, ua=BROWSER)) == 1
    assert doubt.sent("status") == "accepted"
    if kind is not EventKind.UNSUBSCRIBED:
        assert doubt.run_state() == "awaiting"


def test_a_bounce_settles_an_uncertain_send_as_not_arrived(doubt: HitWorld) -> None:
    tell(doubt, event(doubt, EventKind.BOUNCED, bounce=BounceClass.HARD))
    assert doubt.sent("status") == "failed"
    assert doubt.suppressions() == [("global", "hard bounce", "carrier")]


def test_settling_twice_changes_nothing(world: HitWorld) -> None:
    tell(world, event(world, EventKind.BOUNCED, bounce=BounceClass.SOFT))
    assert settle_webhooks(world.deps, world.clock.now()) == 0
    world.change(sa.update(W).values(settled_at=None, outcome=""))
    assert settle_webhooks(world.deps, world.clock.now()) == 1
    assert soft_bounces(world) == 1
    assert world.events() == [("bounce", "human")]


def test_a_time_of_the_future_is_no_later_than_now(world: HitWorld) -> None:
    tell(world, event(world, EventKind.DELIVERED, at=START + timedelta(days=400)))
    assert world.sent("delivered_at") == world.clock.now()
