"""The shipped sequences, walked from door to door by an eager contact and by a silent one."""

from datetime import UTC, datetime, timedelta

import pytest

from nurture.campaigns import read_campaigns
from nurture.domain.contact import Contact, Occurrence, Standing
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import (
    Accepted,
    Awaiting,
    Enrollment,
    Entered,
    EnterSequence,
    Event,
    Exhausted,
    Exited,
    Finish,
    Happened,
    Send,
    Sending,
    TimerFired,
    Waiting,
    wakes_at,
)
from nurture.domain.evolve import evolve
from nurture.domain.sequence import Email, Sequence, WaitFor
from tests.fixtures.places import ROOT

CAMPAIGNS = read_campaigns(ROOT / "campaigns")
START = datetime(2026, 11, 3, 1, tzinfo=UTC)  # A Tuesday, 8:00 in Ho Chi Minh City.
MOST_TURNS = 200


def _walk(sequence: Sequence, *, eager: bool) -> tuple[list[str], object]:
    """Return the emails in their order, and how the run ends."""
    now, mailed, history = START, list[str](), list[Occurrence]()
    stage = sequence.stage or "lead"
    run = Enrollment(1, sequence.key, 1, Waiting(now), now)
    event: Event = Entered()
    for _ in range(MOST_TURNS):
        contact = Contact(
            1, "a@shop.example", timezone="Asia/Ho_Chi_Minh", consents={"marketing": True},
            standing=Standing(stage, stage, START), received=frozenset(mailed),
            history=tuple(history),
        )  # fmt: skip
        decisions = decide(Situation(run, sequence, contact), event, now)
        run = evolve(run, decisions)
        for decision in decisions:
            if isinstance(decision, EnterSequence):
                return mailed, decision.sequence
            if isinstance(decision, Finish):
                return mailed, decision.state
            if isinstance(decision, Send):
                mailed.append(decision.template)
        step = sequence.by_key[run.step]
        if isinstance(run.state, Sending):
            event = Accepted(run.state.step, run.state.pass_no, now)
        elif eager and isinstance(run.state, Awaiting) and isinstance(step, WaitFor):
            now += timedelta(hours=5)
            assert step.match is not None
            link = str(step.match.where.get("link", "/")).replace("*", "")
            properties = {"sequence": sequence.key, "step": step.match.of, "link": link}
            history.append(Occurrence(step.match.event, now, properties))
            event = Happened(history[-1])
        else:
            due = wakes_at(run.state)
            assert due is not None
            now, event = due, TimerFired()
    raise AssertionError("the walk does not end")


@pytest.mark.parametrize("eager", [True, False], ids=["eager", "silent"])
@pytest.mark.parametrize("key", CAMPAIGNS.sequences)
def test_a_shipped_sequence_comes_to_a_good_end(key: str, eager: bool) -> None:
    mailed, end = _walk(CAMPAIGNS.sequences[key], eager=eager)
    assert mailed
    assert len(mailed) == len(set(mailed))
    assert isinstance(end, Exhausted | Exited) or end in CAMPAIGNS.sequences


@pytest.mark.parametrize("key", ["visitor-nurture", "lead-nurture"])
def test_who_never_answers_is_asked_once_more_and_then_left_alone(key: str) -> None:
    assert _walk(CAMPAIGNS.sequences[key], eager=False)[1] == "cold-reengagement"
    mailed, end = _walk(CAMPAIGNS.sequences["cold-reengagement"], eager=False)
    assert mailed == ["cold-still-interested", "cold-goodbye"]
    assert end == Exited("no answer, the letters stop")


def test_who_answers_the_question_goes_back_to_their_letters() -> None:
    mailed, end = _walk(CAMPAIGNS.sequences["cold-reengagement"], eager=True)
    assert (mailed, end) == (["cold-still-interested"], "lead-nurture")


def test_every_email_of_a_sequence_is_met_by_the_eager_or_the_silent() -> None:
    for sequence in CAMPAIGNS.sequences.values():
        met = {one for eager in (True, False) for one in _walk(sequence, eager=eager)[0]}
        written = {step.template for step in sequence.steps if isinstance(step, Email)}
        assert met == written, sequence.key
