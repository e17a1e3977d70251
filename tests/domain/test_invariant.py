"""What a doctor can find wrong with a run."""

from datetime import datetime
from typing import Any

import pytest

from nurture.domain import enrollment as e
from nurture.domain.invariant import violations
from nurture.domain.sequence import Email, Match, Trigger, Wait, WaitFor
from tests.domain.build import DAY, HOUR, NOW, a_sequence, an_enrollment

SEQUENCE = a_sequence(
    Email("hello", "hello"), Wait("pause", DAY), WaitFor("answer", DAY, Match("visit"))
)


def at(step: str, state: e.State, **changes: Any) -> e.Enrollment:
    return an_enrollment(step=step, state=state, **{"passes": {step: 1}, **changes})


@pytest.mark.parametrize(
    "run",
    [
        an_enrollment(),
        at("pause", e.Waiting(NOW)),
        at("answer", e.Awaiting(NOW, NOW)),
        at("hello", e.Holding("window", NOW)),
        at("hello", e.Sending("hello", 1)),
        at("hello", e.Exhausted(NOW), accepted={"hello": NOW}),
        at("gone", e.Completed()),
    ],
    ids=lambda run: type(run.state).__name__,
)
def test_a_sound_run_has_nothing_wrong(run: e.Enrollment) -> None:
    assert violations(run, SEQUENCE) == ()


@pytest.mark.parametrize(
    ("run", "wrong"),
    [
        (at("hello", e.Waiting(NOW)), "the run is waiting at hello, a Email step"),
        (at("pause", e.Awaiting(NOW, NOW)), "the run is awaiting at pause, a Wait step"),
        (at("pause", e.Holding("cap", NOW)), "the run is holding at pause, a Wait step"),
        (at("pause", e.Sending("pause", 1)), "the run is sending at pause, a Wait step"),
        (
            at("hello", e.Sending("hello", 2)),
            "the send under way is hello pass 2, not the cursor's",
        ),
        (
            at("answer", e.Awaiting(NOW, NOW + HOUR)),
            "the deadline lies before the start of the wait",
        ),
        (at("gone", e.Waiting(NOW)), "the step 'gone' is not in this version"),
        (an_enrollment(state=e.Holding("cap", NOW)), "the step '' is not in this version"),
        (
            at("pause", e.Waiting(datetime(2026, 3, 2))),  # noqa: DTZ001
            "the run wakes at an instant without a zone",
        ),
        (at("pause", e.Waiting(NOW), passes={"pause": 2}), "pause was met 2 times; its limit is 1"),
        (
            at("pause", e.Waiting(NOW), passes={}),
            "the cursor is at pause, which was never met",
        ),
        (
            at("pause", e.Waiting(NOW), accepted={"hello": NOW}),
            "hello was accepted, but never met",
        ),
        (
            at("pause", e.Waiting(NOW), sequence="other"),
            "the run is through other, not welcome",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_violation_is_told(run: e.Enrollment, wrong: str) -> None:
    assert violations(run, SEQUENCE) == (wrong,)


def test_a_triggered_run_cannot_be_exhausted() -> None:
    triggered = a_sequence(Email("hello", "hello"), trigger=Trigger("cart"))
    told = ("only the sequence of a stage can be exhausted",)
    assert violations(at("hello", e.Exhausted(NOW)), triggered) == told
