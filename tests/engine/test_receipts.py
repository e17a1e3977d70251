"""What follows from each answer of a provider."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.claiming import claim
from nurture.engine.deliver import hand_over
from nurture.engine.receipts import FIRST_DELAY, LONGEST_DELAY, SOFT_TRIES, back_off
from nurture.engine.reconcile import decide_uncertain, recover
from nurture.engine.suppress import lift
from nurture.errors import NotFound
from nurture.providers.base import Outcome
from nurture.store import operations, tables
from nurture.store.operations import Health
from tests.engine.scripted_post import (
    ACCEPT,
    HARD,
    LATER,
    POLICY,
    SENDER,
    SOFT,
    UNCERTAIN,
    Reply,
)  # fmt: skip
from tests.engine.world import DAY, HOUR, MINUTE, NOW, C, S, World, opened, sequence

ANA = "ana@example.com"


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def health(world: World) -> Health | None:
    with world.deps.database.read() as tx:
        return operations.provider_health(tx, world.post.name)


def bounces(world: World) -> list[str]:
    t = tables.Event
    found = world.column(sa.select(t.properties).where(t.name == "bounce").order_by(t.id))
    return [properties["kind"] for properties in found]


def test_waiting_doubles_up_to_the_longest() -> None:
    assert back_off(1) == FIRST_DELAY
    assert back_off(3) == FIRST_DELAY * 4
    assert back_off(60) == back_off(0x7FFFFFFF) == LONGEST_DELAY
    assert back_off(0) == FIRST_DELAY


def test_a_dead_address_is_suppressed_everywhere_and_never_mailed_again(world: World) -> None:
    ana = world.enroll("ana")
    world.happen(ana, "cart_updated", cart_id="7")
    world.post.script[ANA] = [HARD]
    world.drive(NOW + 30 * DAY)
    assert world.mailed("ana") == []
    assert world.sends(ana) == [("hello", "refused", "hard bounce")]
    assert world.scopes(ana) == [("global", "hard bounce", "scripted")]
    assert [state for _, state, _ in world.states(ana)] == ["exited", "exited"]
    assert bounces(world) == ["hard"]
    assert world.column(sa.select(S.bounced_at)) == [NOW]
    world.assert_sound()


def test_a_suppression_of_the_providers_own_is_mirrored_as_such(world: World) -> None:
    ana = world.enroll("ana")
    world.post.script[ANA] = [Reply(Outcome.HARD, 406, "inactive recipient", mirrored=True)]
    world.work()
    assert world.scopes(ana) == [("global", "hard bounce", "provider:scripted")]


def test_a_soft_refusal_is_tried_again_later_each_time_and_then_accepted(world: World) -> None:
    ana = world.enroll("ana")
    world.post.script[ANA] = [SOFT, SOFT, ACCEPT]
    world.work()
    assert world.sends(ana) == [("hello", "queued", "deferred")]
    assert world.column(sa.select(S.not_before)) == [NOW + back_off(1)]
    world.drive(NOW + back_off(1))
    assert world.column(sa.select(S.not_before)) == [NOW + back_off(1) + back_off(2)]
    world.drive(NOW + HOUR)
    assert world.mailed("ana") == ["hello"]
    assert world.column(sa.select(C.soft_bounces)) == [0]
    assert bounces(world) == []
    world.assert_sound()


def test_a_mailbox_that_stays_full_is_one_soft_bounce_and_the_run_goes_on(world: World) -> None:
    ana = world.enroll("ana")
    world.post.script[ANA] = [SOFT] * SOFT_TRIES
    world.drive(NOW + DAY)
    assert world.sends(ana) == [("hello", "refused", "soft bounce")]
    assert world.states(ana) == [("welcome", "waiting", "pause")]
    assert bounces(world) == ["soft"]
    assert world.column(sa.select(C.soft_bounces)) == [1]
    assert world.scopes(ana) == []
    world.drive(NOW + 30 * DAY)
    assert world.mailed("ana") == ["again"], "a wait for an answer to what never came is over"


def test_five_soft_bounced_sends_in_a_row_suppress_the_address(
    settings: Settings, database_url: str
) -> None:
    names = ["hello", "thanks", "again", "case", "offer", "basket"]
    steps = [{"key": name, "email": name} for name in names]
    with opened(settings, database_url) as world:
        world.publish(sequence("welcome", steps, stage="lead"))
        ana = world.enroll("ana")
        world.post.script[ANA] = [SOFT] * (SOFT_TRIES * 6)
        world.drive(NOW + 5 * DAY)
        statuses = [status for _, status, _ in world.sends(ana)]
        assert statuses == ["refused"] * 5
        assert world.scopes(ana) == [("global", "soft bounces", "rules")]
        assert world.mailed("ana") == []
        world.assert_sound()


def test_a_refusal_for_policy_neither_suppresses_nor_counts(world: World) -> None:
    ana = world.enroll("ana")
    world.post.script[ANA] = [POLICY]
    world.work()
    assert world.sends(ana) == [("hello", "refused", "policy")]
    assert world.states(ana) == [("welcome", "waiting", "pause")]
    assert world.scopes(ana) == []
    assert world.column(sa.select(C.soft_bounces)) == [0]
    assert bounces(world) == ["policy"]


def test_a_fault_of_ours_pauses_the_sender_and_loses_nothing(world: World) -> None:
    ana, bo = world.enroll("ana"), world.enroll("bo")
    world.post.always = SENDER
    world.drive(NOW + DAY)
    found = health(world)
    assert found is not None
    assert (found.state, found.detail) == ("paused", "550  5.7.26 not authenticated")
    assert world.scopes(ana) == world.scopes(bo) == []
    assert world.column(sa.select(S.status)) == ["queued", "queued"]
    assert world.column(sa.select(S.attempts)) == [0, 0]
    world.post.always = None
    world.drive(NOW + 2 * DAY)
    assert world.post.mailed == [], "only a person ends the pause"
    with world.deps.database.begin() as tx:
        operations.set_provider_health(tx, world.post.name, Health("ok"), world.now)
    world.work()
    assert sorted(world.post.mailed) == [(ANA, "hello"), ("bo@example.com", "hello")]
    world.assert_sound()


def test_a_paused_sender_is_not_started_again_by_a_connection_that_fails(world: World) -> None:
    world.enroll("ana")
    (batch,) = world.column(sa.select(tables.Batch.id))
    bag = world.do(lambda work: claim(work, world.deps, "w2", batch))
    paused = Health("paused", 1, None, "not authenticated")
    with world.deps.database.begin() as tx:
        operations.set_provider_health(tx, world.post.name, paused, world.now)
    world.post.script[ANA] = [LATER]
    hand_over(world.courier("w2"), bag)
    assert health(world) == paused


def test_a_provider_that_is_away_is_tried_again_with_patience_until_it_is_back(
    world: World,
) -> None:
    ana = world.enroll("ana")
    world.post.always = LATER
    world.work()
    found = health(world)
    assert found is not None
    assert (found.state, found.failures, found.until) == ("down", 1, NOW + back_off(1))
    world.drive(NOW + HOUR)
    found = health(world)
    assert found is not None
    assert found.failures > 2
    assert world.column(sa.select(S.attempts)) == [0], "nothing was tried that could count"
    world.post.always = None
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["hello"]
    found = health(world)
    assert found is not None
    assert found.state == "ok"
    assert world.states(ana) == [("welcome", "waiting", "pause")]
    world.assert_sound()


def test_while_a_provider_is_away_nothing_is_claimed_for_it(world: World) -> None:
    world.enroll("ana")
    world.post.always = LATER
    world.work()
    world.enroll("bo")
    places = world.post.places
    world.deliver()
    assert world.post.places == places
    world.clock.moment = NOW + MINUTE
    world.deliver()
    assert world.post.places == places


def test_an_uncertain_send_waits_for_a_word_and_is_never_sent_again(world: World) -> None:
    ana = world.enroll("ana")
    world.post.script[ANA] = [UNCERTAIN]
    world.drive(NOW + 20 * DAY)
    assert world.sends(ana) == [("hello", "uncertain", "handed over, no answer")]
    assert world.states(ana) == [("welcome", "sending", "hello")]
    assert world.mailed("ana") == ["hello"]
    examined = world.examine()
    assert [finding.code for finding in examined.findings] == ["uncertain"]
    assert examined.violations == ()


@pytest.mark.parametrize("arrived", [True, False])
def test_the_word_on_an_uncertain_send_lets_the_run_go_on(world: World, arrived: bool) -> None:
    ana = world.enroll("ana")
    world.post.script[ANA] = [UNCERTAIN]
    world.work()
    (send_id,) = world.column(sa.select(S.id))
    world.clock.moment = NOW + HOUR
    for _ in range(2):
        decide_uncertain(world.deps, send_id, arrived, world.now)
    ((_, status, _),) = world.sends(ana)
    assert status == ("accepted" if arrived else "failed")
    assert world.states(ana) == [("welcome", "waiting", "pause")]
    received = world.column(sa.select(tables.Received.content))
    assert received == (["hello"] if arrived else [])
    world.drive(NOW + 30 * DAY)
    assert world.mailed("ana") == ["hello", "again"]
    world.assert_sound()


def test_a_word_on_a_send_that_nobody_doubts_changes_nothing(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    (send_id,) = world.column(sa.select(S.id))
    decide_uncertain(world.deps, send_id, False, world.now)
    assert world.sends(ana) == [("hello", "accepted", "")]


def test_a_receipt_of_a_worker_that_lost_its_claim_does_not_undo_what_was_settled(
    world: World,
) -> None:
    ana = world.enroll("ana")
    (batch,) = world.column(sa.select(tables.Batch.id))
    bag = world.do(lambda work: claim(work, world.deps, "slow", batch))
    recover(world.deps, "slow", world.now)
    world.work("w2")
    assert world.sends(ana) == [("hello", "accepted", "")]
    world.post.script[ANA] = [SOFT]
    hand_over(world.courier("slow"), bag)
    assert world.sends(ana) == [("hello", "accepted", "")]
    assert world.states(ana) == [("welcome", "waiting", "pause")]


def test_only_a_person_lifts_a_suppression_and_leaves_a_line(world: World) -> None:
    ana = world.enroll("ana")
    world.post.script[ANA] = [HARD]
    world.work()
    (key,) = world.column(sa.select(tables.Suppression.id))
    lift(world.deps, key, "lan", "typing error at the server", world.now)
    assert world.scopes(ana) == []
    with pytest.raises(NotFound):
        lift(world.deps, key, "lan", "again", world.now)
    lines = world.rows(sa.select(tables.Audit.by, tables.Audit.what, tables.Audit.data))
    assert lines == [("lan", "lift suppression", {"why": "typing error at the server"})]
    world.clock.moment += timedelta(hours=1)
    world.place()
    world.work()
    assert world.mailed("ana") == ["hello"]
    assert not world.examine().violations
