"""What keeps an email back at the last moment, and what then becomes of its run."""

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from nurture.domain import enrollment as e
from nurture.domain.conditions import ALWAYS
from nurture.domain.contact import Contact
from nurture.domain.last_look import Touch, hindrance
from nurture.domain.sequence import Email
from nurture.domain.situation import Situation
from nurture.domain.timing import Window
from nurture.domain.walk import RECEIVED_BEFORE
from tests.domain.build import ANA, BEN, CLEO, HOUR, NOW, a_sequence, an_enrollment

HELLO = Email("hello", "hello")
TOUCH = Touch("hello", 1, "marketing", "hello", NOW - HOUR)
HAD_IT = replace(ANA, received=frozenset({"hello"}))
# It is Monday, nine in the morning; this window opens on Tuesdays only.
LATER = Window(frozenset({2}), time(8), time(18))


def asked(contact: Contact = ANA, touch: Touch = TOUCH, **changes: Any) -> object:
    run = an_enrollment(state=e.Sending("hello", touch.pass_no), step="hello")
    return hindrance(Situation(run, a_sequence(HELLO, **changes), contact), touch, NOW)


def test_nothing_keeps_back_what_may_go() -> None:
    assert asked() is None


@pytest.mark.parametrize(
    ("contact", "changes", "reason"),
    [
        (ANA, {"exits": (("bought", ALWAYS),)}, "bought"),
        (BEN, {}, "unsubscribed"),
        (CLEO, {}, "suppressed"),
        # Of several reasons the one that the marketer wrote is told.
        (CLEO, {"exits": (("bought", ALWAYS),)}, "bought"),
        # And a run that is over needs no content.
        (replace(CLEO, received=frozenset({"hello"})), {}, "suppressed"),
    ],
)
def test_an_exit_or_a_refusal_ends_the_run(
    contact: Contact, changes: dict[str, Any], reason: str
) -> None:
    assert asked(contact, **changes) == e.Withdrawn(reason)


def test_content_that_came_by_another_door_is_passed_over() -> None:
    assert asked(HAD_IT) == e.Unsent("hello", 1, RECEIVED_BEFORE)


def test_in_a_loop_the_content_comes_again_by_intent() -> None:
    assert asked(HAD_IT, replace(TOUCH, pass_no=2)) is None


def test_outside_the_window_it_waits_with_the_moment_it_was_decided() -> None:
    found = asked(window=LATER, window_is_own=True)
    assert isinstance(found, e.Held)
    assert (found.step, found.since) == ("hello", TOUCH.since)
    assert NOW < found.release <= NOW + timedelta(days=1)


def test_a_holiday_is_told_as_one_even_where_every_hour_is_open() -> None:
    found = asked(holidays=frozenset({NOW.date()}), window_is_own=True)
    assert isinstance(found, e.Held)
    assert (found.reason, found.release) == ("holiday", NOW.replace(hour=0) + timedelta(days=1))
    # Were it no holiday, it would have to wait for Wednesday all the same.
    closed = Window(frozenset({3}), time(8), time(18))
    later = asked(holidays=frozenset({NOW.date()}), window=closed, window_is_own=True)
    assert isinstance(later, e.Held)
    assert later.reason == "window"


def test_the_topic_of_the_send_counts_and_not_that_of_the_step() -> None:
    news = replace(TOUCH, topic="news")
    assert asked(ANA, news) == e.Withdrawn("no_consent")
