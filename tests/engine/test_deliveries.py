"""Webhooks: signed, told at least once with one id, tried again, and given up visibly."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.endpoints import PATIENCE
from nurture.domain.retries import MOST_TRIES
from nurture.engine.deliveries import (
    call,
    recover_deliveries,
    retry_delivery,
    settle_webhooks,
    take_webhooks,
)
from nurture.engine.endpoints import (
    OVERLAP,
    call_for_test,
    list_endpoints,
    open_endpoint,
    rotate,
    shown_secrets,
)
from nurture.errors import Conflict, NotFound
from nurture.providers.calling import Answered, Caller
from nurture.store import tables
from tests.engine.telling_world import D, Telling, funnel, telling, told
from tests.engine.world import DAY, MINUTE, NOW
from tests.providers.receiver import Received, Receiver, answers, resets


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def world(settings: Settings, database_url: str, receiver: Receiver) -> Iterator[Telling]:
    with telling(settings, database_url, crm=receiver.url) as made:
        yield made


def is_signed(got: Received, secret: str) -> bool:
    """Verify a call as a stranger would who has read the specification and nothing of ours."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    given = [one.split(",", 1) for one in got.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(one, wanted) for version, one in given)


def test_a_webhook_tells_what_was_so_when_its_step_was_met(
    world: Telling, receiver: Receiver
) -> None:
    ana = world.ask("ana", company="Hoa Sen")
    world.clock.moment += 5 * MINUTE
    assert world.call_all() == [Answered("", 204)]
    (got,) = receiver.received
    assert json.loads(got.body) == {
        "type": "contact.asked",
        "timestamp": NOW.isoformat(),
        "data": {
            "contact": {
                "id": ana, "email": "ana@example.com", "language": "en", "stage": "lead",
                "highest_stage": "lead", "score": 0, "fit": 0, "grade": "D",
                "temperature": "cold", "persona": None, "tags": [],
            },
            "sequence": "hand-over",
            "version": 1,
            "step": "tell-crm",
            "pass": 1,
            "fields": {"company": "Hoa Sen", "size": None},
        },
    }  # fmt: skip
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-timestamp"] == str(int(world.now.timestamp()))
    assert got.headers["webhook-id"].startswith("msg_")
    assert is_signed(got, shown_secrets(world.deps, "crm")[0])
    assert not is_signed(replace(got, body=got.body + b" "), shown_secrets(world.deps, "crm")[0])
    assert world.deliveries() == [("delivered", 1, "", 204)]
    assert ("hand-over", "waiting", "later") in world.states(ana)
    assert world.call_all() == []


def test_one_that_is_not_taken_comes_again_under_the_same_id_and_with_the_same_body(
    world: Telling, receiver: Receiver
) -> None:
    receiver.behaviours += [answers(500, "oh no"), resets]
    ana = world.ask("ana", company="Hoa Sen")
    world.call_all()
    assert world.deliveries() == [("waiting", 1, "answer", 500)]
    assert world.call_all() == []
    world.clock.moment = world.release()
    with world.deps.database.begin() as tx:
        t = tables.Contact
        tx.execute(sa.update(t).where(t.id == ana).values(fields={"company": "Other"}))
    world.call_all()
    assert world.deliveries() == [("waiting", 2, "broken", 0)]
    world.clock.moment = world.release()
    world.call_all()
    assert world.deliveries() == [("delivered", 3, "", 204)]
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    assert len({got.body for got in receiver.received}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.received}) == 3
    secret = shown_secrets(world.deps, "crm")[0]
    assert all(is_signed(got, secret) for got in receiver.received)


def test_after_the_last_try_it_has_failed_until_a_person_has_it_tried_again(
    world: Telling, receiver: Receiver
) -> None:
    receiver.behaviours += [answers(500)] * MOST_TRIES
    world.ask("ana")
    for tries in range(1, MOST_TRIES):
        world.call_all()
        assert world.deliveries() == [("waiting", tries, "answer", 500)]
        world.clock.moment = world.release() + DAY
    world.call_all()
    assert world.deliveries() == [("failed", MOST_TRIES, "answer", 500)]
    world.clock.moment += 30 * DAY
    assert world.call_all() == []
    (key,) = world.column(sa.select(D.id).where(D.kind == "webhook"))
    retry_delivery(world.deps, key, by="lan", now=world.now)
    assert world.call_all() == [Answered("", 204)]
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
    with pytest.raises(Conflict, match="delivered already"):
        retry_delivery(world.deps, key, by="lan", now=world.now)
    with pytest.raises(NotFound):
        retry_delivery(world.deps, 999, by="lan", now=world.now)
    assert world.column(sa.select(tables.Audit.what).where(tables.Audit.by == "lan")) == [
        "retry delivery"
    ]


def test_a_death_between_the_call_and_its_record_loses_nothing_and_keeps_the_id(
    world: Telling, receiver: Receiver
) -> None:
    world.ask("ana")
    (errand,) = take_webhooks(world.deps, "m1", {}, world.now)
    answer = call(world.deps, errand)
    # Here m1 dies: the call was taken, and nobody wrote it down.
    assert world.call_all("m2") == []
    assert recover_deliveries(world.deps, "m1", world.now) == 1
    assert recover_deliveries(world.deps, "m1", world.now) == 0
    world.clock.moment = world.release()
    assert world.call_all("m2") == [Answered("", 204)]
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    # What the dead one would have written comes too late to change anything.
    assert settle_webhooks(world.deps, "m1", [(errand.claimed, answer)], world.now) == 0
    assert world.deliveries() == [("delivered", 2, "", 204)]


def test_a_death_before_the_call_loses_nothing(world: Telling, receiver: Receiver) -> None:
    world.ask("ana")
    take_webhooks(world.deps, "m1", {}, world.now)
    recover_deliveries(world.deps, "m1", world.now)
    world.clock.moment = world.release()
    assert world.call_all("m2") == [Answered("", 204)]
    assert len(receiver.received) == 1


def test_what_a_living_process_still_has_under_way_is_no_stray(world: Telling) -> None:
    world.ask("ana")
    world.ask("binh")
    first, _second = take_webhooks(world.deps, "m1", {}, world.now)
    assert recover_deliveries(world.deps, "m1", world.now, but={first.claimed.id}) == 1
    assert [status for status, *_ in world.deliveries()] == ["claimed", "waiting"]


def test_an_endpoint_has_no_more_calls_under_way_than_it_has_room_for(world: Telling) -> None:
    for number in range(6):
        world.ask(f"p{number}")
    first = take_webhooks(world.deps, "m1", {}, world.now)
    assert len(first) == 4
    assert take_webhooks(world.deps, "m1", {"crm": 4}, world.now) == []
    assert len(take_webhooks(world.deps, "m1", {"crm": 3}, world.now)) == 1


def test_an_endpoint_that_fails_in_a_row_is_let_alone_and_then_probed_by_a_single_call(
    world: Telling, receiver: Receiver
) -> None:
    receiver.behaviours += [answers(503)] * 8
    for number in range(12):
        world.ask(f"p{number}")
    world.call_all()
    world.call_all()
    assert len(receiver.received) == 8 > PATIENCE
    (listed,) = list_endpoints(world.deps)
    until = listed.state.circuit.until
    assert until is not None
    assert (listed.state.circuit.failures, listed.state.detail) == (8, "503")
    world.clock.moment = until - timedelta(seconds=1)
    assert world.call_all() == []
    # What waited meanwhile has used up no try.
    assert [tries for _, tries, *_ in world.deliveries()].count(0) == 4
    world.clock.moment = until
    assert len(world.call_all()) == 1
    assert len(world.call_all()) == 4


def test_gone_closes_the_endpoint_until_a_person_opens_it(
    world: Telling, receiver: Receiver
) -> None:
    receiver.behaviours += [answers(410)]
    world.ask("ana")
    world.call_all()
    assert world.deliveries() == [("waiting", 1, "gone", 410)]
    world.clock.moment += 90 * DAY
    assert world.call_all() == []
    (listed,) = list_endpoints(world.deps)
    assert (listed.state.circuit.gone, listed.waiting.number) == (True, 1)
    open_endpoint(world.deps, "crm", by="lan", now=world.now)
    assert world.call_all() == [Answered("", 204)]
    with pytest.raises(Conflict):
        open_endpoint(world.deps, "crm", by="lan", now=world.now)


def test_retry_after_is_respected(world: Telling, receiver: Receiver) -> None:
    receiver.behaviours += [answers(429, Retry_After="3600")]
    world.ask("ana")
    world.call_all()
    assert world.release() == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("behave", "reason"),
    [(answers(302, Location="http://127.0.0.1:1/"), "redirect"), (answers(404, "who?"), "answer")],
)
def test_a_failure_says_why_and_holds_up_nobody(
    world: Telling, receiver: Receiver, behave: Callable[..., None], reason: str
) -> None:
    receiver.behaviours += [behave]
    ana, binh = world.ask("ana"), world.ask("binh")
    world.call_all()
    assert [row[2] for row in world.deliveries()] == [reason, ""]
    for one in (ana, binh):
        assert ("hand-over", "waiting", "later") in world.states(one)


def test_an_address_that_may_not_be_called_fails_at_once_and_says_so(
    world: Telling, receiver: Receiver
) -> None:
    world.deps = replace(world.deps, caller=Caller())
    world.ask("ana")
    world.call_all()
    assert world.deliveries() == [("failed", 1, "target", 0)]
    assert "this very machine" in world.column(sa.select(D.detail).where(D.kind == "webhook"))[0]
    assert receiver.received == []


def test_an_endpoint_that_is_declared_no_more_fails_what_waits_for_it(world: Telling) -> None:
    world.ask("ana")
    world.publish(funnel=funnel())
    assert world.call_all() == []
    assert world.deliveries() == [("failed", 0 + 1, "no_endpoint", 0)]
    with pytest.raises(NotFound):
        shown_secrets(world.deps, "crm")


def test_a_secret_is_changed_while_both_sign(world: Telling, receiver: Receiver) -> None:
    (old,) = shown_secrets(world.deps, "crm")
    new = rotate(world.deps, "crm", by="lan", now=world.now)
    assert shown_secrets(world.deps, "crm") == (new, old)
    world.ask("ana")
    world.call_all()
    assert is_signed(receiver.received[0], new)
    assert is_signed(receiver.received[0], old)
    world.clock.moment += OVERLAP
    world.ask("binh")
    world.call_all()
    assert is_signed(receiver.received[1], new)
    assert not is_signed(receiver.received[1], old)
    assert new not in repr(world.deps.settings)


def test_the_secrets_of_the_settings_come_first(world: Telling, receiver: Receiver) -> None:
    mine, next_one = (f"whsec_{base64.b64encode(one * 32).decode()}" for one in (b"a", b"b"))
    given = replace(
        world.deps.settings, endpoint_secrets=(("crm", next_one), ("erp", mine), ("crm", mine))
    )
    world.deps = replace(world.deps, settings=given)
    assert shown_secrets(world.deps, "crm") == (next_one, mine)
    assert call_for_test(world.deps, "crm", world.now) == Answered("", 204)
    (got,) = receiver.received
    assert json.loads(got.body)["type"] == "nurture.test"
    assert is_signed(got, mine)
    assert is_signed(got, next_one)
    with pytest.raises(Conflict, match="NURTURE_ENDPOINT_SECRETS"):
        rotate(world.deps, "crm", by="lan", now=world.now)


def test_endpoints_have_secrets_of_their_own(world: Telling, receiver: Receiver) -> None:
    world.publish(told(), funnel=funnel(crm=receiver.url, erp=receiver.url))
    assert shown_secrets(world.deps, "crm") != shown_secrets(world.deps, "erp")
