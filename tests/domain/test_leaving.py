"""How a run is left: exits, counter-events, goals, and what people and rules decide outside."""

from dataclasses import replace

import pytest

from nurture.domain import enrollment as e
from nurture.domain.conditions import Compare, Did, Op, Subject
from nurture.domain.contact import Occurrence, Verdict
from nurture.domain.decide import Situation, exit_reason
from nurture.domain.sequence import (
    Branch,
    Case,
    ChangeStage,
    Email,
    Goal,
    Match,
    Trigger,
    Wait,
    WaitFor,
)
from tests.domain.build import (
    ANA,
    DAY,
    HOUR,
    NOW,
    Story,
    a_contact,
    a_sequence,
    an_enrollment,
    an_occurrence,
)

GONE = Compare(Subject("tag"), Op.CONTAINS, "gone")
LEFT = replace(ANA, tags=frozenset({"gone"}))
CART = Trigger("cart", key="cart_id", cancel=("purchase", "emptied"))


def test_an_exit_rule_is_looked_at_on_entry() -> None:
    story = Story(a_sequence(Email("one", "one"), exits=(("gone", GONE),)), contact=LEFT)
    story.enter()
    assert (story.sent, story.run.state) == ([], e.Exited("gone"))


def test_an_exit_rule_is_looked_at_when_the_contact_changes_and_before_going_on() -> None:
    sequence = a_sequence(Wait("pause", DAY), Email("one", "one"), exits=(("gone", GONE),))
    for event in (e.Reconsider(), e.TimerFired(), e.Happened(an_occurrence("visit"))):
        story = Story(sequence)
        story.enter()
        story.contact, story.now = LEFT, NOW + DAY
        story.tell(event)
        assert (story.sent, story.run.state) == ([], e.Exited("gone"))


def test_an_exit_rule_is_looked_at_before_the_email_after_an_email() -> None:
    story = Story(a_sequence(Email("one", "one"), Email("two", "two"), exits=(("gone", GONE),)))
    story.enter()
    story.contact = LEFT
    story.tell(e.Accepted("one", 1, NOW))
    assert (story.sent, story.run.state) == ([("one", 1)], e.Exited("gone"))


def test_an_exit_rule_sees_what_just_happened() -> None:
    sequence = a_sequence(Wait("pause", DAY), exits=(("bought", Did("purchase")),))
    story = Story(sequence)
    story.enter()
    story.happen(an_occurrence("purchase"))
    assert story.run.state == e.Exited("bought")


def test_what_just_happened_counts_once_when_it_is_in_the_history_already() -> None:
    sequence = a_sequence(Wait("pause", DAY), exits=(("twice", Did("visit", at_least=2)),))
    for named in ({"id": 7}, {"dedupe_key": "visit-7"}, {}):
        story = Story(sequence)
        story.enter()
        visit = an_occurrence("visit", **named)
        story.contact = replace(ANA, history=(replace(visit),))
        story.happen(visit)
        assert isinstance(story.run.state, e.Waiting)
    story.happen(an_occurrence("visit", NOW + HOUR))
    assert story.run.state == e.Exited("twice")


def test_the_first_exit_rule_that_holds_names_the_reason() -> None:
    rules = (("bought", Did("purchase")), ("gone", GONE), ("also gone", GONE))
    sequence = a_sequence(exits=rules)
    assert exit_reason(Situation(an_enrollment(), sequence, LEFT), NOW) == "gone"
    assert exit_reason(Situation(an_enrollment(), sequence, ANA), NOW) is None


def in_cart(key: str = "A") -> Story:
    sequence = a_sequence(Wait("pause", DAY), Email("one", "one"), trigger=CART)
    story = Story(sequence, run=an_enrollment(entry_key=key))
    story.enter()
    return story


def test_a_counter_event_with_the_same_key_cancels() -> None:
    story = in_cart()
    story.happen(an_occurrence("purchase", properties={"cart_id": "A"}))
    assert story.run.state == e.Exited("cancelled by purchase")


@pytest.mark.parametrize(
    "other",
    [
        an_occurrence("purchase", properties={"cart_id": "B"}),
        an_occurrence("purchase"),
        an_occurrence("visit", properties={"cart_id": "A"}),
        an_occurrence("purchase", properties={"cart_id": "A"}, verdict=Verdict.MACHINE),
    ],
    ids=["another cart", "no cart", "another event", "a machine"],
)
def test_what_is_not_the_counter_event_leaves_the_run_alone(other: Occurrence) -> None:
    story = in_cart()
    story.happen(other)
    assert isinstance(story.run.state, e.Waiting)


def test_a_keyed_run_waits_for_what_belongs_to_its_own_key() -> None:
    trigger = Trigger("registered", key="event_id")
    steps = (WaitFor("came", DAY, Match("attended"), no="end"), Email("thanks", "thanks"))
    for key, came in (("7", True), ("8", False), (None, True)):
        story = Story(a_sequence(*steps, trigger=trigger), run=an_enrollment(entry_key="7"))
        story.enter()
        properties = {} if key is None else {"event_id": key}
        story.happen(an_occurrence("attended", NOW + HOUR, properties=properties))
        assert (story.sent == [("thanks", 1)]) is came


def test_a_keyed_run_has_its_own_goal() -> None:
    trigger = Trigger("registered", key="event_id")
    steps = (Wait("pause", DAY), Goal("came", Match("attended")))
    for number, came in ((7, True), (8, False)):
        story = Story(a_sequence(*steps, trigger=trigger), run=an_enrollment(entry_key="7"))
        story.enter()
        properties = {"event_id": number}
        story.happen(an_occurrence("attended", NOW + HOUR, properties=properties))
        assert (story.run.state == e.Completed("end")) is came


def an_answer(of: str, entry_key: str | None, name: str = "click") -> Occurrence:
    """An answer to the email of a step that a run under a key sent; None is one without."""
    told = {"sequence": "welcome", "step": of} | ({"entry_key": entry_key} if entry_key else {})
    return an_occurrence(name, NOW + HOUR, properties=told)


@pytest.mark.parametrize(("key", "own"), [("7", True), ("8", False), (None, True)])
def test_an_answer_to_an_email_is_one_to_the_run_that_sent_it(key: str, *, own: bool) -> None:
    trigger = Trigger("cart", key="cart_id")
    hello, clicked = Email("hello", "hello"), Did("click", where={"step": "hello"})
    waiting = (hello, WaitFor("back", DAY, Match("click", "hello"), no="end"), Email("tip", "tip"))
    by_condition = (hello, WaitFor("back", DAY, when=clicked, no="end"), Email("tip", "tip"))
    branching = (
        hello, Wait("pause", DAY), Branch("which", (Case(clicked, "tip"),), "end"),
        Email("tip", "tip"),
    )  # fmt: skip
    to_goal = (hello, Wait("pause", 2 * DAY), Goal("won", when=clicked, next="tip"),
               Email("tip", "tip"))  # fmt: skip
    for steps in (waiting, by_condition, branching, to_goal):
        story = Story(a_sequence(*steps, trigger=trigger), run=an_enrollment(entry_key="7"))
        story.enter()
        story.accept()
        answer = an_answer("hello", key)
        story.contact = replace(story.contact, history=(answer,))
        story.happen(answer)
        if steps is branching:
            story.sleep()
        assert (("tip", 1) in story.sent) is own, steps


def test_an_exit_asks_for_answers_to_its_own_runs_emails_and_else_for_all() -> None:
    trigger = Trigger("cart", key="cart_id")
    for where, leaves in (({"step": "hello"}, False), ({}, True)):
        exits = (("clicked", Did("click", where=where)),)
        sequence = a_sequence(Wait("pause", DAY), trigger=trigger, exits=exits)
        story = Story(sequence, run=an_enrollment(entry_key="7"))
        story.enter()
        story.happen(an_answer("hello", "8"))
        assert (story.run.state == e.Exited("clicked")) is leaves


def test_a_number_as_key_cancels_as_it_entered() -> None:
    story = in_cart("17")
    story.happen(an_occurrence("emptied", properties={"cart_id": 17}))
    assert story.run.state == e.Exited("cancelled by emptied")


def test_a_trigger_without_a_key_is_cancelled_by_any_counter_event() -> None:
    trigger = Trigger("visit", cancel=("purchase",))
    story = Story(a_sequence(Wait("pause", DAY), trigger=trigger))
    story.enter()
    story.happen(an_occurrence("purchase", properties={"cart_id": "B"}))
    assert story.run.state == e.Exited("cancelled by purchase")


GOAL = a_sequence(
    Email("one", "one"),
    Wait("pause", DAY),
    Email("two", "two"),
    Goal("bought", Match("purchase"), next="thanks"),
    Email("thanks", "thanks"),
)


def test_a_goal_reached_from_an_earlier_step_is_jumped_to() -> None:
    story = Story(GOAL)
    story.enter()
    story.accept()
    story.happen(an_occurrence("purchase", NOW + HOUR))
    jumped = [one for one in story.log if isinstance(one, e.Take)]
    assert jumped == [e.Take("pause", "bought", "goal"), e.Take("bought", "thanks", "reached")]
    assert story.sent == [("one", 1), ("thanks", 1)]


def test_a_goal_behind_the_run_does_not_pull_it_back() -> None:
    story = Story(GOAL)
    story.enter()
    story.accept()
    story.happen(an_occurrence("purchase", NOW + HOUR))
    again = story.happen(an_occurrence("purchase", NOW + 2 * HOUR))
    assert again == (e.Note("Happened ignored", "purchase is not awaited; it only scores"),)


def test_a_goal_reached_before_the_run_began_does_not_count() -> None:
    story = Story(GOAL)
    story.contact = replace(ANA, history=(an_occurrence("purchase", NOW - DAY),))
    story.enter()
    assert story.sent == [("one", 1)]


def test_a_goal_can_be_a_fact_about_the_contact() -> None:
    goal = Goal("vip", when=Compare(Subject("tag"), Op.CONTAINS, "vip"))
    story = Story(a_sequence(Wait("pause", DAY), goal))
    story.enter()
    story.contact = a_contact(tags=frozenset({"vip"}))
    story.tell(e.Reconsider())
    assert story.run.state == e.Exhausted(NOW)
    assert e.Take("pause", "vip", "goal") in story.log


def test_a_send_under_way_when_the_goal_is_reached_is_still_remembered() -> None:
    story = Story(GOAL)
    story.enter()
    story.happen(an_occurrence("purchase", NOW + HOUR))
    assert story.run.state == e.Sending("thanks", 1)
    decided = story.tell(e.Accepted("one", 1, NOW + HOUR))
    assert decided[0] == e.Remember("one", NOW + HOUR)
    assert story.run.state == e.Sending("thanks", 1)


def test_withdrawing_and_moving_away_end_every_live_run() -> None:
    for event, state in (
        (e.Withdrawn("erasure"), e.Exited("erasure")),
        (e.MovedAway("offers"), e.Moved("offers")),
    ):
        story = Story(a_sequence(ChangeStage("up", "mql")))
        story.enter()
        story.tell(event)
        assert story.run.state == state
        assert not story.run.is_live


def test_of_several_goals_reached_the_furthest_is_jumped_to() -> None:
    sequence = a_sequence(
        Wait("pause", DAY),
        Goal("tried", Match("purchase"), next="nudge"),
        Email("nudge", "nudge"),
        Goal("bought", Match("purchase")),
    )
    story = Story(sequence)
    story.enter()
    story.happen(an_occurrence("purchase", NOW + HOUR))
    assert (story.sent, story.run.step) == ([], "bought")


def test_a_run_through_an_empty_sequence_is_entered_once() -> None:
    story = Story(a_sequence())
    story.enter()
    before = story.run
    story.tell(e.Entered(), after=HOUR)
    assert story.run == before == an_enrollment(state=e.Exhausted(NOW))
