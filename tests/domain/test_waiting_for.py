"""Waiting for an answer: its clock, its three paths, and what is too late."""

from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.domain import enrollment as e
from nurture.domain.conditions import Compare, Op, Subject
from nurture.domain.contact import Occurrence, Verdict
from nurture.domain.sequence import Branch, Email, Match, Sequence, Wait, WaitFor
from tests.domain.build import ANA, DAY, HOUR, NOW, Story, a_sequence, an_occurrence, an_open, click

CLICKED = WaitFor("answer", 2 * DAY, Match("click", of="hello"), yes="gift", no="tip")
PATHS = (Email("gift", "gift", next="end"), Email("tip", "tip", next="end"))
ASKING = a_sequence(Email("hello", "hello"), CLICKED, *PATHS)


def asked(sequence: Sequence = ASKING) -> Story:
    """A story whose first email was accepted two hours after it began."""
    story = Story(sequence)
    story.enter()
    story.accept(after=2 * HOUR)
    return story


def test_the_clock_starts_when_the_provider_accepted_the_send() -> None:
    story = asked()
    accepted = NOW + 2 * HOUR
    assert story.run.state == e.Awaiting(accepted + 2 * DAY, accepted)


def test_the_clock_has_run_during_a_wait_in_between() -> None:
    story = asked(a_sequence(Email("hello", "hello"), Wait("pause", DAY), CLICKED, *PATHS))
    story.sleep()
    accepted = NOW + 2 * HOUR
    assert story.run.state == e.Awaiting(accepted + 2 * DAY, accepted)


def test_an_answer_takes_the_yes_path() -> None:
    story = asked()
    story.happen(click("hello", NOW + 3 * HOUR))
    assert e.Take("answer", "gift", "yes") in story.log
    assert story.sent == [("hello", 1), ("gift", 1)]


def test_a_time_out_takes_the_no_path() -> None:
    story = asked()
    story.sleep()
    assert e.Take("answer", "tip", "no", "timed out") in story.log
    assert story.sent == [("hello", 1), ("tip", 1)]


def test_an_answer_after_the_time_out_only_scores() -> None:
    story = asked()
    story.sleep()
    late = story.happen(click("hello", story.now + HOUR))
    assert late == (e.Note("Happened ignored", "click is not awaited; it only scores"),)


def test_an_answer_after_the_deadline_only_scores_even_when_the_timer_is_late() -> None:
    story = asked()
    late = click("hello", NOW + 3 * DAY)
    assert isinstance(story.happen(late)[0], e.Note)
    story.contact = replace(story.contact, history=(late,))
    story.tell(e.TimerFired())
    assert story.sent == [("hello", 1), ("tip", 1)]


def test_an_answer_in_time_counts_even_when_it_is_told_late() -> None:
    story = asked()
    story.contact = replace(story.contact, history=(click("hello", NOW + DAY),))
    story.sleep()
    assert story.sent == [("hello", 1), ("gift", 1)]


def test_an_answer_given_during_a_wait_counts_on_arrival() -> None:
    story = asked(a_sequence(Email("hello", "hello"), Wait("pause", DAY), CLICKED, *PATHS))
    story.contact = replace(story.contact, history=(click("hello", NOW + 4 * HOUR),))
    story.sleep()
    assert story.sent == [("hello", 1), ("gift", 1)]


def test_a_wait_already_over_on_arrival_times_out() -> None:
    story = asked(a_sequence(Email("hello", "hello"), Wait("pause", 3 * DAY), CLICKED, *PATHS))
    story.sleep()
    assert story.sent == [("hello", 1), ("tip", 1)]


def test_waiting_for_an_answer_to_an_email_never_sent_takes_the_no_path() -> None:
    story = Story(ASKING, contact=replace(ANA, received=frozenset({"hello"})))
    story.enter()
    assert e.Take("answer", "tip", "no", "never sent") in story.log


@pytest.mark.parametrize(
    "other",
    [
        click("gift", NOW + 3 * HOUR),
        click("hello", NOW + 3 * HOUR, verdict=Verdict.MACHINE),
        click("hello", NOW + 3 * HOUR, verdict=Verdict.UNKNOWN),
        click("hello", NOW + HOUR),
        an_open("hello", NOW + 3 * HOUR),
        an_occurrence("click", NOW + 3 * HOUR, properties={"sequence": "x", "step": "hello"}),
    ],
    ids=["another email", "a machine", "who knows", "before acceptance", "an open", "elsewhere"],
)
def test_what_is_not_the_answer_changes_nothing(other: Occurrence) -> None:
    story = asked()
    before = story.run
    assert isinstance(story.happen(other)[0], e.Note)
    assert story.run == before


def test_an_answer_may_have_to_go_to_a_certain_link() -> None:
    wanted = replace(CLICKED, match=Match("click", of="hello", where={"link": "*/pricing*"}))
    story = asked(a_sequence(Email("hello", "hello"), wanted, *PATHS))
    story.happen(click("hello", NOW + 3 * HOUR, link="https://x.example/blog"))
    assert isinstance(story.run.state, e.Awaiting)
    story.happen(click("hello", NOW + 4 * HOUR, link="https://x.example/Pricing?a=1"))
    assert story.sent[-1] == ("gift", 1)


OPENED = WaitFor(
    "answer", 2 * DAY, Match("open", of="hello"), yes="gift", no="tip", unknowable="gift"
)


def test_an_open_behind_a_privacy_proxy_goes_where_unknowable_goes() -> None:
    story = asked(a_sequence(Email("hello", "hello"), OPENED, *PATHS))
    hidden = an_open("hello", NOW + 3 * HOUR, Verdict.UNKNOWN)
    assert isinstance(story.happen(hidden)[0], e.Note)
    story.contact = replace(story.contact, history=(hidden,))
    story.sleep()
    assert e.Take("answer", "gift", "unknowable", "a privacy proxy hides opens") in story.log


def test_no_open_at_all_is_a_no() -> None:
    story = asked(a_sequence(Email("hello", "hello"), OPENED, *PATHS))
    story.sleep()
    assert story.sent[-1] == ("tip", 1)


def test_an_unknowable_open_without_a_path_of_its_own_is_a_no() -> None:
    story = asked(a_sequence(Email("hello", "hello"), replace(OPENED, unknowable=""), *PATHS))
    hidden = an_open("hello", NOW + 3 * HOUR, Verdict.UNKNOWN)
    story.contact = replace(story.contact, history=(hidden,))
    story.sleep()
    assert story.sent[-1] == ("tip", 1)


def test_a_proxy_seen_before_the_wait_says_nothing_about_it() -> None:
    any_open = replace(OPENED, match=Match("open"))
    story = Story(a_sequence(any_open, *PATHS))
    story.contact = replace(ANA, history=(an_open("old", NOW - 30 * DAY, Verdict.UNKNOWN),))
    story.enter()
    story.sleep()
    assert story.sent == [("tip", 1)]


VIP = Compare(Subject("tag"), Op.CONTAINS, "vip")


def test_a_condition_that_comes_true_takes_the_yes_path() -> None:
    story = Story(a_sequence(WaitFor("until", DAY, when=VIP, yes="gift", no="tip"), *PATHS))
    story.enter()
    assert story.tell(e.Reconsider()) == (e.Note("Reconsider ignored", "nothing follows"),)
    story.contact = replace(ANA, tags=frozenset({"vip"}))
    story.tell(e.Reconsider())
    assert story.sent == [("gift", 1)]


def test_a_condition_can_come_true_by_an_event_or_be_true_on_arrival() -> None:
    sequence = a_sequence(WaitFor("until", DAY, when=VIP, yes="gift", no="tip"), *PATHS)
    story = Story(sequence)
    story.enter()
    story.contact = replace(ANA, tags=frozenset({"vip"}))
    story.happen(an_occurrence("visit", NOW + HOUR))
    assert story.sent == [("gift", 1)]
    ready = Story(sequence, contact=replace(ANA, tags=frozenset({"vip"})))
    ready.enter()
    assert ready.sent == [("gift", 1)]


def test_one_event_does_not_answer_two_waits_in_a_row() -> None:
    first = WaitFor("first", DAY, Match("visit"), yes="second", no="tip")
    second = WaitFor("second", DAY, Match("visit"), yes="gift", no="tip")
    story = Story(a_sequence(first, second, *PATHS))
    story.enter()
    visit = an_occurrence("visit", NOW + HOUR)
    story.happen(visit)
    assert (story.run.step, story.sent) == ("second", [])
    assert isinstance(story.happen(visit)[0], e.Note)
    story.happen(an_occurrence("visit", NOW + 2 * HOUR))
    assert story.sent == [("gift", 1)]


def test_an_answer_to_the_last_pass_does_not_answer_for_a_pass_never_sent() -> None:
    loop = a_sequence(
        Email("hello", "hello", passes=2),
        WaitFor("answer", DAY, Match("click", of="hello"), yes="end", no="rest", passes=2),
        Branch("rest", (), otherwise="pause", passes=2),
        Wait("pause", HOUR, next="hello", passes=2),
    )
    story = Story(loop)
    story.enter()
    story.accept()
    story.sleep()
    story.sleep()
    assert story.sent == [("hello", 1), ("hello", 2)]
    story.tell(e.Unsent("hello", 2, "cap"))
    assert e.Take("answer", "rest", "no", "never sent") in story.log


def test_the_deadline_that_counts_is_the_one_of_the_run() -> None:
    # A pause shifts deadlines; the step's own duration no longer tells when the wait ends.
    story = asked()
    assert isinstance(story.run.state, e.Awaiting)
    shifted = replace(story.run.state, deadline=story.run.state.deadline + timedelta(days=5))
    story.run = replace(story.run, state=shifted)
    story.happen(click("hello", NOW + 6 * DAY))
    assert story.sent[-1] == ("gift", 1)


def test_either_the_yes_or_the_no_path_is_taken_never_both() -> None:
    answer, time_out = e.Happened(click("hello", NOW + DAY)), e.TimerFired()
    for first, second in ((answer, time_out), (time_out, answer)):
        story = asked()
        story.now = NOW + 5 * DAY
        story.tell(first)
        story.tell(second)
        taken = [one.path for one in story.log if isinstance(one, e.Take) and one.step == "answer"]
        assert len(taken) == 1
