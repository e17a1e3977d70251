"""Random valid sequences, and random lives of a contact in them, for the properties."""

from dataclasses import dataclass, replace
from datetime import time, timedelta

from hypothesis import strategies as st

from nurture.domain import enrollment as e
from nurture.domain.conditions import Compare, Condition, Did, Op, Subject
from nurture.domain.contact import Change, Contact, Fact, Occurrence, Verdict
from nurture.domain.sequence import (
    Arm,
    Branch,
    Case,
    ChangeStage,
    Email,
    Enter,
    Exit,
    Goal,
    Leave,
    Match,
    MoveTo,
    Notify,
    Sequence,
    Split,
    Step,
    Trigger,
    Update,
    Wait,
    WaitFor,
    WaitUntil,
    Webhook,
)
from nurture.domain.timing import ANY_TIME, Window
from tests.domain.build import DAY, HOUR, MINUTE, Story, a_sequence

KINDS = (
    "email",
    "email",
    "email",
    "wait",
    "wait",
    "wait for",
    "branch",
    "act",
    "stage",
    "goal",
    "rare",
)
EVENTS = ("click", "open", "visit", "purchase")
WORKDAYS = Window(frozenset({1, 2, 3, 4, 5}), time(9), time(17))
NIGHTS = Window(frozenset({1, 3, 6}), time(22), time(3))


def tagged(tag: str) -> Condition:
    return Compare(Subject("tag"), Op.CONTAINS, tag)


facts = st.sampled_from([tagged("vip"), Did("visit"), Did("visit", 2, 2 * DAY), Did("purchase")])


@st.composite
def an_act(draw: st.DrawFn, key: str, onward: st.SearchStrategy[str], passes: int) -> Step:
    """A step that divides, dates or acts."""
    match draw(st.sampled_from(["split", "date", "update", "notify", "webhook", "beside"])):
        case "split":
            arms = tuple(Arm(arm, draw(st.integers(1, 3)), draw(onward)) for arm in "ab")
            return Split(key, arms, passes=passes)
        case "date":
            offset = HOUR * draw(st.integers(-80, 80))
            to, past, missing = draw(onward), draw(onward), draw(onward)
            return WaitUntil(key, "renewal", "", offset, None, to, past, missing, passes)
        case "update":
            changes = (Change(Fact.TAG, "vip"), Change(Fact.UNTAG, "gone"))
            return Update(key, changes[: draw(st.integers(1, 2))], draw(onward), passes)
        case "notify":
            return Notify(key, "owner", "lead-alert", draw(onward), passes)
        case "webhook":
            return Webhook(key, "crm", "contact.hot", (), draw(onward), passes)
        case _:
            kind = Enter if draw(st.booleans()) else Leave
            return kind(key, "offers", draw(onward), passes)


@st.composite
def a_step(draw: st.DrawFn, number: int, size: int) -> Step:
    """Step `number` of `size`. Paths lead on; only a wait leads back, so that loops take time."""
    key, passes = f"s{number}", draw(st.integers(1, 3))
    onward = st.sampled_from(["", "", "end", *(f"s{one}" for one in range(number + 1, size))])
    of = st.sampled_from(["", *(f"s{one}" for one in range(number))])
    match = st.builds(Match, st.sampled_from(EVENTS), of)
    match draw(st.sampled_from(KINDS)):
        case "email":
            content = f"content-{draw(st.integers(0, 9))}"
            topic = draw(st.sampled_from(["marketing", "marketing", "events"]))
            return Email(key, content, topic, draw(onward), passes)
        case "wait":
            back = draw(onward | st.sampled_from([f"s{one}" for one in range(number + 1)]))
            days = draw(st.sampled_from([frozenset[int](), frozenset({1, 4})]))
            at = draw(st.sampled_from([None, time(8, 30)]))
            length = HOUR * draw(st.integers(1, 80))
            return Wait(key, length, days, at, "" if back == key else back, passes)
        case "wait for":
            paths = (draw(onward), draw(onward), draw(onward))
            awaited = draw(st.none() | match)
            when = draw(facts) if awaited is None else draw(st.none() | facts)
            return WaitFor(key, HOUR * draw(st.integers(0, 90)), awaited, when, *paths, passes)
        case "branch":
            cases = tuple(Case(draw(facts), draw(onward)) for _ in range(draw(st.integers(0, 2))))
            return Branch(key, cases, draw(onward), draw(onward), passes)
        case "act":
            return draw(an_act(key, onward, passes))
        case "stage":
            return ChangeStage(key, "mql", draw(onward), passes)
        case "goal":
            return Goal(key, draw(st.none() | match), draw(st.none() | facts), draw(onward))
        case _:
            return Exit(key, "enough") if draw(st.booleans()) else MoveTo(key, "offers")


@st.composite
def sequences(draw: st.DrawFn) -> Sequence:
    size = draw(st.integers(1, 8))
    steps = [draw(a_step(number, size)) for number in range(size)]
    trigger = Trigger("cart", cancel=("purchase",)) if draw(st.booleans()) else None
    bound = {"trigger": trigger} if trigger and draw(st.booleans()) else {}
    return a_sequence(
        *steps,
        exits=draw(st.sampled_from([(), (("gone", tagged("gone")),)])),
        window=draw(st.sampled_from([ANY_TIME, ANY_TIME, WORKDAYS, NIGHTS])),
        spread=draw(st.sampled_from([timedelta(), HOUR])),
        **bound,
    )


@dataclass(frozen=True)
class Act:
    """One thing that may happen; `event` and `change` turn it into what fits the story so far."""

    kind: str
    step: str
    name: str
    verdict: Verdict
    passed: timedelta
    lag: timedelta

    def event(self, story: Story) -> e.Event:
        """Return the event that this act is, in `story` as it stands."""
        state, step = story.run.state, self.step
        pass_no = story.run.passes.get(step, 1)
        if isinstance(state, e.Sending) and self.kind != "stale":
            step, pass_no = state.step, state.pass_no
        match self.kind:
            case "accepted" | "stale":
                return e.Accepted(step, pass_no, story.now)
            case "unsent":
                return e.Unsent(step, pass_no, "cap")
            case "held":
                return e.Held(step, pass_no, "cap", story.now + self.lag + MINUTE)
            case "happened":
                return e.Happened(self.occurrence(story))
            case "withdrawn":
                return e.Withdrawn("a person")
            case "moved":
                return e.MovedAway("offers")
            case "content":
                return e.ContentAdded(self.step)
            case "entered":
                return e.Entered()
            case "reconsider" | "contact":
                return e.Reconsider()
            case _:
                return e.TimerFired()

    def occurrence(self, story: Story) -> Occurrence:
        """Return what the contact did, some time before it is told."""
        properties = {"sequence": story.sequence.key, "step": self.step}
        return Occurrence(self.name, story.now - self.lag, properties, self.verdict)

    def change(self, contact: Contact) -> Contact:
        """Return the contact as this act leaves them; told to the run only sometimes."""
        if self.kind != "contact":
            return contact
        match self.name:
            case "click":
                return replace(contact, consents={"marketing": self.step > "s3", "events": True})
            case "open":
                return replace(contact, suppressions=contact.suppressions ^ {"global"})
            case "visit":
                return replace(contact, tags=contact.tags ^ {"vip"})
            case _:
                return replace(contact, tags=contact.tags ^ {"gone"})


ACTS = (
    *("timer",) * 6, *("accepted",) * 6, *("happened",) * 5,
    "entered", "contact", "reconsider", "stale", "unsent", "held", "content", "withdrawn", "moved",
)  # fmt: skip
spans = st.sampled_from([timedelta(), timedelta(), MINUTE, HOUR, 7 * HOUR, DAY, 4 * DAY, 40 * DAY])
acts = st.builds(
    Act,
    st.sampled_from(ACTS),
    st.integers(0, 7).map(lambda number: f"s{number}"),
    st.sampled_from(EVENTS),
    st.sampled_from([Verdict.HUMAN, Verdict.HUMAN, Verdict.MACHINE, Verdict.UNKNOWN]),
    spans,
    spans,
)
lives = st.lists(acts, min_size=5, max_size=40)
