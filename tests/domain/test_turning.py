"""When the clock alone changes an answer: held equal to asking at every minute."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.domain.conditions import All, Any, Compare, Condition, Did, Not, Op, Subject, holds
from nurture.domain.contact import Contact, Occurrence, Standing, Verdict
from nurture.domain.turning import holds_until, looks_at_clock, timed_parts, turns_at
from tests.domain.build import DAY, HOUR, MINUTE, NOW, a_contact

HOURS = Subject("hours_in_stage")
END = NOW + 3 * DAY

minutes = st.integers(-2 * 24 * 60, 2 * 24 * 60).map(lambda number: number * MINUTE)
occurrences = st.builds(
    lambda name, shift, verdict: Occurrence(name, NOW + shift, {}, verdict),
    st.sampled_from(("click", "open")),
    minutes,
    st.sampled_from((Verdict.HUMAN, Verdict.HUMAN, Verdict.MACHINE, Verdict.UNKNOWN)),
)
dids = st.builds(
    lambda name, least, span, most: Did(
        name, least, None if span is None else span * MINUTE, {},
        None if most is None else least + most,
    ),
    st.sampled_from(("click", "open")),
    st.integers(0, 3),
    st.none() | st.integers(1, 2 * 24 * 60),
    st.none() | st.integers(0, 2),
)  # fmt: skip
hours = st.builds(
    lambda op, value: Compare(HOURS, op, value),
    st.sampled_from((Op.AT_LEAST, Op.AT_MOST, Op.ABOVE, Op.BELOW)),
    st.integers(0, 90) | st.floats(0, 90).map(lambda one: round(one, 2)),
)
dates = st.builds(
    lambda op, value: Compare(Subject("field", "renewal"), op, value),
    st.sampled_from((Op.AFTER, Op.BEFORE)),
    st.sampled_from(("now", "2026-03-03")),
) | st.builds(
    lambda op, value: Compare(Subject("field", "renewal"), op, value * 60),
    st.sampled_from((Op.WITHIN_LAST, Op.IN_NEXT)),
    st.integers(1, 3000),
)
leaves = dids | hours | dates
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda parts: (
        st.lists(parts, max_size=3).map(lambda some: All(tuple(some)))
        | st.lists(parts, max_size=3).map(lambda some: Any(tuple(some)))
        | parts.map(Not)
    ),
    max_leaves=4,
)
contacts = st.builds(
    lambda past, since, renewal: a_contact(
        history=tuple(sorted(past, key=lambda one: one.occurred_at)),
        standing=Standing("lead", "lead", NOW - since * MINUTE),
        fields={} if renewal is None else {"renewal": (NOW + renewal).isoformat()},
    ),
    st.lists(occurrences, max_size=6),
    st.integers(0, 3000),
    st.none() | minutes,
)


@settings(max_examples=150, deadline=None)
@given(conditions, contacts)
def test_between_two_turns_of_the_clock_the_answer_stays(
    condition: Condition, contact: Contact
) -> None:
    moment = NOW
    while moment < END:
        answer = holds(condition, contact, moment)
        turn = turns_at(condition, contact, moment)
        assert turn is None or turn > moment
        assert holds_until(condition, timed_parts(condition), contact, moment) == (answer, turn)
        until = min(turn or END, END)
        looked = moment
        while looked < until:
            assert holds(condition, contact, looked) == answer, (looked, turn)
            looked += 7 * MINUTE
        # The last instant before the turn, too: the turn is exact, not merely near.
        assert holds(condition, contact, until - timedelta(microseconds=1)) == answer
        moment = until


def test_a_window_runs_out_when_the_last_needed_occurrence_leaves_it() -> None:
    clicks = tuple(Occurrence("click", NOW - HOUR * age) for age in (30, 20, 10))
    contact = a_contact(history=clicks)
    assert turns_at(Did("click", 2, 2 * DAY), contact, NOW) == NOW - 20 * HOUR + 2 * DAY
    assert turns_at(Did("click", 4, 2 * DAY), contact, NOW) is None
    assert turns_at(Did("click", 2), contact, NOW) is None


def test_only_what_looks_at_the_clock_is_looked_at_again() -> None:
    assert looks_at_clock(All((Not(Did("click")), Compare(Subject("grade"), Op.IS, "A"))))
    assert looks_at_clock(Compare(HOURS, Op.ABOVE, 3))
    assert not looks_at_clock(Compare(Subject("engagement"), Op.ABOVE, 3))
    assert not looks_at_clock(Compare(Subject("field", "born"), Op.AFTER, "2000-01-01"))


def test_dates_and_hours_at_the_ends_of_the_calendar_never_come() -> None:
    contact = a_contact(
        fields={"renewal": "9999-12-31T23:59:59.999999+00:00"},
        standing=Standing("lead", "lead", NOW),
    )
    soon = Compare(Subject("field", "renewal"), Op.WITHIN_LAST, 86400)
    assert turns_at(soon, contact, NOW) is None
    assert turns_at(Compare(HOURS, Op.ABOVE, 10.0**12), contact, NOW) is None
