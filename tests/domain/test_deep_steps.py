"""The steps that divide, date, act and lead beside, by example and by property."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain import enrollment as e
from nurture.domain.conditions import Compare, Did, Op, Subject
from nurture.domain.contact import Change, Fact, Occurrence, Value, Verdict
from nurture.domain.experiments import arm_of, experiment_key
from nurture.domain.sequence import (
    Arm,
    Branch,
    Case,
    Email,
    Enter,
    Exit,
    Goal,
    Leave,
    Match,
    Notify,
    Split,
    Trigger,
    Update,
    Wait,
    WaitFor,
    WaitUntil,
    Webhook,
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
    an_open,
)

HELLO, BYE = Email("hello", "hello", next="end"), Email("bye", "bye")
VIP = Compare(Subject("tag"), Op.CONTAINS, "vip")
HANOI = "Asia/Ho_Chi_Minh"


# ---- split -------------------------------------------------------------------------------


def test_a_split_leads_where_its_arm_leads_and_says_so() -> None:
    split = Split("half", (Arm("a", 1, "hello"), Arm("b", 1, "bye")))
    ways = {}
    for number in range(20):
        story = Story(a_sequence(split, HELLO, BYE), contact=a_contact(id=number))
        story.enter()
        (shown,) = (one for one in story.log if isinstance(one, e.Expose))
        assert e.Take("half", story.sent[0][0], shown.arm, "welcome.half") in story.log
        ways[shown.arm] = story.sent
    assert ways == {"a": [("hello", 1)], "b": [("bye", 1)]}


@given(
    contact=st.integers(1, 10**9),
    weights=st.lists(st.integers(1, 100), min_size=2, max_size=6),
    key=st.text("abc", min_size=1, max_size=5),
    targets=st.lists(st.sampled_from(["", "end", "x"]), min_size=6, max_size=6),
)
def test_a_contact_is_in_the_same_arm_for_ever(
    contact: int, weights: list[int], key: str, targets: list[str]
) -> None:
    arms = tuple(Arm(f"arm{n}", weight) for n, weight in enumerate(weights))
    who = a_contact(id=contact)
    first = arm_of(a_sequence(), Split("here", arms, key), who).key
    elsewhere = tuple(replace(arm, to=to) for arm, to in zip(arms, targets, strict=False))
    changed = replace(who, tags=frozenset({"vip"}), language="vi", engagement=50.0)
    later = a_sequence(key="other", version=9)
    assert arm_of(later, Split("there", elsewhere, key), changed).key == first


@pytest.mark.parametrize("weights", [(1, 1), (90, 10), (1, 1, 1), (5, 3, 2)])
def test_arms_get_their_shares_of_ten_thousand_contacts(weights: tuple[int, ...]) -> None:
    arms = tuple(Arm(f"arm{n}", weight) for n, weight in enumerate(weights))
    split, sequence = Split("half", arms, "offer"), a_sequence()
    found = Counter(arm_of(sequence, split, a_contact(id=n)).key for n in range(10_000))
    for arm in arms:
        share = arm.weight / sum(weights)
        # Four standard deviations of a fair draw.
        assert abs(found[arm.key] / 10_000 - share) < 4 * (share * (1 - share) / 10_000) ** 0.5


def test_two_experiments_divide_contacts_independently() -> None:
    one, two = (Split("s", (Arm("a"), Arm("b")), key) for key in ("one", "two"))
    both = Counter(
        (arm_of(a_sequence(), one, who).key, arm_of(a_sequence(), two, who).key)
        for who in (a_contact(id=n) for n in range(4_000))
    )
    assert all(850 < count < 1150 for count in both.values())
    assert len(both) == 4
    assert experiment_key(a_sequence(), replace(one, experiment="")) == "welcome.s"


# ---- what nobody can know ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "way"),
    [
        ((), "bye"),
        ((an_open("x", NOW - DAY),), "hello"),
        ((an_open("x", NOW - DAY, Verdict.UNKNOWN),), "perhaps"),
        ((an_open("x", NOW - DAY, Verdict.MACHINE),), "bye"),
        ((an_open("x", NOW - DAY, Verdict.UNKNOWN), an_open("x", NOW - DAY)), "hello"),
    ],
    ids=["nothing", "a person", "a proxy", "a machine", "a proxy and a person"],
)
def test_a_branch_on_opens_goes_where_unknowable_goes(
    history: tuple[Occurrence, ...], way: str
) -> None:
    fork = Branch("fork", (Case(Did("open"), "hello"),), otherwise="bye", unknowable="perhaps")
    steps = (fork, HELLO, replace(BYE, next="end"), Email("perhaps", "perhaps"))
    story = Story(a_sequence(*steps), contact=a_contact(history=history))
    story.enter()
    assert story.sent == [(way, 1)]


def test_a_case_before_the_one_that_cannot_be_known_is_taken_as_ever() -> None:
    cases = (Case(VIP, "hello"), Case(Did("open"), "bye"))
    fork = Branch("fork", cases, otherwise="end", unknowable="end")
    history = (an_open("x", NOW - DAY, Verdict.UNKNOWN),)
    vip = a_contact(tags=frozenset({"vip"}), history=history)
    story = Story(a_sequence(fork, HELLO, BYE), contact=vip)
    story.enter()
    assert story.sent == [("hello", 1)]


# ---- dates -------------------------------------------------------------------------------


def until(**changes: object) -> WaitUntil:
    given: dict[str, object] = {"past": "bye", "missing": "lost", **changes}
    return WaitUntil("date", **given)  # type: ignore[arg-type]


def dated(step: WaitUntil, value: Value, *, of_event: bool = False) -> Story:
    """A story whose contact (or the event of whose run) has a date; lives in Hanoi."""
    steps = (step, HELLO, replace(BYE, next="end"), Email("lost", "lost"))
    fields = {} if of_event or value is None else {"renewal": value}
    run = an_enrollment(properties={"starts_at": value} if of_event else {})
    story = Story(a_sequence(*steps), contact=a_contact(timezone=HANOI, fields=fields), run=run)
    story.enter()
    return story


@pytest.mark.parametrize(
    ("step", "value", "due"),
    [
        (until(field="renewal"), "2026-03-10", datetime(2026, 3, 9, 17, tzinfo=UTC)),
        (until(field="renewal", at=time(9)), "2026-03-10", datetime(2026, 3, 10, 2, tzinfo=UTC)),
        (until(field="renewal", offset=-3 * DAY, at=time(9)), "2026-03-10",
         datetime(2026, 3, 7, 2, tzinfo=UTC)),
        (until(field="renewal", offset=2 * DAY), "2026-03-10",
         datetime(2026, 3, 11, 17, tzinfo=UTC)),
        (until(field="renewal", offset=-2 * HOUR), "2026-03-10T18:00",
         datetime(2026, 3, 10, 9, tzinfo=UTC)),
        (until(field="renewal"), "2026-03-10T18:00Z", datetime(2026, 3, 10, 18, tzinfo=UTC)),
    ],
    ids=["local midnight", "at nine", "three days before at nine", "two days after",
         "two hours before", "an instant with a zone"],
)  # fmt: skip
def test_a_date_is_waited_for_with_its_offset(step: WaitUntil, value: str, due: datetime) -> None:
    story = dated(step, value)
    assert story.run.state == e.Waiting(due)
    story.sleep()
    assert story.sent == [("hello", 1)]


@pytest.mark.parametrize("value", [None, "", "soon", 20260310, True, "2026-02-30"])
def test_what_is_no_date_takes_the_path_for_that(value: Value) -> None:
    assert dated(until(field="renewal"), value).sent == [("lost", 1)]
    assert dated(until(property="starts_at"), value, of_event=True).sent == [("lost", 1)]


def test_a_date_that_is_over_takes_its_path_or_goes_on() -> None:
    assert dated(until(field="renewal"), "2026-03-01").sent == [("bye", 1)]
    assert dated(until(field="renewal", past=""), "2026-03-01").sent == [("hello", 1)]
    assert dated(until(field="renewal", missing=""), None).sent == [("hello", 1)]


def test_the_date_of_the_event_that_began_the_run_is_its_own() -> None:
    story = dated(until(property="starts_at", offset=-DAY), "2026-03-10T09:00", of_event=True)
    assert story.run.state == e.Waiting(datetime(2026, 3, 9, 2, tzinfo=UTC))


def test_a_date_that_changes_while_it_is_waited_for_moves_the_wait() -> None:
    story = dated(until(field="renewal"), "2026-03-10")
    story.contact = replace(story.contact, fields={"renewal": "2026-03-20"})
    story.tell(e.Reconsider())
    later = datetime(2026, 3, 19, 17, tzinfo=UTC)
    assert story.run.state == e.Waiting(later)
    story.contact = replace(story.contact, fields={"renewal": "2026-03-25"})
    story.sleep()
    assert story.run.state == e.Waiting(later + 5 * DAY), "moved once more, unheard"
    story.contact = replace(story.contact, fields={})
    story.tell(e.Reconsider())
    assert story.sent == [("lost", 1)]


# ---- acting ------------------------------------------------------------------------------


def test_an_update_changes_what_the_next_step_sees() -> None:
    changes = (
        Change(Fact.TAG, "vip"), Change(Fact.FIELD, "plan", "pro"), Change(Fact.BANT, "need", "yes")
    )  # fmt: skip
    fork = Branch("fork", (Case(VIP, "hello"),), otherwise="bye")
    story = Story(a_sequence(Update("mark", changes), fork, HELLO, BYE))
    story.enter()
    facts = [one for one in story.log if isinstance(one, e.SetFact)]
    assert [(one.fact, one.name, one.value) for one in facts] == [
        ("tag", "vip", None), ("field", "plan", "pro"), ("bant", "need", "yes")
    ]  # fmt: skip
    assert story.sent == [("hello", 1)]
    taken = Story(
        a_sequence(Update("mark", (Change(Fact.UNTAG, "vip"),)), fork, HELLO, BYE),
        contact=a_contact(tags=frozenset({"vip"})),
    )
    taken.enter()
    assert taken.sent == [("bye", 1)]


@pytest.mark.parametrize(
    ("step", "decided"),
    [
        (Notify("tell", "owner", "lead-alert"), e.Tell("tell", 1, "notice", "owner")),
        (Webhook("tell", "crm", "contact.hot"), e.Tell("tell", 1, "webhook", "crm")),
        (Enter("tell", "offers"), e.EnterBeside("tell", "offers")),
        (Leave("tell", "offers"), e.LeaveBeside("tell", "offers")),
    ],
    ids=["notify", "webhook", "enter", "leave"],
)
def test_what_is_done_beside_lets_the_run_go_on_at_once(
    step: Notify | Webhook | Enter | Leave, decided: e.Decision
) -> None:
    story = Story(a_sequence(step, HELLO))
    assert decided in story.enter()
    assert story.sent == [("hello", 1)]


def test_something_told_in_a_loop_is_told_once_for_each_pass() -> None:
    loop = Wait("rest", DAY, next="tell", passes=3)
    tell = Notify("tell", "owner", "lead-alert", next="rest", passes=3)
    story = Story(a_sequence(tell, loop))
    story.enter()
    for _ in range(3):
        story.sleep()
    told = [one.pass_no for one in story.log if isinstance(one, e.Tell)]
    assert told == [1, 2, 3]


# ---- goals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "reached"), [(DAY, True), (2 * DAY, True), (2 * DAY + HOUR, False)]
)
def test_a_goal_with_a_window_counts_what_happens_in_it(after: timedelta, *, reached: bool) -> None:
    goal = Goal("bought", Match("purchase"), within=2 * DAY, next="thanks")
    steps = (Wait("rest", 9 * DAY, next="end"), goal, Email("thanks", "thanks"))
    story = Story(a_sequence(*steps))
    story.enter()
    story.happen(an_occurrence("purchase", NOW + after))
    assert story.sent == ([("thanks", 1)] if reached else [])


def test_a_goal_reached_in_time_counts_though_it_is_told_late() -> None:
    goal = Goal("bought", Match("purchase"), within=2 * DAY)
    story = Story(a_sequence(Wait("rest", 9 * DAY, next="end"), goal))
    story.enter()
    story.now = NOW + 5 * DAY
    story.happen(an_occurrence("purchase", NOW + DAY))
    assert e.Take("rest", "bought", "goal") in story.log


def test_a_condition_that_becomes_true_after_the_window_reaches_no_goal() -> None:
    goal = Goal("vip", when=VIP, within=2 * DAY)
    for late, reached in ((DAY, True), (3 * DAY, False)):
        story = Story(a_sequence(Wait("rest", 9 * DAY, next="end"), goal))
        story.enter()
        story.contact = replace(ANA, tags=frozenset({"vip"}))
        story.tell(e.Reconsider(), late)
        assert (e.Take("rest", "vip", "goal") in story.log) is reached


# ---- beginning elsewhere, and what cancels -----------------------------------------------


def test_a_run_can_begin_at_a_step_and_a_step_that_is_gone_begins_at_the_first() -> None:
    steps = (Email("one", "one"), Wait("rest", DAY), Email("two", "two"))
    for at, sent in (("two", "two"), ("gone", "one"), ("", "one")):
        story = Story(a_sequence(*steps))
        story.tell(e.Entered(at))
        assert story.sent == [(sent, 1)]


def test_a_run_that_goes_on_waits_for_the_answer_to_the_email_of_the_one_before() -> None:
    answer = WaitFor("answer", 5 * DAY, Match("click", "one"), yes="hello", no="bye")
    story = Story(a_sequence(Email("one", "one"), answer, HELLO, BYE))
    story.tell(e.Entered("answer", NOW - 2 * DAY))
    assert story.run.state == e.Awaiting(NOW + 3 * DAY, NOW - 2 * DAY)
    story.sleep()
    assert story.sent == [("bye", 1)]


@pytest.mark.parametrize(("bought", "live"), [(-HOUR, True), (timedelta(), False), (HOUR, False)])
def test_only_what_happened_since_the_event_of_the_run_cancels_it(
    bought: timedelta, *, live: bool
) -> None:
    sequence = a_sequence(Wait("rest", DAY), trigger=Trigger("cart", cancel=("purchase",)))
    story = Story(sequence, run=an_enrollment(began=NOW - 3 * HOUR))
    story.enter()
    story.tell(e.Happened(an_occurrence("purchase", NOW - 3 * HOUR + bought)))
    assert story.run.is_live is live


def test_an_exit_on_the_way_ends_what_was_begun_elsewhere() -> None:
    story = Story(a_sequence(Email("one", "one"), Exit("bye", "enough")))
    story.tell(e.Entered("bye"))
    assert story.run.state == e.Exited("enough")


# ---- starting over -----------------------------------------------------------------------

contents = st.sampled_from(["a", "b", "c", "d"])


@given(
    steps=st.lists(contents, min_size=1, max_size=7),
    own=st.frozensets(contents),
    others=st.frozensets(contents),
)
def test_starting_over_sends_everything_again_but_what_came_by_another_door(
    steps: list[str], own: frozenset[str], others: frozenset[str]
) -> None:
    """`own` is what earlier runs here were the first to send, `others` what other doors were."""
    again = own - others
    sequence = a_sequence(*(Email(f"s{n}", content) for n, content in enumerate(steps)))
    story = Story(
        sequence, contact=a_contact(received=own | others), run=an_enrollment(again=again)
    )
    story.enter()
    while isinstance(story.run.state, e.Sending):
        story.accept()
    sent = [steps[int(step[1:])] for step, _ in story.sent]
    assert len(sent) == len(set(sent)), "and once each"
    assert set(sent) == set(steps) - (others | own) | (set(steps) & again)
