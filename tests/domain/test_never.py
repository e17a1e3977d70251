"""What must never happen, whatever the sequence and whatever the life of the contact in it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.domain import enrollment as e
from nurture.domain.contact import Contact, refusal
from nurture.domain.decide import Situation, decide
from nurture.domain.decide import decided as decided_by
from nurture.domain.evolve import evolve
from nurture.domain.invariant import violations
from nurture.domain.sequence import Sequence, WaitFor
from nurture.domain.timing import next_open
from nurture.domain.zones import zone_of
from tests.domain.build import ANA, BEN, CLEO, Story, a_contact, an_enrollment
from tests.domain.generate import Act, lives, sequences

many = settings(max_examples=150)


class Life:
    """One life of a contact in one sequence. Every event is told twice, to be sure."""

    def __init__(self, sequence: Sequence, contact: Contact) -> None:
        self.story = Story(sequence, contact, an_enrollment(contact_id=contact.id))
        self.sent: set[tuple[str, int]] = set()
        self.taken: set[tuple[str, int]] = set()

    def act(self, act: Act) -> None:
        story = self.story
        due = e.wakes_at(story.run.state)
        if act.kind == "timer" and due is not None and act.lag:
            story.now = max(story.now, due)
        else:
            story.now += act.passed
        story.contact = act.change(story.contact)
        self.tell(act.event(story))

    def tell(self, event: e.Event) -> None:
        story, before = self.story, self.story.run
        situation = Situation(before, story.sequence, story.contact)
        at_once = decided_by(situation, event, story.now)
        assert at_once == decided_by(situation, event, story.now)
        decided = story.tell(event)
        # What is kept while it is being decided is what the decisions lead to.
        assert at_once == (decided, story.run)
        assert decided, "every event is answered"
        self.sends(decided, event)
        self.paths(decided, before)
        if not before.is_live:
            assert story.run == before
            assert all(isinstance(one, e.Note) for one in decided)
        due = e.wakes_at(before.state)
        if isinstance(event, e.TimerFired) and (due is None or due > story.now):
            assert story.run == before
        if not isinstance(event, e.TimerFired):
            self.repeat(event)
        self.remember(event)

    def repeat(self, event: e.Event) -> None:
        situation = Situation(self.story.run, self.story.sequence, self.story.contact)
        again = decide(situation, event, self.story.now)
        assert evolve(self.story.run, again) == self.story.run, (event, again)

    def sends(self, decided: tuple[e.Decision, ...], event: e.Event) -> None:
        story = self.story
        if isinstance(event, e.Held):
            self.sent.discard((event.step, event.pass_no))
        for one in decided:
            if isinstance(one, e.Send):
                assert refusal(story.contact, one.topic) is None
                assert (one.step, one.pass_no) not in self.sent
                zone = zone_of(story.contact, story.sequence)
                assert next_open(story.sequence.window, zone, story.now) == story.now
                assert one.pass_no > 1 or one.template not in story.contact.received
                self.sent.add((one.step, one.pass_no))

    def paths(self, decided: tuple[e.Decision, ...], before: e.Enrollment) -> None:
        run = before
        for one in decided:
            answered = isinstance(one, e.Take) and one.path in {"yes", "no", "unknowable"}
            if answered and isinstance(self.story.sequence.by_key.get(run.step), WaitFor):
                touch = (run.step, run.passes[run.step])
                assert touch not in self.taken
                self.taken.add(touch)
            run = evolve(run, [one])

    def remember(self, event: e.Event) -> None:
        contact = self.story.contact
        if isinstance(event, e.Happened):
            history = sorted((*contact.history, event.occurrence), key=lambda one: one.occurred_at)
            self.story.contact = replace(contact, history=tuple(history))
        if isinstance(event, e.Accepted):
            step = self.story.sequence.by_key.get(event.step)
            content = getattr(step, "content", None)
            if content is not None and (event.step, event.pass_no) in self.sent:
                self.story.contact = replace(contact, received=contact.received | {content})


def everybody() -> Iterator[Contact]:
    yield ANA
    yield BEN
    yield CLEO
    yield a_contact(id=4, consents={"marketing": True, "events": True}, timezone="Asia/Kathmandu")


@many
@given(sequences(), lives, st.sampled_from(list(everybody())))
def test_no_life_breaks_a_promise(sequence: Sequence, life: list[Act], contact: Contact) -> None:
    """Nobody refused is mailed, no pass is sent twice, no touch takes two paths, no run that is
    over changes, no timer fires early, no repetition changes anything, and every run at rest is
    sound: all asserted after every event by `Life`.
    """
    lived = Life(sequence, contact)
    lived.tell(e.Entered())
    for act in life:
        lived.act(act)


@pytest.mark.parametrize("contact", [BEN, CLEO], ids=["unsubscribed", "suppressed"])
@many
@given(sequence=sequences(), life=lives)
def test_whoever_may_not_be_mailed_never_is(
    contact: Contact, sequence: Sequence, life: list[Act]
) -> None:
    lived = Life(sequence, contact)
    lived.tell(e.Entered())
    for act in life:
        if act.kind != "contact":
            lived.act(act)
    allowed = {one.topic for one in lived.story.log if isinstance(one, e.Send)}
    assert allowed == set()


@many
@given(sequences())
def test_time_and_receipts_alone_bring_every_run_to_rest(sequence: Sequence) -> None:
    lived = Life(sequence, a_contact(consents={"marketing": True, "events": True}))
    lived.tell(e.Entered())
    # A touch takes a hold, a send and its receipt at most.
    most = 3 * sum(step.passes for step in sequence.steps)
    for _ in range(most):
        story = lived.story
        match story.run.state:
            case e.Sending(step, pass_no):
                lived.tell(e.Accepted(step, pass_no, story.now))
            case e.Waiting(instant) | e.Awaiting(instant) | e.Holding(_, instant):
                story.now = max(story.now, instant)
                lived.tell(e.TimerFired())
            case _:
                break
    assert not story_goes_on(lived.story)


def story_goes_on(story: Story) -> bool:
    return story.run.is_live and not isinstance(story.run.state, e.Exhausted)


@many
@given(sequences(), lives)
def test_no_step_is_met_more_often_than_its_limit(sequence: Sequence, life: list[Act]) -> None:
    lived = Life(sequence, ANA)
    lived.tell(e.Entered())
    for act in life:
        lived.act(act)
    met = [one.step for one in lived.story.log if isinstance(one, e.Meet)]
    for step in sequence.steps:
        assert met.count(step.key) <= step.passes
    assert violations(lived.story.run, sequence) == ()
