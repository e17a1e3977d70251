"""The whole table of who may enter: re-entry, what is under way, and what a trigger makes of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.contact import Standing
from nurture.domain.sequence import Email, Reentry, Trigger, WhileActive
from nurture.engine.admission import Admission, Answer, Before, Why, admission, admitted
from tests.domain.build import ANA, CLEO, DAY, HOUR, NOW, a_contact, a_sequence, an_occurrence

HELLO = Email("hello", "hello")
KEYED = ("7", "8")
LIVE: Before = ("7", None)
OVER: Before = ("7", NOW - 9 * DAY)


def asked(reentry: str, active: str, *before: Before, queued: bool = False) -> Admission:
    key = "cart_id" if reentry == "keyed" else ""
    trigger = Trigger("cart", key=key, while_active=WhileActive(active))
    rule = Reentry(reentry)
    sequence = a_sequence(HELLO, trigger=trigger, reentry=rule, reentry_after=10 * DAY)
    return admission(sequence, ANA, "7" if key else "", before, NOW, queued=queued)


@pytest.mark.parametrize("reentry", list(Reentry))
@pytest.mark.parametrize(
    ("active", "answer"),
    [("ignore", Answer.REFUSE), ("restart", Answer.RESTART), ("queue", Answer.QUEUE)],
)
def test_what_is_under_way_is_left_to_the_trigger(
    reentry: str, active: str, answer: Answer
) -> None:
    assert asked(reentry, active, LIVE).answer is answer


@pytest.mark.parametrize(
    ("reentry", "before", "answer"),
    [
        ("never", (), Admission(Answer.ENTER)),
        ("never", (OVER,), Admission(Answer.REFUSE, Why.NEVER_AGAIN)),
        ("after", (OVER,), Admission(Answer.REFUSE, Why.TOO_EARLY)),
        ("after", (("", NOW - 10 * DAY),), Admission(Answer.ENTER)),
        ("after", (("", NOW - 90 * DAY), OVER), Admission(Answer.REFUSE, Why.TOO_EARLY)),
        ("one_at_a_time", (OVER, OVER), Admission(Answer.ENTER)),
        ("keyed", (OVER,), Admission(Answer.REFUSE, Why.KEY_AGAIN)),
        ("keyed", (("8", None),), Admission(Answer.ENTER)),
    ],
)
def test_who_has_been_through_comes_again_by_the_rule(
    reentry: str, before: tuple[Before, ...], answer: Admission
) -> None:
    assert asked(reentry, "ignore", *before) == answer


def test_what_was_queued_may_come_again_under_its_key() -> None:
    assert asked("keyed", "queue", OVER, queued=True).answer is Answer.ENTER
    assert asked("keyed", "queue", OVER).why is Why.KEY_AGAIN


def test_the_suppressed_and_those_of_another_stage_enter_nothing() -> None:
    sequence = a_sequence(HELLO)
    lead = a_contact(standing=Standing("lead", "lead", NOW))
    assert admitted(sequence, lead, "", (), NOW)
    assert admission(sequence, CLEO, "", (), NOW).why is Why.SUPPRESSED
    mql = a_contact(standing=Standing("mql", "mql", NOW))
    assert admission(sequence, mql, "", (), NOW).why is Why.STAGE
    assert admission(sequence, a_contact(), "", (), NOW).why is Why.STAGE


@given(
    bought=st.integers(-50, 50), key=st.sampled_from(KEYED), verdicts=st.booleans(),
    name=st.sampled_from(["purchase", "emptied", "visit"]),
)  # fmt: skip
def test_only_its_own_counter_event_at_or_after_the_trigger_keeps_a_run_from_beginning(
    bought: int, key: str, *, verdicts: bool, name: str
) -> None:
    trigger = Trigger("cart", key="cart_id", cancel=("purchase", "emptied"))
    sequence = a_sequence(HELLO, trigger=trigger, reentry=Reentry.KEYED)
    at = NOW - 60 * HOUR
    done = an_occurrence(name, at + timedelta(hours=bought), properties={"cart_id": key})
    contact = a_contact(history=(done,) if verdicts else ())
    over = verdicts and bought >= 0 and key == "7" and name != "visit"
    found = admission(sequence, contact, "7", (), NOW, at=at)
    assert found == (Admission(Answer.REFUSE, Why.CANCELLED) if over else Admission(Answer.ENTER))
