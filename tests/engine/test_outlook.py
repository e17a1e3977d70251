"""When a run has no more content, if nothing happens."""

from dataclasses import replace
from datetime import time, timedelta

from hypothesis import given, settings

from nurture.campaigns.parse import parse_funnel
from nurture.domain import enrollment as e
from nurture.domain.contact import Change, Fact, Standing, changed
from nurture.domain.sequence import (
    Branch,
    Case,
    ChangeStage,
    Email,
    Exit,
    Match,
    Sequence,
    Update,
    Wait,
    WaitFor,
)
from nurture.domain.timing import Window
from nurture.engine.life import Life
from nurture.engine.outlook import Fate, Outlook, outlook
from nurture.engine.world import World
from tests.domain.build import ANA, DAY, HOUR, NOW, Story, a_sequence, an_enrollment
from tests.domain.generate import sequences
from tests.domain.test_steps import VIP, WORKDAYS
from tests.engine.world import FUNNEL

FAR = NOW + timedelta(weeks=12)


# Nobody changes stage here: each run ends by its own steps.
RULES = parse_funnel({**FUNNEL, "edges": [], "guards": {"contact_daily": 100}}, version=1)


def foreseen(story: Story, *, in_hand: bool = False) -> Outlook:
    """What becomes of a story's run; an email under way is in the queue, or in hand."""
    contact = replace(story.contact, standing=Standing("lead", "lead", NOW))
    run = replace(story.run, id=1)
    world = World(RULES, {story.sequence.key: story.sequence})
    life = Life(world, contact, story.now, [run], pinned={1: story.sequence})
    if isinstance(run.state, e.Sending):
        life.post.queue(0, run.state.step, run.state.pass_no, in_hand=in_hand)
    return outlook(life, 0, FAR)


def begun(story: Story) -> Story:
    story.enter()
    return story


def test_waits_and_unanswered_questions_add_up() -> None:
    steps = (
        Email("one", "one"),
        Wait("rest", 3 * DAY),
        WaitFor("answer", 7 * DAY, Match("click", "one"), yes="end", no="two"),
        Email("two", "two"),
    )
    story = begun(Story(a_sequence(*steps)))
    assert foreseen(story) == Outlook(Fate.DRY, NOW + 7 * DAY)


def test_the_window_and_what_was_received_are_reckoned_in() -> None:
    window = Window(WORKDAYS, time(14), time(18))
    steps = (Email("one", "one"), Wait("rest", 4 * DAY), Email("two", "two"), Wait("end_", DAY))
    story = begun(Story(a_sequence(*steps, window=window)))
    # Held till two in the afternoon of Monday; four days on it is Friday at two, which is open.
    assert foreseen(story) == Outlook(Fate.DRY, NOW + 5 * HOUR + 5 * DAY)
    two = replace(ANA, received=frozenset({"two"}))
    shorter = begun(Story(a_sequence(Email("one", "one"), Email("two", "two")), contact=two))
    assert foreseen(shorter) == Outlook(Fate.DRY, NOW)


def test_an_email_under_way_is_received_and_does_not_leave_again_through_another_step() -> None:
    window = Window(WORKDAYS, time(14), time(18))
    steps = (Email("one", "same"), Email("two", "same"), Email("three", "other"), Wait("rest", DAY))
    story = begun(Story(a_sequence(*steps)))
    assert isinstance(story.run.state, e.Sending)
    story.sequence = replace(story.sequence, window=window, caps=())
    assert foreseen(story, in_hand=True) == Outlook(Fate.DRY, NOW + 5 * HOUR + DAY)
    # Without another content there is nothing to hold until the window opens.
    story.sequence = replace(a_sequence(*steps[:2], steps[3]), window=window)
    assert foreseen(story, in_hand=True) == Outlook(Fate.DRY, NOW + DAY)
    # What waits in the queue is looked at once more, and held itself.
    assert foreseen(story) == Outlook(Fate.DRY, NOW + 5 * HOUR + DAY)


def test_who_is_exhausted_is_so_since_then_and_who_leaves_leaves() -> None:
    story = Story(a_sequence(), run=an_enrollment(state=e.Exhausted(NOW - DAY)))
    assert foreseen(story) == Outlook(Fate.DRY, NOW - DAY)
    leaving = begun(Story(a_sequence(Wait("rest", DAY), Exit("bye", "enough"))))
    assert foreseen(leaving) == Outlook(Fate.OVER, NOW + DAY)


def test_a_long_wait_ends_later_and_a_refused_change_of_stage_goes_on() -> None:
    later = begun(Story(a_sequence(Wait("rest", timedelta(weeks=30)), Email("one", "one"))))
    assert foreseen(later) == Outlook(Fate.LATER, FAR)
    asking = begun(Story(a_sequence(ChangeStage("up", "mql"), Wait("rest", DAY))))
    assert foreseen(asking) == Outlook(Fate.DRY, NOW + DAY)


def test_what_a_step_changes_is_seen_by_the_branch_after_it() -> None:
    steps = (
        Wait("rest", DAY),
        Update("mark", (Change(Fact.TAG, "vip"),)),
        Wait("more", DAY),
        Branch("fork", (Case(VIP, "end"),), otherwise="bye"),
        Exit("bye", "not a vip"),
    )
    assert foreseen(begun(Story(a_sequence(*steps)))) == Outlook(Fate.DRY, NOW + 2 * DAY)


@settings(max_examples=150)
@given(sequence=sequences())
def test_it_is_what_time_and_receipts_alone_lead_to(sequence: Sequence) -> None:
    story = begun(Story(sequence))
    told = foreseen(story)
    while story.run.is_live and not isinstance(story.run.state, e.Exhausted):
        due = e.wakes_at(story.run.state)
        if due is not None and due > FAR:
            break
        seen = len(story.log)
        if isinstance(story.run.state, e.Sending):
            story.accept()
        else:
            story.sleep()
        for one in story.log[seen:]:
            if isinstance(one, e.SetFact):
                story.contact = changed(story.contact, Change(Fact(one.fact), one.name, one.value))
    if isinstance(story.run.state, e.Exhausted):
        assert told == Outlook(Fate.DRY, story.run.state.since)
    elif story.run.is_live:
        assert told == Outlook(Fate.LATER, FAR)
    else:
        assert told == Outlook(Fate.OVER, story.now)
