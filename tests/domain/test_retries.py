"""Tries come ever later, and end; an endpoint that fails is let alone, and looked at again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.endpoints import (
    FIRST_REST,
    LONGEST_REST,
    PATIENCE,
    Circuit,
    after_failure,
    after_success,
)
from nurture.domain.retries import DELAYS, LONGEST_STAY, MOST_TRIES, SPREAD, next_try

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
ASKED = st.none() | st.timedeltas(timedelta(), timedelta(days=400))


@given(st.text(max_size=40), st.integers(1, 30), ASKED)
def test_a_try_follows_the_schedule_with_a_jitter_that_never_changes(
    message_id: str, tries: int, asked: timedelta | None
) -> None:
    release = next_try(message_id, tries, NOW, asked)
    assert release == next_try(message_id, tries, NOW, asked)
    if tries >= MOST_TRIES:
        assert release is None
        return
    assert release is not None
    least = DELAYS[tries - 1]
    wished = timedelta() if asked is None else min(asked, LONGEST_STAY)
    assert max(least, wished) <= release - NOW <= max(least * (1 + SPREAD), wished)


def test_the_schedule_spans_days_and_the_jitter_spreads_what_failed_together() -> None:
    assert timedelta(days=3) < sum(DELAYS, timedelta()) < timedelta(days=4)
    assert list(DELAYS) == sorted(DELAYS)
    releases = {next_try(f"msg_{number}", 3, NOW) for number in range(100)}
    assert len(releases) == 100


@given(st.integers(0, 40), ASKED)
def test_an_endpoint_is_let_alone_after_failures_in_a_row_and_then_probed(
    failures: int, asked: timedelta | None
) -> None:
    circuit = Circuit()
    for _ in range(failures):
        circuit = after_failure(circuit, NOW)
    if failures < PATIENCE:
        assert circuit.room(4, NOW) == 4
        return
    assert circuit.until is not None
    assert FIRST_REST <= circuit.until - NOW <= LONGEST_REST
    assert circuit.room(4, circuit.until - timedelta(microseconds=1)) == 0
    assert circuit.room(4, circuit.until) == 1
    after = after_failure(circuit, circuit.until, asked)
    assert after.room(4, circuit.until) == 0
    assert after_success().room(4, NOW) == 4


def test_an_endpoint_is_let_alone_when_it_asks_for_it_and_when_it_is_gone() -> None:
    asked = after_failure(Circuit(), NOW, timedelta(minutes=2))
    assert (asked.room(4, NOW), asked.room(4, NOW + timedelta(minutes=2))) == (0, 4)
    # Who asks for less does not shorten what was asked before.
    assert after_failure(asked, NOW, timedelta(seconds=1)).until == asked.until
    assert Circuit(gone=True).room(4, NOW + timedelta(days=99)) == 0
