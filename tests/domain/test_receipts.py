"""What the fate of a send does to its run, and what stale or repeated receipts do not."""

from datetime import timedelta

import pytest

from nurture.domain import enrollment as e
from nurture.domain.sequence import Email, Wait
from tests.domain.build import DAY, HOUR, NOW, Story, a_sequence

TWO = a_sequence(Email("one", "one"), Wait("pause", DAY), Email("two", "two"))


def sending() -> Story:
    story = Story(TWO)
    story.enter()
    return story


def test_acceptance_is_remembered_and_the_run_goes_on() -> None:
    story = sending()
    story.accept(after=HOUR)
    assert story.run.accepted == {"one": NOW + HOUR}
    assert story.run.state == e.Waiting(NOW + HOUR + DAY)


def test_a_send_that_will_never_happen_is_skipped_and_the_run_goes_on() -> None:
    story = sending()
    assert story.tell(e.Unsent("one", 1, "cap"))[0] == e.Skip("one", "cap")
    assert story.run.state == e.Waiting(NOW + DAY)
    assert story.run.accepted == {}


def test_a_send_held_at_claim_time_is_tried_again_as_the_same_pass() -> None:
    story = sending()
    story.tell(e.Held("one", 1, "daily cap", NOW + HOUR))
    assert story.run.state == e.Holding("daily cap", NOW + HOUR)
    story.sleep()
    assert story.sent == [("one", 1), ("one", 1)]
    story.accept()
    assert story.run.step == "pause"


def test_a_broken_send_fails_the_run_for_a_person_to_look_at() -> None:
    story = sending()
    story.tell(e.Broken("one", 1, "no template"))
    assert story.run.state == e.Failed("no template")


@pytest.mark.parametrize(
    "receipt",
    [
        e.Accepted("one", 2, NOW),
        e.Accepted("two", 1, NOW),
        e.Unsent("one", 2, "cap"),
        e.Held("two", 1, "cap", NOW + HOUR),
        e.Broken("one", 2, "no template"),
    ],
    ids=str,
)
def test_a_receipt_for_another_pass_or_step_changes_nothing(receipt: e.Event) -> None:
    story = sending()
    before = story.run
    assert [type(one) for one in story.tell(receipt)] == [e.Note]
    assert story.run == before


@pytest.mark.parametrize("after", [timedelta(), HOUR])
def test_a_second_receipt_does_not_move_the_clock(after: timedelta) -> None:
    story = sending()
    story.accept()
    before = story.run
    story.tell(e.Accepted("one", 1, NOW + after), after=after)
    assert story.run == before


def test_a_receipt_of_an_earlier_pass_does_not_stand_for_the_newest() -> None:
    loop = a_sequence(Email("one", "one", passes=2), Wait("pause", DAY, next="one", passes=2))
    story = Story(loop)
    story.enter()
    story.accept()
    story.sleep()
    story.tell(e.Accepted("one", 1, NOW))
    assert story.run.accepted == {}
    story.accept()
    assert story.run.accepted == {"one": NOW + DAY}
