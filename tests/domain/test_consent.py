"""What a wish to get mail leads to, and what pressing the button of a letter that asks does."""

from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from nurture.domain.consent import (
    ASK_REST,
    CONFIRM_WITHIN,
    LONGEST_NAME,
    MOST_ASKS_WITHIN,
    Act,
    Answer,
    Confirmed,
    Line,
    Proof,
    confirmed,
    plain_name,
    wished,
)
from nurture.domain.contact import GLOBAL, Contact

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def contact(consent: bool | None = None, *suppressed: str) -> Contact:
    given = {} if consent is None else {"news": consent}
    return Contact(
        1,
        "ana@example.com",
        consents=MappingProxyType(given),
        suppressions=frozenset(suppressed),
    )


def asked(ago: timedelta, topic: str = "news", id_: int = 1) -> Line:
    return Line(id_, topic, Act.ASKED, NOW - ago)


NOBODY, AGREED, LEFT = contact(), contact(True), contact(False, "news")


@pytest.mark.parametrize(
    ("who", "proof", "confirm", "answer"),
    [
        # A topic that wants no confirmation is granted to whoever never left it.
        (NOBODY, Proof.NONE, False, Answer.GRANTED),
        (NOBODY, Proof.NONE, True, Answer.PENDING),
        (NOBODY, Proof.STATED, True, Answer.GRANTED),
        (NOBODY, Proof.MAILBOX, True, Answer.GRANTED),
        (AGREED, Proof.NONE, True, Answer.STANDS),
        (AGREED, Proof.MAILBOX, False, Answer.STANDS),
        # Whoever left comes back by their mailbox's word and by no other.
        (LEFT, Proof.NONE, False, Answer.PENDING),
        (LEFT, Proof.STATED, False, Answer.PENDING),
        (LEFT, Proof.STATED, True, Answer.PENDING),
        (LEFT, Proof.MAILBOX, False, Answer.GRANTED),
        (contact(False), Proof.STATED, False, Answer.PENDING),
        (contact(True, "news"), Proof.NONE, False, Answer.PENDING),
        # Nothing lifts what holds everywhere.
        (contact(None, GLOBAL), Proof.NONE, False, Answer.REFUSED),
        (contact(None, GLOBAL), Proof.MAILBOX, True, Answer.REFUSED),
        (contact(True, GLOBAL), Proof.STATED, True, Answer.REFUSED),
        # Another topic's suppression says nothing about this one.
        (contact(None, "offers"), Proof.NONE, False, Answer.GRANTED),
    ],
)
def test_a_wish_is_granted_asked_about_or_refused(
    who: Contact, proof: Proof, confirm: bool, answer: Answer
) -> None:
    assert wished(who, "news", proof, (), NOW, confirm=confirm) is answer


@pytest.mark.parametrize(
    ("log", "answer"),
    [
        ([], Answer.PENDING),
        ([asked(ASK_REST)], Answer.PENDING),
        ([asked(ASK_REST - timedelta(seconds=1))], Answer.WAITS),
        # Other topics rest by themselves, but all of them together have a bound, too.
        ([asked(HOUR, "offers")], Answer.PENDING),
        ([asked(HOUR * n, f"t{n}", n) for n in (1, 2, 3)], Answer.WAITS),
        ([asked(MOST_ASKS_WITHIN, f"t{n}", n) for n in (1, 2, 3)], Answer.PENDING),
        # What was granted and withdrawn meanwhile gives nobody another letter sooner.
        ([asked(HOUR), Line(2, "news", Act.WITHDRAWN, NOW)], Answer.WAITS),
    ],
)
def test_an_address_is_asked_seldom(log: list[Line], answer: Answer) -> None:
    assert wished(NOBODY, "news", Proof.NONE, log, NOW, confirm=True) is answer


def test_nobody_is_asked_while_the_letter_before_has_not_left() -> None:
    log = [asked(DAY)]
    answer = wished(NOBODY, "news", Proof.NONE, log, NOW, confirm=True, under_way=True)
    assert answer is Answer.WAITS


GRANT, TAKE = Act.GRANTED, Act.WITHDRAWN


@pytest.mark.parametrize(
    ("after", "ago", "answer"),
    [
        ([], DAY, Confirmed.GRANTED),
        ([], CONFIRM_WITHIN - timedelta(seconds=1), Confirmed.GRANTED),
        ([], CONFIRM_WITHIN, Confirmed.LATE),
        ([GRANT], DAY, Confirmed.STANDS),
        ([GRANT], CONFIRM_WITHIN * 9, Confirmed.STANDS),
        # An old link never brings back what was taken away since.
        ([TAKE], DAY, Confirmed.SPENT),
        ([GRANT, TAKE], DAY, Confirmed.SPENT),
        ([GRANT, TAKE, Act.ASKED], DAY, Confirmed.SPENT),
        ([TAKE, GRANT], DAY, Confirmed.STANDS),
        ([Act.ASKED], DAY, Confirmed.GRANTED),
    ],
)
def test_a_link_confirms_once_in_time_and_never_against_a_later_no(
    after: list[Act], ago: timedelta, answer: Confirmed
) -> None:
    line = asked(ago)
    log = [Line(0, "news", TAKE, NOW - DAY * 30), line]
    log += [Line(n, "news", act, NOW) for n, act in enumerate(after, 2)]
    log += [Line(99, "offers", TAKE, NOW)]
    assert confirmed(NOBODY, line, log, NOW - ago, NOW) is answer


def test_whoever_is_suppressed_everywhere_confirms_nothing() -> None:
    who, line = contact(None, GLOBAL), asked(HOUR)
    assert confirmed(who, line, [line], NOW, NOW) is Confirmed.REFUSED


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("", ""),
        ("  Ana   Mai ", "Ana Mai"),
        ("Nguyễn Thị Ánh", "Nguyễn Thị Ánh"),
        ("Jean-Luc O'Neil", "Jean-Luc O'Neil"),
        ("J. R. Tolkien Jr.", "J. R. Tolkien Jr."),
        ("x" * LONGEST_NAME, "x" * LONGEST_NAME),
        ("x" * (LONGEST_NAME + 1), None),
        ("Ana\r\nBcc: all@example.com", None),
        ("Ana\tMai", None),
        ("Ana\x00", None),
        ("Win at https://evil.example", None),
        ("Visit evil.example now", None),
        ("<b>Ana</b>", None),
        ("{{ contact.email }}", None),
        ("Ana 100%", None),
        ("\u202eanA", None),
    ],
)
def test_a_name_from_a_stranger_can_be_nothing_but_a_name(typed: str, name: str | None) -> None:
    assert plain_name(typed) == name
