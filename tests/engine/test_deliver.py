"""Delivering: what is looked at when a send is claimed, and what leaves."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.claiming import claim
from nurture.engine.deliver import deliver, hand_over
from nurture.engine.reconcile import decide_uncertain
from nurture.engine.suppress import suppress, unsubscribe
from nurture.store import published, tables
from nurture.store.suppressions import NewSuppression
from tests.engine.scripted_post import LATER, UNCERTAIN
from tests.engine.world import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    WELCOME,
    E,
    S,
    World,
    email,
    opened,
    sequence,
)  # fmt: skip


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def suppress_globally(world: World, contact_id: int, reason: str = "manual") -> None:
    world.do(lambda work: suppress(work, [NewSuppression(contact_id, "global", reason, "test")]))


def test_a_due_email_is_sent_once_and_the_run_goes_on(world: World) -> None:
    ana = world.enroll("ana")
    assert world.states(ana) == [("welcome", "sending", "hello")]
    world.work()
    assert world.mailed("ana") == ["hello"]
    assert world.sends(ana) == [("hello", "accepted", "")]
    assert world.states(ana) == [("welcome", "waiting", "pause")]
    world.assert_sound()


def test_delivering_a_batch_again_sends_nothing(world: World) -> None:
    world.enroll("ana")
    world.work()
    (batch,) = world.column(sa.select(tables.Batch.id))
    assert deliver(world.courier(), batch) == 0
    assert deliver(world.courier("w2"), batch) == 0
    assert world.mailed("ana") == ["hello"]


def test_who_was_suppressed_while_the_send_was_queued_is_not_mailed(world: World) -> None:
    ana, bo = world.enroll("ana"), world.enroll("bo")
    suppress_globally(world, ana)
    world.work()
    assert world.post.mailed == [("bo@example.com", "hello")]
    assert world.sends(ana) == [("hello", "cancelled", "Withdrawn manual")]
    assert world.states(ana) == [("welcome", "exited", "hello")]
    assert world.states(bo) == [("welcome", "waiting", "pause")]


def test_a_suppression_that_ended_no_run_still_stops_the_claim(world: World) -> None:
    ana = world.enroll("ana")
    with world.deps.database.begin() as tx:
        # As an import of a suppression list writes it: the row alone.
        tx.execute(
            sa.insert(tables.Suppression).values(
                address_key="key-ana", scope="global", reason="list", source="import", at=NOW
            )
        )
    world.work()
    assert world.post.mailed == []
    assert world.sends(ana) == [("hello", "skipped", "suppressed")]
    assert world.states(ana) == [("welcome", "exited", "hello")]


def test_who_unsubscribed_from_an_earlier_email_gets_no_later_one(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    send_id = world.post.taken[0].send_id
    assert unsubscribe(world.deps, send_id, world.now) == "marketing"
    assert unsubscribe(world.deps, send_id, world.now) == "marketing"
    world.drive(NOW + 30 * DAY)
    assert world.mailed("ana") == ["hello"]
    assert [scope for scope, _, _ in world.scopes(ana)] == ["marketing"]
    consents = world.rows(sa.select(tables.Consent.granted).filter_by(contact_id=ana))
    assert consents == [(False,)]
    assert world.column(sa.select(tables.Event.name)) == ["unsubscribe"]
    world.assert_sound()


def test_who_never_consented_leaves_without_being_mailed(world: World) -> None:
    ana = world.add("ana", consents={})
    world.place()
    world.work()
    assert world.post.mailed == []
    assert world.states(ana) == [("welcome", "exited", "hello")]


def test_an_exit_rule_that_came_true_in_the_queue_stops_the_send(
    settings: Settings, database_url: str
) -> None:
    steps = [{"key": "hello", "email": "hello"}, {"key": "pause", "wait": "2d"}]
    leaving = sequence(
        "welcome", steps, stage="lead",
        exits=[{"when": {"field": "first_name", "is": "gone"}, "reason": "gone"}],
    )  # fmt: skip
    with opened(settings, database_url) as world:
        world.publish(leaving)
        ana = world.enroll("ana")
        assert world.states(ana) == [("welcome", "sending", "hello")]
        with world.deps.database.begin() as tx:
            tx.execute(sa.update(tables.Contact).values(fields={"first_name": "gone"}))
        world.work()
        assert world.post.mailed == []
        assert world.sends(ana) == [("hello", "skipped", "gone")]
        world.assert_sound()


def test_a_window_that_closed_meanwhile_holds_the_send_and_the_same_row_goes_later(
    settings: Settings, database_url: str
) -> None:
    daily = {**WELCOME, "window": {"from": "08:00", "to": "21:00"}}
    with opened(settings, database_url) as world:
        world.publish(daily)
        ana = world.enroll("ana")
        (send_id,) = world.column(sa.select(S.id))
        world.clock.moment = NOW + 13 * HOUR  # eleven at night there
        world.work()
        assert world.post.mailed == []
        assert world.sends(ana) == [("hello", "held", "window")]
        assert world.states(ana) == [("welcome", "holding", "hello")]
        world.drive(NOW + DAY)
        assert world.mailed("ana") == ["hello"]
        assert world.column(sa.select(S.id)) == [send_id]
        world.assert_sound()


def test_a_held_send_that_the_run_leaves_for_another_email_is_cancelled(
    settings: Settings, database_url: str
) -> None:
    steps: list[dict[str, Any]] = [
        {"key": "hello", "email": "hello"},
        {"key": "pause", "wait": "2d"},
        {"key": "came", "goal": {"event": "visit"}, "next": "thanks"},
        {"key": "thanks", "email": "thanks"},
    ]
    window = {"from": "08:00", "to": "21:00"}
    with opened(settings, database_url) as world:
        world.publish(sequence("welcome", steps, stage="lead", window=window))
        ana = world.enroll("ana")
        world.clock.moment = NOW + 13 * HOUR  # eleven at night there
        world.work()
        assert world.sends(ana) == [("hello", "held", "window")]
        world.happen(ana, "visit")
        assert world.states(ana) == [("welcome", "holding", "thanks")]
        assert world.sends(ana)[0][:2] == ("hello", "cancelled")
        world.drive(NOW + DAY)
        assert world.mailed("ana") == ["thanks"]
        world.assert_sound()


def test_a_paused_sequence_keeps_its_queue(world: World) -> None:
    world.enroll("ana")
    (key,) = world.column(sa.select(tables.Sequence.id).filter_by(key="welcome"))
    with world.deps.database.begin() as tx:
        published.set_paused(tx, key, NOW, "typo")
    world.deliver()
    assert world.post.mailed == []
    with world.deps.database.begin() as tx:
        published.set_paused(tx, key, None, "")
    world.deliver()
    assert world.mailed("ana") == ["hello"]


def test_what_arrived_by_another_door_is_passed_over(settings: Settings, database_url: str) -> None:
    same = sequence(
        "cart", [{"key": "patience", "wait": "1h"}, {"key": "remind", "email": "hello"}],
        trigger={"event": "cart_updated", "key": "cart_id"}, reentry="keyed",
    )  # fmt: skip
    with opened(settings, database_url) as world:
        world.publish(same)
        ana = world.enroll("ana")
        world.work()
        world.happen(ana, "cart_updated", cart_id="7")
        world.drive(NOW + 2 * HOUR)
        assert world.mailed("ana") == ["hello"]
        assert ("cart", "completed", "remind") in world.states(ana)
        world.assert_sound()


def test_the_same_content_on_its_way_by_two_doors_arrives_once(
    settings: Settings, database_url: str
) -> None:
    same = sequence(
        "cart", [{"key": "remind", "email": "hello"}],
        trigger={"event": "cart_updated", "key": "cart_id"}, reentry="keyed",
    )  # fmt: skip
    with opened(settings, database_url) as world:
        world.publish(same)
        ana = world.enroll("ana")
        world.happen(ana, "cart_updated", cart_id="7")
        assert world.column(sa.select(S.status)) == ["queued", "queued"]
        world.drive(NOW + HOUR)
        assert world.mailed("ana") == ["hello"]
        assert sorted(world.column(sa.select(S.status))) == ["accepted", "skipped"]
        world.assert_sound()


def test_content_whose_fate_is_uncertain_is_not_sent_by_another_door(
    settings: Settings, database_url: str
) -> None:
    same = sequence(
        "cart", [{"key": "remind", "email": "hello"}],
        trigger={"event": "cart_updated", "key": "cart_id"}, reentry="keyed",
    )  # fmt: skip
    with opened(settings, database_url) as world:
        world.publish(same)
        ana = world.enroll("ana")
        world.post.script["ana@example.com"] = [UNCERTAIN]
        world.work()
        world.happen(ana, "cart_updated", cart_id="7")
        world.work()
        assert world.mailed("ana") == ["hello"]
        assert sorted(world.column(sa.select(S.status))) == ["queued", "uncertain"]
        # However long nobody says what became of it, it is asked for ever less often.
        world.drive(NOW + 20 * DAY)
        assert sorted(world.column(sa.select(S.status))) == ["queued", "uncertain"]
        (doubt,) = world.column(sa.select(S.id).where(S.status == "uncertain"))
        decide_uncertain(world.deps, doubt, False, world.now)
        world.drive(NOW + 21 * DAY)
        # It had not arrived by the one door, so it comes by the other.
        assert world.mailed("ana")[:2] == ["hello", "hello"]


def test_a_broken_template_fails_its_own_send_with_its_name(world: World) -> None:
    poison = email("case", "{{ contact.first_name.nothing.at_all }}")
    world.emails = {**world.emails, **poison}
    two = sequence("welcome", [{"key": "one", "email": "case"}], stage="lead")
    ana = world.enroll("ana")
    world.publish(two)
    bo = world.enroll("bo")
    cleo = world.add("cleo", "mql")
    world.happen(cleo, "cart_updated", cart_id="1")
    world.drive(NOW + 5 * HOUR)
    ((_, status, reason),) = world.sends(bo)
    assert status == "failed"
    assert "case" in reason
    assert world.states(bo) == [("welcome", "failed", "one")]
    assert world.mailed("ana") == ["hello"]
    assert world.mailed("cleo") == ["basket"]
    assert world.states(ana) == [("welcome", "waiting", "pause")]


def test_a_provider_that_forgets_a_receipt_leaves_nothing_claimed(world: World) -> None:
    ana, bo = world.enroll("ana"), world.enroll("bo")
    world.post.forgets = {"ana@example.com"}
    world.work()
    assert world.sends(ana) == [("hello", "uncertain", "handed over, no answer")]
    assert world.sends(bo) == [("hello", "accepted", "")]
    assert world.mailed("ana") == ["hello"]


def test_a_receipt_that_was_forgotten_before_the_hand_over_is_tried_again(world: World) -> None:
    ana = world.enroll("ana")
    world.post.forgets = {"ana@example.com"}
    world.post.script["ana@example.com"] = [LATER]
    world.work()
    assert world.sends(ana) == [("hello", "queued", "later")]
    world.post.forgets = set()
    world.drive(NOW + HOUR)
    assert world.mailed("ana") == ["hello"]


def test_a_worker_that_is_asked_to_stop_claims_no_more_and_wakes_another(world: World) -> None:
    world.enroll("ana")
    (batch,) = world.column(sa.select(tables.Batch.id))
    world.woken.clear()
    assert deliver(replace(world.courier(), stopping=lambda: True), batch) == 0
    assert world.woken == [batch]
    assert world.column(sa.select(S.status)) == ["queued"]


def test_moving_away_cancels_what_is_queued_and_opens_the_next_sequence_at_once(
    world: World,
) -> None:
    ana = world.enroll("ana")
    world.happen(ana, "form")
    assert world.stage(ana) == "mql"
    assert world.states(ana) == [("welcome", "moved", "hello"), ("deepen", "sending", "case")]
    assert world.sends(ana) == [("hello", "cancelled", "MovedAway"), ("case", "queued", "")]
    world.work()
    assert world.mailed("ana") == ["case"]
    world.assert_sound()


def test_a_send_that_was_handed_over_finishes_and_moves_nothing(world: World) -> None:
    ana = world.enroll("ana")
    (batch,) = world.column(sa.select(tables.Batch.id))
    bag = world.do(lambda work: claim(work, world.deps, "w1", batch))
    world.happen(ana, "form")
    assert world.sends(ana)[0] == ("hello", "claimed", "")
    hand_over(world.courier(), bag)
    assert world.sends(ana) == [("hello", "accepted", ""), ("case", "queued", "")]
    assert world.states(ana) == [("welcome", "moved", "hello"), ("deepen", "sending", "case")]
    world.drive(NOW + DAY)
    assert world.mailed("ana") == ["hello", "case"]
    world.assert_sound()


def test_a_claimed_send_that_is_put_off_after_its_run_moved_is_cancelled(world: World) -> None:
    ana = world.enroll("ana")
    world.post.script["ana@example.com"] = [LATER]
    (batch,) = world.column(sa.select(tables.Batch.id))
    bag = world.do(lambda work: claim(work, world.deps, "w1", batch))
    world.happen(ana, "form")
    hand_over(world.courier(), bag)
    assert world.sends(ana)[0] == ("hello", "cancelled", "the run went on")
    assert not world.examine().violations


def test_a_suppression_counts_after_the_claims_that_came_first(world: World) -> None:
    """Two clocks may differ: the transaction that came second is the later one."""
    ana = world.enroll("ana")
    (batch,) = world.column(sa.select(tables.Batch.id))
    world.clock.moment = NOW + MINUTE
    bag = world.do(lambda work: claim(work, world.deps, "w1", batch))
    world.clock.moment = NOW + MINUTE - timedelta(seconds=1)
    suppress_globally(world, ana, "complaint")
    hand_over(world.courier(), bag)
    assert world.column(sa.select(tables.Suppression.at)) == [NOW + MINUTE]
    assert not world.examine().violations


def test_the_mail_is_addressed_and_named_by_its_send(world: World) -> None:
    world.enroll("ana")
    world.work()
    (letter,) = world.post.taken
    assert (letter.recipient, letter.key) == ("ana@example.com", f"send-{letter.send_id}")
    assert letter.metadata == {"send_id": str(letter.send_id)}
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in letter.message


def test_everybody_gets_the_version_they_entered_with(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    changed = sequence(
        "welcome", [{"key": "hello", "email": "thanks"}, {"key": "pause", "wait": "9d"}],
        stage="lead",
    )  # fmt: skip
    world.publish(changed)
    bo = world.enroll("bo")
    world.drive(NOW + 8 * DAY)
    assert world.mailed("ana") == ["hello", "again"]
    assert world.mailed("bo") == ["thanks"]
    versions = world.rows(
        sa.select(E.contact_id, tables.SequenceVersion.number)
        .join(tables.SequenceVersion, tables.SequenceVersion.id == E.version_id)
        .order_by(E.contact_id)
    )
    assert versions == [(ana, 1), (bo, 2)]
    world.assert_sound()
