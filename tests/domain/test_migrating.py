"""Taking runs over to another version: by key, by choice, and sound ever after."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.domain import enrollment as e
from nurture.domain.evolve import evolve
from nurture.domain.invariant import violations
from nurture.domain.migrating import (
    Choices,
    Goes,
    Leaves,
    Outcome,
    Stays,
    Trace,
    Waits,
    Why,
    migrate,
)
from nurture.domain.sequence import (
    Email,
    Match,
    Sequence,
    Step,
    Trigger,
    Wait,
    WaitFor,
    WaitUntil,
)
from nurture.domain.situation import Situation
from tests.domain.build import ANA, DAY, HOUR, NOW, Story, a_contact, a_sequence, an_enrollment
from tests.domain.generate import Act, lives, sequences
from tests.domain.test_resuming import lived, play

many = settings(max_examples=200)


def second(*steps: Step, **changes: object) -> Sequence:
    """Version 2."""
    return replace(a_sequence(*steps, **changes), version=2)


def at(step: str, state: e.State, **changes: object) -> e.Enrollment:
    return an_enrollment(step=step, state=state, **{"passes": {step: 1}, **changes})


def moved(
    run: e.Enrollment, old: Sequence, new: Sequence, choices: Choices | None = None,
    trace: Trace | None = None,
) -> Outcome:  # fmt: skip
    situation = Situation(run, new, ANA)
    return migrate(situation, old, choices or Choices(), NOW, trace or Trace())


OLD = a_sequence(
    Email("hello", "hello"), Wait("pause", 3 * DAY), Email("more", "more"),
    WaitFor("answer", 4 * DAY, Match("click", of="hello"), yes="end", no="again"),
    Email("again", "again"),
)  # fmt: skip
WITHOUT_PAUSE = second(Email("hello", "hello"), Email("more", "more"), Email("last", "last"))


@many
@given(
    sequences(),
    sequences(),
    lives,
    st.sampled_from(Waits),
    st.dictionaries(
        st.integers(0, 7).map("s{}".format),
        st.sampled_from(["exit", "stay", "s0", "s1", "s2", "s5"]),
    ),
    st.sampled_from([timedelta(), HOUR, DAY]),
    st.booleans(),
)
def test_any_run_taken_over_to_any_version_is_sound_and_lives_on(
    old: Sequence, other: Sequence, life: list[Act], waits: Waits, removed: dict[str, str],
    over: timedelta, under_way: bool,
) -> None:  # fmt: skip
    story = lived(old, life)
    if not story.run.is_live:
        return
    new = replace(other, version=2, stage=old.stage, trigger=old.trigger)
    situation = Situation(story.run, new, story.contact)
    choices = Choices(removed, waits, over)
    outcome = migrate(situation, old, choices, story.now, Trace(under_way=under_way))
    match outcome:
        case Stays(why):
            gone = story.run.step not in new.by_key
            assert why is not Why.UNDECIDED or (gone and story.run.step)
            return
        case Leaves(decisions, run):
            assert not run.is_live
            assert run.version == story.run.version
        case Goes(decisions, run):
            assert run.version == 2
            assert violations(run, new) == ()
            wakes, was = e.wakes_at(run.state), e.wakes_at(story.run.state)
            if waits is Waits.RECOMPUTE and wakes is not None and wakes != was:
                assert wakes >= story.now, "never into the past"
            if over and new.window.start == new.window.end:
                assert not [one for one in decisions if isinstance(one, e.Send)], "no burst"
    assert evolve(story.run, decisions) == run
    after = Story(new, story.contact, run, story.now, [*story.log, *decisions])
    play(after, story.now + 400 * DAY, [])


def test_who_stands_on_a_step_that_is_kept_stays_there_with_what_was_left_of_the_wait() -> None:
    new = second(Email("hello", "hi"), Wait("pause", 9 * DAY), Email("other", "other"))
    run = at("pause", e.Waiting(NOW + DAY))
    outcome = moved(run, OLD, new)
    assert isinstance(outcome, Goes)
    assert (outcome.run.step, outcome.run.state, outcome.run.version) == ("pause", run.state, 2)


def test_a_recomputed_wait_counts_from_when_it_began() -> None:
    new = second(Email("hello", "hi"), Wait("pause", 9 * DAY), Email("other", "other"))
    run = at("pause", e.Waiting(NOW + DAY))
    recompute = Choices(waits=Waits.RECOMPUTE)
    counted_back = moved(run, OLD, new, recompute)
    assert isinstance(counted_back, Goes)
    assert counted_back.run.state == e.Waiting(NOW + 7 * DAY)
    told = moved(run, OLD, new, recompute, Trace(began=NOW - 5 * DAY))
    assert isinstance(told, Goes)
    assert told.run.state == e.Waiting(NOW + 4 * DAY)


def test_a_recomputed_wait_that_would_be_over_is_due_soon_and_not_at_once() -> None:
    new = second(Email("hello", "hi"), Wait("pause", HOUR), Email("other", "other"))
    dues = set()
    for number in range(50):
        run = replace(at("pause", e.Waiting(NOW + DAY)), contact_id=number)
        situation = Situation(run, new, a_contact(id=number))
        outcome = migrate(situation, OLD, Choices(waits=Waits.RECOMPUTE), NOW, Trace())
        assert isinstance(outcome, Goes)
        assert isinstance(outcome.run.state, e.Waiting)
        dues.add(outcome.run.state.due_at)
    assert len(dues) > 45
    assert all(NOW <= due <= NOW + HOUR for due in dues)


def test_a_recomputed_wait_for_an_answer_keeps_its_start() -> None:
    new = second(Email("hello", "hi"), WaitFor("answer", 10 * DAY, Match("click", of="hello")))
    since = NOW - 2 * DAY
    run = at("answer", e.Awaiting(NOW + 2 * DAY, since), accepted={"hello": since},
             passes={"hello": 1, "answer": 1})  # fmt: skip
    outcome = moved(run, OLD, new, Choices(waits=Waits.RECOMPUTE))
    assert isinstance(outcome, Goes)
    assert outcome.run.state == e.Awaiting(NOW + 8 * DAY, since)


@pytest.mark.parametrize(
    ("choice", "kind"), [("exit", Leaves), ("stay", Stays), ("last", Goes), ("", Stays)]
)
def test_who_stands_on_a_removed_step_goes_where_somebody_chose(choice: str, kind: type) -> None:
    run = at("pause", e.Waiting(NOW + DAY))
    outcome = moved(run, OLD, WITHOUT_PAUSE, Choices({"pause": choice}))
    assert isinstance(outcome, kind)
    if isinstance(outcome, Goes):
        assert isinstance(outcome.run.state, e.Holding), "the email is spread"
        assert (outcome.run.step, outcome.run.state.reason) == ("last", "migrated")
    if isinstance(outcome, Leaves):
        assert outcome.run.state == e.Exited("step removed")
    if isinstance(outcome, Stays):
        assert outcome.why is (Why.CHOSEN if choice else Why.UNDECIDED)


def test_nobody_meets_a_step_again_that_they_have_met_as_often_as_they_may() -> None:
    run = at("pause", e.Waiting(NOW), passes={"last": 1, "pause": 1})
    outcome = moved(run, OLD, WITHOUT_PAUSE, Choices({"pause": "last"}))
    assert isinstance(outcome, Goes)
    assert outcome.run.state == e.Exhausted(NOW)
    assert violations(outcome.run, WITHOUT_PAUSE) == ()


def test_a_send_that_is_under_way_finishes_first() -> None:
    run = at("more", e.Sending("more", 1))
    assert moved(run, OLD, WITHOUT_PAUSE, trace=Trace(under_way=True)) == Stays(Why.UNDER_WAY)
    queued = moved(run, OLD, WITHOUT_PAUSE)
    assert isinstance(queued, Goes)
    assert queued.run.state == run.state


def test_a_step_of_another_kind_is_decided_anew() -> None:
    new = second(Email("hello", "hello"), WaitUntil("pause", "renewal"), Email("more", "more"))
    outcome = moved(at("pause", e.Waiting(NOW + DAY)), OLD, new)
    assert isinstance(outcome, Goes)
    assert outcome.run.step == "more", "there is no date to wait for"
    mail = second(Email("hello", "hello"), Email("pause", "pause"))
    assert moved(at("pause", e.Waiting(NOW)), OLD, mail, trace=Trace(closed=True)) == Stays(
        Why.MAILED
    )


def test_who_has_met_a_step_more_often_than_the_new_limit_allows() -> None:
    new = second(Email("hello", "hello"), Wait("pause", DAY))
    looped = at("pause", e.Waiting(NOW + DAY), passes={"pause": 3, "hello": 2})
    outcome = moved(looped, OLD, new)
    assert isinstance(outcome, Goes)
    assert outcome.run.passes == {"pause": 1, "hello": 1}
    holding = at("hello", e.Holding("window", NOW), passes={"hello": 2})
    assert moved(holding, OLD, new) == Stays(Why.PASSES)


def test_an_exhausted_run_rests_on_the_last_step_that_it_has_met() -> None:
    run = at("again", e.Exhausted(NOW), passes={"hello": 1, "pause": 1, "more": 1, "again": 1})
    outcome = moved(run, OLD, WITHOUT_PAUSE)
    assert isinstance(outcome, Goes)
    assert (outcome.run.step, outcome.run.state) == ("more", run.state)
    triggered = second(Email("x", "x"), trigger=Trigger("cart"))
    gone = moved(run, OLD, triggered)
    assert isinstance(gone, Goes)
    assert (gone.run.step, gone.run.state) == ("", e.Completed("end"))
