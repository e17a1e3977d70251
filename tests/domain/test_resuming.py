"""How runs go on after a pause: never a burst, never early, at most one email at a time."""

from collections.abc import Sequence as Many
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.domain import enrollment as e
from nurture.domain.evolve import evolve
from nurture.domain.invariant import violations
from nurture.domain.resuming import EXPIRED, How, Pause, Resumption, resumed, turn_of
from nurture.domain.sequence import (
    Email,
    Match,
    Sequence,
    Trigger,
    Wait,
    WaitFor,
    WaitUntil,
)
from nurture.domain.situation import Situation
from nurture.domain.timing import Window
from tests.domain.build import ANA, DAY, HOUR, NOW, Story, a_contact, a_sequence, an_occurrence
from tests.domain.generate import Act, lives, sequences

many = settings(max_examples=150)
SERIES = a_sequence(
    Email("one", "one"), Wait("w1", 3 * DAY), Wait("w2", 2 * DAY), Email("two", "two"),
    Wait("w3", DAY), Email("three", "three"), Wait("w4", 9 * DAY), Email("four", "four"),
)  # fmt: skip


def lived(sequence: Sequence, life: Many[Act]) -> Story:
    """A run as a random life leaves it."""
    story = Story(sequence, a_contact(consents={"marketing": True, "events": True}))
    story.enter()
    for act in life:
        story.now += act.passed
        story.contact = act.change(story.contact)
        story.tell(act.event(story))
    return story


def go_on(story: Story, pause: Pause, plan: Resumption) -> tuple[e.Decision, ...]:
    """Let a story go on after a pause."""
    decided = resumed(Situation(story.run, story.sequence, story.contact), pause, plan)
    story.run, story.now = evolve(story.run, decided), pause.until
    story.log += decided
    assert violations(story.run, story.sequence) == ()
    return decided


def sends(decided: Many[e.Decision]) -> list[str]:
    return [one.step for one in decided if isinstance(one, e.Send)]


plans = st.builds(
    Resumption,
    st.sampled_from(How),
    st.sampled_from([timedelta(), HOUR, DAY]),
    st.sampled_from([timedelta(), HOUR, DAY]),
)


@many
@given(sequences(), lives, plans, st.integers(0, 60), st.lists(lives, max_size=1))
def test_after_any_pause_every_run_is_sound_and_nothing_bursts(
    sequence: Sequence, life: list[Act], plan: Resumption, days: int, then: list[list[Act]]
) -> None:
    story = lived(sequence, life)
    if not story.run.is_live:
        return
    before, since = story.run, story.now
    until = since + days * DAY
    missed = [act.occurrence(replace(story, now=until)) for act in (then[0] if then else [])]
    late = [one for one in missed if one.occurred_at >= since]
    missed = sorted(late, key=lambda one: one.occurred_at)
    pause = Pause(since, until, tuple(missed))
    turn = turn_of(Situation(before, sequence, story.contact), pause, plan)
    decided = go_on(story, pause, plan)
    assert turn >= until
    if turn > until or plan.how is How.EXPIRE:
        assert sends(decided) == [], "nobody is mailed in the very moment"
    wakes = e.wakes_at(story.run.state)
    met = [one.step for one in decided if isinstance(one, e.Hold) and one.reason == "resumed"]
    assert len(met) <= 1, "at most one email is caught up with"
    if wakes is not None and isinstance(story.run.state, e.Holding) and met:
        assert wakes >= turn
    if plan.how is not How.SHIFT and wakes is not None and turn > until:
        assert wakes > until, "nothing is overdue any more"


@many
@given(sequences(), lives, st.integers(1, 60))
def test_a_shift_keeps_what_was_left_of_every_wait(
    sequence: Sequence, life: list[Act], days: int
) -> None:
    story = lived(sequence, life)
    due, since = e.wakes_at(story.run.state), story.now
    step = sequence.by_key.get(story.run.step)
    if not story.run.is_live or due is None or due <= since or isinstance(step, WaitUntil):
        return
    go_on(story, Pause(since, since + days * DAY), Resumption())
    assert e.wakes_at(story.run.state) == due + days * DAY


@many
@given(
    st.lists(st.integers(0, 80), min_size=1, max_size=6),
    st.integers(0, 90),
    st.integers(1, 60),
    st.sampled_from([HOUR, DAY, 2 * DAY]),
    st.sampled_from([timedelta(), HOUR, 6 * HOUR]),
)
def test_whoever_catches_up_never_gets_two_emails_within_the_gap(
    waits: list[int], hours: int, days: int, gap: timedelta, over: timedelta
) -> None:
    steps: list[Email | Wait] = []
    for number, wait in enumerate(waits):
        steps += [Email(f"m{number}", f"m{number}"), Wait(f"w{number}", wait * HOUR)]
    story = Story(a_sequence(*steps), ANA)
    story.enter()
    accepted: list[datetime] = []
    since = NOW + hours * HOUR
    play(story, since, accepted)
    story.now = max(story.now, since)
    until = story.now + days * DAY
    go_on(story, Pause(story.now, until), Resumption(How.CATCH_UP, over, gap))
    after: list[datetime] = []
    play(story, until + 100 * DAY, after)
    assert story.sent == [(f"m{n}", 1) for n in range(len(waits))], "nobody loses an email"
    assert all(at >= until for at in after)
    if story.run.gap:
        apart = [b - a for a, b in pairwise(after)]
        assert all(one >= gap for one in apart), apart


def play(story: Story, until: datetime, accepted: list[datetime]) -> None:
    """Let the clock and the provider do their part, until `until`."""
    while story.run.is_live:
        if isinstance(story.run.state, e.Sending):
            accepted.append(story.now)
            story.contact = replace(story.contact, mailed=(*story.contact.mailed, story.now))
            story.accept()
            continue
        due = e.wakes_at(story.run.state)
        if due is None or due > until:
            return
        story.sleep()


def series(at: timedelta) -> Story:
    """The series, `at` after its first email was accepted."""
    story = Story(SERIES, ANA)
    story.enter()
    story.accept()
    play(story, NOW + at, [])
    story.now = NOW + at
    return story


def test_waits_that_ended_during_the_pause_collapse_into_one_email() -> None:
    story = series(DAY)
    pause = Pause(story.now, story.now + 30 * DAY)
    go_on(story, pause, Resumption(How.CATCH_UP, HOUR, DAY))
    assert isinstance(story.run.state, e.Holding)
    assert (story.run.step, story.run.state.reason) == ("two", "resumed")
    assert pause.until < story.run.state.release <= pause.until + HOUR


def test_what_was_missed_expires_and_the_run_goes_on_to_what_comes_next() -> None:
    story = series(DAY)
    decided = go_on(story, Pause(story.now, NOW + 8 * DAY), Resumption(How.EXPIRE))
    assert [one for one in decided if isinstance(one, e.Skip)] == [
        e.Skip("two", EXPIRED), e.Skip("three", EXPIRED),
    ]  # fmt: skip
    assert (story.run.step, story.run.state) == ("w4", e.Waiting(NOW + 15 * DAY))


def test_a_date_that_is_waited_for_is_not_moved_by_a_pause() -> None:
    renewal = WaitUntil("renewal", "renewal", past="late")
    dated = a_sequence(renewal, Email("tell", "t"), Email("late", "l"))
    ana = a_contact(fields={"renewal": "2026-03-20"})
    for days, step in ((5, "renewal"), (60, "tell")):
        story = Story(dated, ana)
        story.enter()
        due = e.wakes_at(story.run.state)
        go_on(story, Pause(NOW, NOW + days * DAY), Resumption())
        assert story.run.step == step
        assert days > 5 or e.wakes_at(story.run.state) == due


@pytest.mark.parametrize("how", How)
def test_what_cancels_a_run_during_the_pause_cancels_it_after(how: How) -> None:
    cart = a_sequence(
        Wait("patience", 4 * HOUR), Email("remind", "basket"),
        trigger=Trigger("cart", cancel=("purchase",)),
    )  # fmt: skip
    story = Story(cart, ANA)
    story.enter()
    bought = an_occurrence("purchase", NOW + 2 * HOUR)
    go_on(story, Pause(NOW, NOW + 9 * DAY, (bought,)), Resumption(how))
    assert story.run.state == e.Exited("cancelled by purchase")


@pytest.mark.parametrize("how", [How.CATCH_UP, How.EXPIRE])
def test_an_answer_that_came_in_time_takes_the_yes_path_and_a_late_one_does_not(how: How) -> None:
    asked = a_sequence(
        WaitFor("answer", 2 * DAY, Match("visit"), yes="yes", no="no"),
        Wait("yes", 90 * DAY), Wait("no", 90 * DAY),
    )  # fmt: skip
    for day, path in ((1, "yes"), (3, "no")):
        story = Story(asked, ANA)
        story.enter()
        visit = an_occurrence("visit", NOW + day * DAY)
        go_on(story, Pause(NOW, NOW + 9 * DAY, (visit,)), Resumption(how))
        assert story.run.step == path


def test_several_runs_of_one_contact_take_turns() -> None:
    story = series(DAY)
    situation = Situation(story.run, SERIES, ANA)
    plan = Resumption(How.CATCH_UP, HOUR, DAY)
    turns = [turn_of(situation, Pause(NOW, NOW + 9 * DAY, turn=n), plan) for n in range(3)]
    assert [b - a for a, b in pairwise(turns)] == [DAY, DAY]


def test_turns_are_spread_and_stay_inside_the_window() -> None:
    office = Window(frozenset({1, 2, 3, 4, 5}), time(9), time(17))
    sequence = replace(SERIES, window=office)
    evening = NOW + timedelta(hours=7, minutes=30)  # Half an hour before closing.
    run = series(DAY).run
    turns = {
        turn_of(Situation(run, sequence, a_contact(id=n)), Pause(NOW, evening), Resumption())
        for n in range(200)
    }
    assert len(turns) > 190, "everybody has a turn of their own"
    assert all(one.hour in {9, 16} for one in turns)
    assert all(one >= evening for one in turns)
