"""What every provider must keep, whatever it is. See `stands.py` for how one joins."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nurture.errors import Invalid
from nurture.providers.base import (
    EventKind,
    Forged,
    Outcome,
    OutgoingEmail,
    ProviderEvent,
    WebhookRequest,
)
from tests.providers.emails import NOW, email, lawful
from tests.providers.stands import STANDS, Stand, Webhooks

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
# One stand serves all examples: its webhooks keep no state.
SAME_STAND = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=STANDS)
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    with STANDS[request.param](tmp_path) as found:
        yield found


@pytest.fixture(params=["inbox", "postmark"])
def hooked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Stand, Webhooks]]:
    with STANDS[request.param](tmp_path) as found:
        assert found.webhooks is not None
        yield found, found.webhooks


def batch_of(fates: list[Outcome]) -> list[OutgoingEmail]:
    made = []
    for n, fate in enumerate(fates):
        recipient = (
            f"{fate}.{n % 9}@example.net" if fate is not Outcome.ACCEPTED else f"a{n}@b.example"
        )
        told = {"fate": fate.value, "recipient": recipient}
        made.append(replace(email(n + 1, recipient), metadata=told))
    return made


def test_every_fate_is_told_as_it_was_in_any_order(stand: Stand) -> None:
    fates = sorted(stand.fates) * 3 + [Outcome.ACCEPTED] * 10
    random.Random(7).shuffle(fates)  # noqa: S311 - the same order in every run
    batch = batch_of(fates)
    receipts = lawful(batch, stand.provider.send(batch, NOW), at_once=stand.at_once)
    assert [receipts[n + 1].outcome for n in range(len(fates))] == fates
    expected = [
        one.recipient for one, fate in zip(batch, fates, strict=True) if fate is Outcome.ACCEPTED
    ]
    assert sorted(stand.accepted()) == sorted(expected)


@pytest.mark.parametrize("fate", Outcome)
def test_a_batch_of_one_fate_has_that_fate(stand: Stand, fate: Outcome) -> None:
    if fate not in stand.fates:
        assert fate in (Outcome.SOFT, Outcome.UNCERTAIN), "a fate every provider must know"
        return
    batch = batch_of([fate] * 4)
    receipts = lawful(batch, stand.provider.send(batch, NOW), at_once=stand.at_once)
    assert {receipt.outcome for receipt in receipts.values()} == {fate}


def test_a_provider_can_be_closed_and_used_again(stand: Stand) -> None:
    for n in (1, 2):
        batch = batch_of([Outcome.ACCEPTED] * n)
        lawful(batch, stand.provider.send(batch, NOW))
        stand.provider.close()
    assert len(stand.accepted()) == 3


def test_no_email_makes_no_sound(stand: Stand) -> None:
    assert not list(stand.provider.send([], NOW))


def test_a_provider_without_webhooks_believes_nobody(stand: Stand) -> None:
    if stand.webhooks is None:
        request = WebhookRequest("POST", {}, b"{}")
        with pytest.raises(Forged):
            stand.provider.verify(request)
        assert stand.provider.parse(request) == ()
    else:
        body = next(iter(stand.webhooks.recorded.values()))[0]
        stand.provider.verify(stand.webhooks.signed(body))


def test_a_forged_call_is_known_as_one(hooked: tuple[Stand, Webhooks]) -> None:
    stand, webhooks = hooked
    body = next(iter(webhooks.recorded.values()))[0]
    for request in webhooks.forged(body):
        with pytest.raises(Forged):
            stand.provider.verify(request)


def test_recorded_calls_are_understood(hooked: tuple[Stand, Webhooks]) -> None:
    stand, webhooks = hooked
    for name, (body, kind) in webhooks.recorded.items():
        (event,) = stand.provider.parse(webhooks.signed(body))
        assert event.kind is kind, name
        assert event.provider == stand.provider.name
        assert event.recipient == "an@example.net"
        assert event.send_id == 4711
        if kind is not EventKind.UNKNOWN:
            assert event.occurred_at is not None
            assert event.occurred_at.utcoffset() == timedelta(0)
            assert abs(event.occurred_at - NOW) < timedelta(hours=4)
        assert (event.bounce is not None) == (kind in (EventKind.BOUNCED, EventKind.DEFERRED))


def test_repetitions_have_the_same_key_and_different_events_do_not(
    hooked: tuple[Stand, Webhooks],
) -> None:
    stand, webhooks = hooked
    bodies = [body for body, _ in webhooks.recorded.values()]
    once = stand.provider.parse(webhooks.signed(mixed(bodies)))
    again = stand.provider.parse(webhooks.signed(mixed(bodies)))
    assert [event.dedupe_key for event in once] == [event.dedupe_key for event in again]
    assert len({event.dedupe_key for event in once}) == len(bodies)


def test_a_bad_element_does_not_lose_the_others(hooked: tuple[Stand, Webhooks]) -> None:
    stand, webhooks = hooked
    bodies = [body for body, _ in webhooks.recorded.values()]
    bad: list[bytes] = [b"null", b"7", b'"text"', b"[]", b"{}", b'{"RecordType": 7, "type": []}']
    events = stand.provider.parse(webhooks.signed(mixed([*bad, *bodies, *bad])))
    assert len(events) == len(bodies) + 2 * len(bad)
    kinds = [event.kind for event in events]
    assert kinds[len(bad) : -len(bad)] == [kind for _, kind in webhooks.recorded.values()]
    assert set(kinds[: len(bad)]) == {EventKind.UNKNOWN}


@SAME_STAND
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_is_too_strange(hooked: tuple[Stand, Webhooks], body: bytes) -> None:
    assert_harmless(hooked, body)


@SAME_STAND
@given(data=st.data())
def test_no_field_is_too_strange(hooked: tuple[Stand, Webhooks], data: st.DataObject) -> None:
    recorded = data.draw(st.sampled_from(sorted(hooked[1].recorded)))
    told = json.loads(hooked[1].recorded[recorded][0])
    for name in data.draw(st.lists(st.sampled_from(sorted(told)), min_size=1, max_size=3)):
        told[name] = data.draw(JSON)
    assert_harmless(hooked, json.dumps(told).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[" * 100_000,
        b"[" * 900 + b"]" * 900,
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"1" * 10_000,
        b'{"RecordType": "Bounce", "ID": ' + b"9" * 4000 + b"}",
        b'{"RecordType": "Delivery", "Recipient": "\\ud800\\u0000"}',
        b'{"RecordType": "Open", "ReceivedAt": "0001-01-01T00:00:00+14:00"}',
        b'{"type": "complaint", "at": "9999-12-31T23:59:59-14:00", "send_id": 1e400}',
        b"\xff\xfe{\x00}\x00",
    ],
)
def test_known_poison_is_harmless(hooked: tuple[Stand, Webhooks], body: bytes) -> None:
    assert_harmless(hooked, body)


def assert_harmless(hooked: tuple[Stand, Webhooks], body: bytes) -> None:
    """Nothing but `Invalid` may come of a body, and what is understood can be stored."""
    stand, webhooks = hooked
    request = webhooks.signed(body)
    stand.provider.verify(request)
    try:
        events = stand.provider.parse(request)
    except Invalid:
        return
    for event in events:
        assert_storable(event)


def assert_storable(event: ProviderEvent) -> None:
    assert 0 < len(event.dedupe_key) <= 200
    assert event.send_id is None or 0 < event.send_id < 2**63
    for value in (event.recipient, event.detail, event.url, event.raw_kind, event.ip):
        assert "\0" not in value
        value.encode("utf-8")


def mixed(bodies: list[bytes]) -> bytes:
    return b"[" + b",".join(bodies) + b"]"
