"""Frequency caps: never exceeded, and let go at the first instant that window and caps allow."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.caps import Cap, Rank, cap_release
from nurture.domain.contact import Contact
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import Hold, Holding, Reconsider, Send, Skip
from nurture.domain.sequence import Email
from nurture.domain.sequence import Sequence as Steps
from nurture.domain.timing import ANY_TIME, Window, next_open
from nurture.domain.waiting import CAP, WINDOW, delay
from nurture.domain.zones import zone_of
from tests.domain.build import ANA, DAY, HOUR, MINUTE, NOW, Story, a_sequence, an_enrollment

HELLO = Email("hello", "hello")
YEAR = timedelta(days=365)

caps = st.lists(
    st.builds(
        Cap,
        st.integers(1, 4),
        st.sampled_from([HOUR, 5 * HOUR, DAY, 7 * DAY]),
        st.just(YEAR),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
windows = st.sampled_from(
    [
        ANY_TIME,
        Window(frozenset({2, 4}), time(9), time(17)),
        Window(frozenset(range(1, 6)), time(22), time(2)),
    ]
)
wishes = st.lists(st.integers(0, 21 * 24 * 60), min_size=1, max_size=12).map(
    lambda some: [NOW + minute * MINUTE for minute in sorted(some)]
)
zones = st.sampled_from(["Asia/Ho_Chi_Minh", "America/New_York", "Pacific/Apia"])


def play(sequence: Steps, contact: Contact, wanted: Sequence[datetime]) -> list[datetime]:
    """Let emails be wanted at these instants, each tried again whenever its hold ends."""
    sent: list[datetime] = []
    waiting = list(wanted)
    while waiting:
        at = min(waiting)
        waiting.remove(at)
        held = delay(sequence, replace(contact, mailed=tuple(sent)), HELLO, at, None)
        if held is None:
            sent.append(at)
        else:
            assert held.release > at
            waiting.append(held.release)
    return sent


def is_legal(
    sequence: Steps, contact: Contact, mailed: Sequence[datetime], at: datetime
) -> bool:  # fmt: skip
    """Say it in another way: fewer emails than the cap in the time that ends now, window open."""
    opens = next_open(sequence.window, zone_of(contact, sequence), at, sequence.holidays)
    free = all(sum(at - cap.per < one <= at for one in mailed) < cap.count for cap in sequence.caps)
    return opens == at and free


@given(caps, windows, zones, wishes)
def test_no_cap_is_ever_exceeded(
    some: tuple[Cap, ...], window: Window, zone: str, wanted: list[datetime]
) -> None:
    sequence = a_sequence(HELLO, caps=some, window=window)
    sent = play(sequence, replace(ANA, timezone=zone), wanted)
    assert len(sent) == len(wanted)
    for cap in some:
        for last in sent:
            assert sum(last - cap.per < one <= last for one in sent) <= cap.count


@given(caps, windows, zones, wishes, st.floats(0, 1))
def test_a_release_is_the_first_instant_that_window_and_caps_allow(
    some: tuple[Cap, ...], window: Window, zone: str, wanted: list[datetime], part: float
) -> None:
    sequence = a_sequence(HELLO, caps=some, window=window)
    contact = replace(ANA, timezone=zone)
    mailed = play(sequence, contact, wanted)
    contact = replace(contact, mailed=tuple(mailed))
    for now in (mailed[-1], mailed[-1] + HOUR, mailed[-1] + DAY):
        held = delay(sequence, contact, HELLO, now, None)
        if held is None:
            assert is_legal(sequence, contact, mailed, now)
            continue
        assert is_legal(sequence, contact, mailed, held.release)
        edges = [one + cap.per for one in mailed for cap in some]
        edges += [held.release - MINUTE, now, now + (held.release - now) * part]
        for at in edges:
            assert not (now <= at < held.release and is_legal(sequence, contact, mailed, at))


@given(caps, wishes)
def test_the_cap_named_is_one_that_holds(some: tuple[Cap, ...], wanted: list[datetime]) -> None:
    mailed = play(a_sequence(HELLO, caps=some), ANA, wanted)
    now = mailed[-1]
    release, cap = cap_release(some, mailed, now)
    assert (cap is None) == (release == now)
    if cap is not None:
        assert sum(now - cap.per < one <= now for one in mailed) >= cap.count


ONE_A_DAY = a_sequence(HELLO, caps=(Cap(1, DAY, 3 * DAY),))


def told(sequence: Steps, contact: Contact, at: datetime) -> Story:
    story = Story(sequence, contact, replace(an_enrollment(), entered_at=at), at)
    story.enter()
    return story


def test_a_capped_email_is_held_until_the_earlier_one_is_a_day_old() -> None:
    story = told(ONE_A_DAY, replace(ANA, mailed=(NOW - 20 * HOUR,)), NOW)
    assert story.run.state == Holding(CAP, NOW + 4 * HOUR, NOW)
    (held,) = [one for one in story.log if isinstance(one, Hold)]
    assert held.zone == "account"
    story.sleep()
    assert (story.sent, story.now) == ([("hello", 1)], NOW + 4 * HOUR)


def test_what_would_be_held_longer_than_its_shift_is_passed_over() -> None:
    contact = replace(ANA, mailed=(NOW,))
    within = a_sequence(HELLO, caps=(Cap(1, DAY, DAY),))
    assert told(within, contact, NOW).run.state == Holding(CAP, NOW + DAY, NOW)
    beyond = a_sequence(HELLO, caps=(Cap(1, DAY, DAY - MINUTE),))
    story = told(beyond, contact, NOW)
    assert Skip("hello", CAP) in story.log
    assert story.sent == []


def test_the_shift_counts_from_the_first_of_several_holds() -> None:
    story = told(ONE_A_DAY, replace(ANA, mailed=(NOW,)), NOW)
    for days in (1, 2):
        story.contact = replace(ANA, mailed=(NOW + days * DAY - MINUTE,))
        story.sleep()
        assert isinstance(story.run.state, Holding)
    story.contact = replace(ANA, mailed=(story.now + DAY - 2 * MINUTE,))
    story.sleep()
    assert Skip("hello", CAP) in story.log


def test_what_is_transactional_knows_no_cap() -> None:
    free = replace(ONE_A_DAY, transactional=frozenset({"marketing"}))
    assert told(free, replace(ANA, mailed=(NOW,)), NOW).sent == [("hello", 1)]


def test_cap_and_window_hold_together_until_both_allow() -> None:
    morning = Window(frozenset(range(1, 8)), time(9), time(10))
    sequence = a_sequence(HELLO, caps=(Cap(1, DAY),), window=morning, fallback_zone="UTC")
    # Mailed at the end of the window: a day later it is closed, and opens the day after.
    story = told(sequence, replace(ANA, mailed=(NOW + HOUR - MINUTE,)), NOW + 2 * HOUR)
    assert story.run.state == Holding(CAP, NOW + DAY + HOUR - MINUTE, NOW + 2 * HOUR)
    late = told(sequence, replace(ANA, mailed=(NOW + 2 * HOUR,)), NOW + 3 * HOUR)
    assert late.run.state == Holding(CAP, NOW + 2 * DAY, NOW + 3 * HOUR)
    closed = told(sequence, ANA, NOW + 3 * HOUR)
    assert closed.run.state == Holding(WINDOW, NOW + DAY, NOW + 3 * HOUR)


def test_a_capped_email_leaves_as_soon_as_a_place_is_given_up() -> None:
    held = an_enrollment(
        state=Holding(CAP, NOW + DAY, NOW), step="hello", passes={"hello": 1}
    )  # fmt: skip
    free = Situation(held, ONE_A_DAY, ANA)
    assert Send("hello", 1, "hello", "marketing") in decide(free, Reconsider(), NOW + HOUR)
    still = Situation(held, ONE_A_DAY, replace(ANA, mailed=(NOW,)))
    assert not any(isinstance(one, Send | Hold) for one in decide(still, Reconsider(), NOW + HOUR))


def test_the_order_among_competing_emails() -> None:
    later = NOW + HOUR
    ranks = [
        Rank(False, 0, 0, later, 9),  # What is transactional,
        Rank(True, -2, 0, later, 8),  # then the later stage,
        Rank(True, -1, -5, later, 7),  # the higher priority,
        Rank(True, -1, 0, NOW, 6),  # what is due for longer,
        Rank(True, -1, 0, later, 4),  # and the older run.
        Rank(True, -1, 0, later, 5),
    ]
    assert sorted(ranks[3:] + ranks[:3]) == ranks
