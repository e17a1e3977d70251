"""A history with an index answers as a plain one does, and looks at nothing twice."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.domain.conditions import Did, could_hold, holds
from nurture.domain.contact import Contact, Occurrence, Verdict, recalling
from nurture.domain.history import History, with_one
from nurture.domain.sequence import Goal, Match, WaitFor
from nurture.domain.situation import Situation, answered, reached
from nurture.domain.turning import turns_at
from tests.domain.build import ANA, DAY, HOUR, NOW, a_contact, a_sequence, an_enrollment

moments = st.integers(-60, 20).map(lambda n: NOW + n * HOUR)
occurrences = st.builds(
    Occurrence,
    st.sampled_from(["open", "click", "visit"]),
    moments,
    st.fixed_dictionaries(
        {},
        optional={
            "link": st.sampled_from(["a", "b"]),
            "sequence": st.just("welcome"),
            "step": st.sampled_from(["one", "two"]),
        },
    ),
    st.sampled_from([Verdict.HUMAN, Verdict.HUMAN, Verdict.UNKNOWN, Verdict.MACHINE]),
)
told = st.lists(occurrences, max_size=25)
wheres = st.sampled_from([{}, {"link": "a"}, {"link": ("a", "b")}, {"step": "one"}])
asked = st.builds(
    Did,
    st.sampled_from(["open", "click", "visit"]),
    st.integers(0, 3),
    st.none() | st.integers(1, 50).map(lambda n: timedelta(hours=n)),
    wheres,
    st.none() | st.integers(0, 3),
)


def both(known: list[Occurrence]) -> tuple[Contact, Contact]:
    """The same contact with a plain history and with one that grew, one after the other."""
    plain, grown = ANA, replace(ANA, history=History())
    for one in known:
        plain = replace(plain, history=with_one(plain.history, one))
        grown = replace(grown, history=with_one(grown.history, one))
    return plain, grown


@given(told, st.lists(asked, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_an_index_answers_every_condition_as_reading_does(
    known: list[Occurrence], conditions: list[Did]
) -> None:
    for length in range(0, len(known) + 1, 6):
        plain, grown = both(known[:length])
        assert tuple(grown.history) == plain.history
        for did in conditions:
            for now in (NOW - DAY, NOW, NOW + DAY):
                assert holds(did, plain, now) == holds(did, grown, now)
                assert could_hold(did, plain, now) == could_hold(did, grown, now)
                assert turns_at(did, plain, now) == turns_at(did, grown, now)


@given(told, st.sampled_from(["open", "click"]), st.sampled_from(["", "one"]), wheres, moments)
@settings(max_examples=150, deadline=None)
def test_an_index_answers_waits_and_goals_as_reading_does(
    known: list[Occurrence], event: str, of: str, where: dict[str, str], since: object
) -> None:
    match = Match(event, of, where)
    goal, wait = Goal("won", match, within=2 * DAY), WaitFor("w", DAY, match, yes="", no="")
    sequence = a_sequence(goal, wait)
    run = an_enrollment(entered_at=since)
    plain, grown = (Situation(run, sequence, contact) for contact in both(known))
    assert reached(plain, goal, NOW) == reached(grown, goal, NOW)
    until = run.entered_at + 2 * DAY
    assert answered(plain, wait, run.entered_at, until, NOW) == answered(
        grown, wait, run.entered_at, until, NOW
    )


def test_a_history_stays_what_it_was_when_another_grows_out_of_it() -> None:
    first = Occurrence("click", NOW)
    one = History([first])
    later, late = Occurrence("click", NOW + HOUR), Occurrence("visit", NOW - HOUR)
    two, other = one.and_then(later), one.and_then(Occurrence("open", NOW + DAY))
    assert (list(one), len(two), other[-1].name) == ([first], 2, "open")
    assert list(two.and_then(late)) == [late, first, later]
    counted = Did("click", 2)
    assert holds(counted, replace(ANA, history=two), NOW + DAY)
    assert not holds(counted, replace(ANA, history=one), NOW + DAY)
    assert two[-1] == later
    assert two[0:1] == (first,)
    assert list(reversed(two)) == [later, first]
    assert two == (first, later) != one


def test_each_occurrence_is_looked_at_once_for_each_question() -> None:
    """Counted in tests of occurrences, because seconds say more of the machine."""
    looked_at = 0

    def is_odd(one: Occurrence) -> bool:
        nonlocal looked_at
        looked_at += 1
        return bool(one.occurred_at.minute % 2)

    history = History()
    for minute in range(500):
        history = history.and_then(Occurrence("visit", NOW + timedelta(minutes=minute)))
        history = history.and_then(Occurrence("click", NOW + timedelta(minutes=minute)))
        assert len(history.times("odd", "visit", is_odd)) == (minute + 1) // 2
    assert looked_at == 500


def test_recalling_is_replacing_past_and_segments_and_nothing_else() -> None:
    contact = a_contact(
        language="vi", tags=frozenset({"vip"}), engagement=7.0, company_timezone="Asia/Tokyo"
    )
    past, places = (Occurrence("click", NOW),), frozenset({"north"})
    assert recalling(contact, past, places) == replace(contact, history=past, segments=places)
