"""Where an exhausted run goes on when its sequence has got more content."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.domain import enrollment as e
from nurture.domain.conditions import Compare, Op, Subject
from nurture.domain.sequence import (
    Branch,
    Case,
    Email,
    Match,
    Sequence,
    Step,
    Wait,
    WaitFor,
)
from nurture.domain.waking import wakes_into
from tests.domain.build import DAY, NOW, Story, a_sequence, an_enrollment

ONE, TWO, THREE = (Email(name, name) for name in ("one", "two", "three"))
REST = Wait("rest", 2 * DAY)
VIP = Compare(Subject("tag"), Op.CONTAINS, "vip")


def exhausted(step: str, *met: str) -> e.Enrollment:
    passes = dict.fromkeys((*met, step), 1) if step else {}
    return an_enrollment(state=e.Exhausted(NOW), step=step, passes=passes)


def of(*steps: Step) -> Sequence:
    return a_sequence(*steps)


FORK = WaitFor("fork", DAY, Match("click", "one"), yes="two", no="three")
BOTH_END = replace(FORK, yes="end", no="end")


@pytest.mark.parametrize(
    ("run", "old", "new", "wakes"),
    [
        (exhausted("one"), of(ONE), of(ONE, TWO), "two"),
        (exhausted("one"), of(ONE), of(ONE, REST, TWO), "rest"),
        (exhausted("one"), of(ONE), of(ONE, REST), ""),
        (exhausted("one"), of(ONE), of(replace(ONE, next="two"), THREE, TWO), "two"),
        (exhausted("two", "one"), of(ONE, TWO), of(ONE, THREE, TWO), "three"),
        (exhausted("two", "one"), of(ONE, TWO), of(ONE, Email("x", "x"), TWO, THREE), "three"),
        (exhausted("two", "one"), of(ONE, TWO), of(replace(TWO, next="end"), ONE), ""),
        (exhausted("two", "one", "fork"), of(ONE, FORK, replace(TWO, next="end"), THREE),
         of(ONE, FORK, replace(TWO, next="end"), THREE, Email("more", "more")), ""),
        (exhausted("three", "one", "fork"), of(ONE, FORK, replace(TWO, next="end"), THREE),
         of(ONE, FORK, replace(TWO, next="end"), THREE, Email("more", "more")), "more"),
        (exhausted("fork", "one"), of(ONE, BOTH_END),
         of(ONE, FORK, replace(TWO, next="end"), THREE), ""),
        (exhausted("fork", "one"), of(ONE, replace(FORK, no="end"), replace(TWO, next="end")),
         of(ONE, FORK, replace(TWO, next="end"), THREE), "three"),
        (exhausted("", *()), of(ONE), of(TWO, THREE), "two"),
        (exhausted("one"), of(ONE), of(replace(ONE, template="rewritten")), ""),
    ],
    ids=[
        "an email behind the last one", "through the wait before it", "a wait alone wakes nobody",
        "along the path that is written", "between steps that the run is past",
        "what lies ahead comes before what lies between", "in another order nothing is new",
        "behind the other arm of a fork", "behind one's own arm", "two arms ended: nobody knows",
        "the arm that ended goes on", "nothing is left of what was met", "the same step rewritten",
    ],
)  # fmt: skip
def test_an_exhausted_run_goes_on_where_it_stood(
    run: e.Enrollment, old: Sequence, new: Sequence, wakes: str
) -> None:
    assert wakes_into(run, old, new) == wakes


def test_content_received_by_another_door_wakes_nobody() -> None:
    run, old, new = exhausted("one"), of(ONE), of(ONE, REST, TWO)
    assert wakes_into(run, old, new, frozenset({"two"})) == ""


def test_a_run_that_woke_goes_through_what_stands_before_the_email() -> None:
    new = of(ONE, Branch("fork", (Case(VIP, "two"),), otherwise="three"), TWO, THREE)
    story = Story(new, run=exhausted("one"))
    step = wakes_into(story.run, of(ONE), new)
    story.tell(e.ContentAdded(step))
    assert (step, story.sent) == ("fork", [("three", 1)])


def play_to_the_end(story: Story) -> None:
    """Let time and receipts alone go on until there is nothing left."""
    while not isinstance(story.run.state, e.Exhausted):
        if isinstance(story.run.state, e.Sending):
            story.accept()
        else:
            story.sleep()


@settings(max_examples=200)
@given(data=st.data(), size=st.integers(1, 8), added=st.integers(1, 5))
def test_appending_wakes_everybody_at_the_end_and_sends_only_what_is_new(
    data: st.DataObject, size: int, added: int
) -> None:
    steps: list[Step] = []
    for number in range(size + added):
        if data.draw(st.booleans()):
            steps.append(Wait(f"w{number}", timedelta(hours=data.draw(st.integers(1, 50)))))
        steps.append(Email(f"e{number}", f"e{number}"))
    cut = next(n for n, one in enumerate(steps) if one.key == f"e{size - 1}") + 1
    old, new = a_sequence(*steps[:cut]), a_sequence(*steps)
    story = Story(old)
    story.enter()
    play_to_the_end(story)
    before = list(story.sent)
    story.sequence = new
    story.tell(e.ContentAdded(wakes_into(story.run, old, new)))
    play_to_the_end(story)
    assert story.sent == [*before, *((f"e{n}", 1) for n in range(size, size + added))]
