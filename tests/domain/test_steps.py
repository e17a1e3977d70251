"""Every kind of step, by example."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from nurture.domain import enrollment as e
from nurture.domain.conditions import Compare, Op, Subject
from nurture.domain.sequence import (
    Branch,
    Case,
    ChangeStage,
    Email,
    Exit,
    Goal,
    Match,
    MoveTo,
    Trigger,
    Wait,
)
from nurture.domain.timing import Window
from nurture.domain.walk import MOST_HOPS
from tests.domain.build import ANA, BEN, CLEO, DAY, HOUR, NOW, Story, a_contact, a_sequence

VIP = Compare(Subject("tag"), Op.CONTAINS, "vip")
WORKDAYS = frozenset({1, 2, 3, 4, 5})


def test_an_email_is_sent_and_the_run_waits_for_its_receipt() -> None:
    story = Story(a_sequence(Email("hello", "welcome-email", topic="marketing")))
    assert story.enter() == (e.Meet("hello", 1), e.Send("hello", 1, "welcome-email", "marketing"))
    assert story.run.state == e.Sending("hello", 1)


def test_a_contact_who_unsubscribed_leaves_instead_of_being_mailed() -> None:
    story = Story(a_sequence(Email("hello", "hello")), contact=BEN)
    story.enter()
    assert (story.sent, story.run.state) == ([], e.Exited("unsubscribed"))


def test_a_suppressed_contact_leaves_instead_of_being_mailed() -> None:
    story = Story(a_sequence(Email("hello", "hello")), contact=CLEO)
    story.enter()
    assert (story.sent, story.run.state) == ([], e.Exited("suppressed"))


def test_a_contact_who_never_consented_leaves_instead_of_being_mailed() -> None:
    story = Story(a_sequence(Email("hello", "hello", topic="events")))
    story.enter()
    assert (story.sent, story.run.state) == ([], e.Exited("no_consent"))


def test_a_suppressed_topic_is_an_unsubscribe_from_that_topic_only() -> None:
    contact = a_contact(suppressions=frozenset({"events"}), consents={"events": True, "news": True})
    about_events = Story(a_sequence(Email("hello", "hello", topic="events")), contact=contact)
    about_events.enter()
    assert about_events.run.state == e.Exited("unsubscribed")
    news = Story(a_sequence(Email("hello", "hello", topic="news")), contact=contact)
    news.enter()
    assert news.sent == [("hello", 1)]


def test_content_received_through_another_door_is_skipped() -> None:
    contact = a_contact(received=frozenset({"guide"}))
    story = Story(a_sequence(Email("one", "guide"), Email("two", "story")), contact=contact)
    story.enter()
    assert e.Skip("one", "received before") in story.log
    assert story.sent == [("two", 1)]


def test_the_same_content_twice_in_one_sequence_is_sent_once() -> None:
    story = Story(a_sequence(Email("one", "guide"), Email("two", "guide")))
    story.enter()
    story.accept()
    assert story.sent == [("one", 1)]
    assert story.run.state == e.Exhausted(NOW)


def test_a_meant_repetition_is_sent_again_once_per_pass() -> None:
    story = Story(
        a_sequence(Email("tip", "tip", passes=2), Wait("week", 7 * DAY, next="tip", passes=2))
    )
    story.enter()
    story.accept()
    story.sleep()
    story.accept()
    story.sleep()
    assert story.sent == [("tip", 1), ("tip", 2)]
    assert e.Note("pass limit", "tip was met 2 times already") in story.log
    assert isinstance(story.run.state, e.Exhausted)


def test_a_closed_window_holds_and_releases_when_it_opens() -> None:
    sequence = a_sequence(
        Email("hello", "hello"), window=Window(WORKDAYS, time(14), time(18)), fallback_zone="UTC"
    )
    story = Story(sequence)
    story.enter()
    opens = datetime(2026, 3, 2, 14, tzinfo=UTC)
    assert story.run.state == e.Holding("window", opens, since=NOW)
    assert story.tell(e.TimerFired()) == (e.Note("TimerFired ignored", "nothing is due"),)
    story.sleep()
    assert (story.now, story.sent) == (opens, [("hello", 1)])


@pytest.mark.parametrize("own", [False, True], ids=["the account's", "its own"])
def test_what_is_transactional_goes_at_once_unless_the_sequence_has_a_window(*, own: bool) -> None:
    sequence = a_sequence(
        Email("receipt", "receipt", topic="orders"),
        window=Window(WORKDAYS, time(14), time(18)),
        holidays=frozenset({NOW.date()}),
        window_is_own=own,
        transactional=frozenset({"orders"}),
    )
    story = Story(sequence)
    story.enter()
    if own:
        opens = datetime(2026, 3, 3, 14, tzinfo=UTC)
        assert story.run.state == e.Holding("holiday", opens, since=NOW)
    else:
        assert story.sent == [("receipt", 1)]


def test_the_window_is_open_in_the_contacts_own_zone() -> None:
    sequence = a_sequence(Email("hello", "hello"), window=Window(WORKDAYS, time(14), time(18)))
    story = Story(sequence, contact=a_contact(timezone="Asia/Ho_Chi_Minh"))
    story.enter()
    assert story.sent == [("hello", 1)]  # 09:00 UTC is 16:00 there.


def test_a_release_is_spread_by_contact_and_stays_inside_the_window() -> None:
    sequence = a_sequence(
        Email("hello", "hello"), window=Window(WORKDAYS, time(14), time(18)), spread=HOUR
    )
    releases = set()
    for number in range(20):
        story = Story(sequence, contact=a_contact(id=number))
        story.enter()
        assert isinstance(story.run.state, e.Holding)
        releases.add(story.run.state.release)
        assert timedelta(0) <= story.run.state.release - NOW - 5 * HOUR < HOUR
    assert len(releases) > 10


def test_a_contact_who_unsubscribes_while_held_is_not_mailed() -> None:
    story = Story(a_sequence(Email("hello", "hello"), window=Window(WORKDAYS, time(14), time(18))))
    story.enter()
    story.contact = replace(ANA, consents={"marketing": False})
    story.sleep()
    assert (story.sent, story.run.state) == ([], e.Exited("unsubscribed"))


def test_a_wait_lasts_its_duration() -> None:
    story = Story(a_sequence(Wait("pause", 3 * DAY), Email("hello", "hello")))
    story.enter()
    assert story.run.state == e.Waiting(NOW + 3 * DAY)
    story.sleep()
    assert story.sent == [("hello", 1)]


@pytest.mark.parametrize(
    ("step", "due"),
    [
        (Wait("w", timedelta(), frozenset({2}), time(8)), datetime(2026, 3, 3, 1, tzinfo=UTC)),
        (Wait("w", timedelta(), frozenset({1}), time(8)), datetime(2026, 3, 9, 1, tzinfo=UTC)),
        (Wait("w", timedelta(), frozenset({1}), time(17)), datetime(2026, 3, 2, 10, tzinfo=UTC)),
        (Wait("w", DAY, at=time(8)), datetime(2026, 3, 4, 1, tzinfo=UTC)),
        (Wait("w", 3 * DAY, WORKDAYS), datetime(2026, 3, 5, 9, tzinfo=UTC)),
        (Wait("w", 5 * DAY, WORKDAYS), datetime(2026, 3, 8, 17, tzinfo=UTC)),
    ],
    ids=[
        "the next Tuesday",
        "Monday next week, for eight has passed",
        "later today",
        "a day, and then eight",
        "three days end on a workday",
        "five days end on a Saturday",
    ],
)
def test_a_wait_can_end_on_a_weekday_at_a_time_of_the_contact(step: Wait, due: datetime) -> None:
    story = Story(a_sequence(step), contact=a_contact(timezone="Asia/Ho_Chi_Minh"))
    story.enter()
    assert story.run.state == e.Waiting(due)


def test_a_wait_that_is_over_on_arrival_is_passed() -> None:
    story = Story(a_sequence(Wait("today", days=frozenset({1})), Email("hello", "hello")))
    story.enter()
    assert story.sent == [("hello", 1)]


def test_a_branch_takes_the_first_case_that_holds_and_only_that() -> None:
    sequence = a_sequence(
        Branch("fork", (Case(VIP, "gold"), Case(VIP, "silver")), otherwise="plain"),
        Email("gold", "gold", next="end"),
        Email("silver", "silver", next="end"),
        Email("plain", "plain"),
    )
    vip = Story(sequence, contact=a_contact(tags=frozenset({"vip"})))
    vip.enter()
    assert (vip.sent, e.Take("fork", "gold", "case 1") in vip.log) == ([("gold", 1)], True)
    other = Story(sequence)
    other.enter()
    assert (other.sent, e.Take("fork", "plain", "else") in other.log) == ([("plain", 1)], True)


def test_moving_to_another_sequence_ends_the_run_as_moved() -> None:
    story = Story(a_sequence(MoveTo("on", "offers")))
    assert story.enter()[-1] == e.EnterSequence("on", "offers")
    assert story.run.state == e.Moved("offers")


def test_a_refused_change_of_stage_lets_the_run_go_on() -> None:
    story = Story(a_sequence(ChangeStage("up", "mql"), Email("hello", "hello")))
    assert e.SetStage("up", "mql") in story.enter()
    assert story.run.state == e.Waiting(NOW)
    story.sleep()
    assert story.sent == [("hello", 1)]


def test_a_taken_change_of_stage_moves_the_run_away() -> None:
    story = Story(a_sequence(ChangeStage("up", "mql"), Email("hello", "hello")))
    story.enter()
    story.tell(e.MovedAway("offers"))
    assert (story.sent, story.run.state) == ([], e.Moved("offers"))


def test_an_exit_step_leaves_for_its_reason() -> None:
    story = Story(a_sequence(Exit("bye", "not interested")))
    story.enter()
    assert story.run.state == e.Exited("not interested")


def test_a_goal_in_passing_says_whether_it_was_reached() -> None:
    story = Story(a_sequence(Goal("bought", Match("purchase"))))
    assert e.Take("bought", "end", "not reached") in story.enter()


def test_the_end_of_a_stage_sequence_is_exhausted_and_new_content_wakes_it() -> None:
    story = Story(a_sequence(Email("one", "one"), Email("two", "two", next="end")))
    story.sequence = a_sequence(Email("one", "one"))
    story.enter()
    story.accept()
    assert story.run.state == e.Exhausted(NOW)
    story.sequence = a_sequence(Email("one", "one"), Email("two", "two"))
    story.tell(e.ContentAdded("two"), after=DAY)
    assert story.sent == [("one", 1), ("two", 1)]


def test_exit_rules_hold_for_contacts_woken_by_new_content() -> None:
    gone = Compare(Subject("tag"), Op.CONTAINS, "gone")
    story = Story(a_sequence(exits=(("gone", gone),)))
    story.enter()
    story.sequence = a_sequence(Email("one", "one"), exits=(("gone", gone),))
    story.contact = replace(ANA, tags=frozenset({"gone"}))
    story.tell(e.ContentAdded("one"))
    assert (story.sent, story.run.state) == ([], e.Exited("gone"))


def test_the_end_of_a_triggered_sequence_is_completed() -> None:
    story = Story(a_sequence(Email("one", "one"), trigger=Trigger("cart")))
    story.enter()
    story.accept()
    assert story.run.state == e.Completed("end")


def test_a_path_to_a_step_that_is_not_there_fails_visibly() -> None:
    story = Story(a_sequence(Email("one", "one", next="nowhere")))
    story.enter()
    story.accept()
    assert story.run.state == e.Failed("the step 'nowhere' is not in this version")


def test_a_timer_of_a_step_that_is_not_there_fails_visibly() -> None:
    story = Story(a_sequence(Wait("pause", DAY)))
    story.enter()
    story.sequence = a_sequence(Email("one", "one"))
    story.now += DAY
    decided = e.Finish(e.Failed("the step 'pause' is not in this version"))
    assert story.tell(e.TimerFired()) == (decided,)


def test_a_circle_without_a_wait_fails_instead_of_spinning() -> None:
    sequence = a_sequence(
        Branch("a", (), otherwise="b", passes=10_000), Branch("b", (), otherwise="a", passes=10_000)
    )
    story = Story(sequence)
    story.enter()
    assert story.run.state == e.Failed("the sequence turns in a circle at 'a'")
    assert sum(isinstance(one, e.Meet) for one in story.log) == MOST_HOPS


def test_a_long_sequence_received_before_is_passed_over_in_one_walk() -> None:
    steps = [Email(f"step-{number}", f"content-{number}") for number in range(3 * MOST_HOPS)]
    received = frozenset(step.template for step in steps)
    story = Story(a_sequence(*steps), contact=a_contact(received=received))
    story.enter()
    assert (story.sent, story.run.state) == ([], e.Exhausted(NOW))


def test_a_timer_on_a_step_of_another_kind_goes_on() -> None:
    # A migration may put a waiting run on an email step, or a hold on a wait.
    story = Story(a_sequence(Email("one", "one"), Email("two", "two")))
    story.run = replace(story.run, state=e.Waiting(NOW), step="one", passes={"one": 1})
    decided = e.Send("two", 1, "two", "marketing")
    story.now += HOUR
    assert story.tell(e.TimerFired())[-1] == decided


def test_a_closed_window_holds_every_pass() -> None:
    sequence = a_sequence(
        Email("tip", "tip", passes=2),
        Wait("night", 16 * HOUR, next="tip", passes=2),
        window=Window(WORKDAYS, time(9), time(18)),
    )
    story = Story(sequence)
    story.enter()
    story.accept()
    story.sleep()
    assert story.run.state == e.Holding("window", NOW + DAY, since=story.now)
    story.sleep()
    assert story.sent == [("tip", 1), ("tip", 2)]
