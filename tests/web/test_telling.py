"""Sentences about contacts, in both languages."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from nurture.domain.contact import Occurrence
from nurture.web.decided import decision_lines
from nurture.web.formatting import long_time
from nurture.web.i18n import use_language
from nurture.web.names import Names
from nurture.web.reasons import detail, reason
from nurture.web.telling import did, short, theirs
from tests.web.planted import engine, pages

__all__ = ["engine", "pages"]

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@pytest.fixture
def request_in(app: Flask) -> Iterator[Flask]:
    with app.test_request_context("/"):
        use_language("en")
        yield app


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("{{ event.checkout_url }}", "a personal link"),
        ("https://{{ event.host }}/cart", "a personal link"),
        ("https://shop.example.com/cart?id={{ event.id }}", "shop.example.com"),
        ("https://shop.example.com/cart?id=7", "shop.example.com/cart"),
    ],
)
def test_a_link_is_shown_without_the_code_of_its_template(
    request_in: Flask, link: str, shown: str
) -> None:
    assert short(link) == shown


def test_built_in_words_are_told_in_the_language_of_the_page(request_in: Flask) -> None:
    use_language("vi")
    clicked = Occurrence("click", AT, {"link": "{{ event.checkout_url }}"})
    assert "(liên kết cá nhân)" in did(clicked)
    assert "mua hàng" in reason("cancelled by purchase")
    assert detail("5 in a row") == "5 lần liên tiếp"
    assert detail("550 no such user") == "550 no such user"
    assert detail("send 34") == "email số 34"
    assert detail("send it") == "send it"


def test_a_campaigns_own_reason_is_told_in_the_language_of_the_page(request_in: Flask) -> None:
    own = {"bought it": {"vi": "đã mua", "en": "bought it"}}
    left = {"do": "Finish", "state": {"is": "Exited", "reason": "bought it"}}
    names = Names(reasons=own)
    assert names.reason("bought it") == "bought it"
    use_language("vi")
    assert decision_lines("TimerFired", [left], "Giỏ hàng", names)[2] == "Rời “Giỏ hàng”: đã mua"
    assert names.reason("moved") == reason("moved")
    assert names.reason("in words of their own") == "in words of their own"


def test_a_hold_out_is_told_in_words(request_in: Flask) -> None:
    taken = {"do": "Expose", "experiment": "hold-out:default", "arm": "mailed"}
    told = decision_lines("TimerFired", [taken], "Offer", Names())[2]
    assert told == "Takes part in “Control group without emails”: mailed"
    use_language("vi")
    other = {**taken, "experiment": "hold-out:partners", "arm": "held out"}
    told = decision_lines("TimerFired", [other], "Offer", Names())[2]
    assert "Nhóm đối chứng không nhận email ở tuyến “partners”" in told


@pytest.mark.parametrize(
    ("language", "zone", "told"),
    [
        ("en", "contact", "by the contact's own clock"),
        ("en", "company", "by the clock of the contact's company"),
        ("vi", "account", "theo giờ của tài khoản"),
        ("vi", "utc", "theo giờ UTC"),
    ],
)
def test_a_hold_for_a_cap_tells_until_when_by_whose_clock(
    request_in: Flask, language: str, zone: str, told: str
) -> None:
    use_language("vi" if language == "vi" else "en")
    held = {
        "do": "Hold", "step": "offer", "reason": "cap", "release": AT.isoformat(), "zone": zone
    }  # fmt: skip
    _icon, tone, title, _lines = decision_lines("TimerFired", [held], "Cart", Names())
    limit = {"en": "as many emails as the limit", "vi": "đủ số email"}[language]
    assert told in title
    assert limit in title
    assert long_time(AT) in title
    assert tone == "sun"
    waits = {"do": "WaitUntil", "step": "offer", "at": AT.isoformat(), "zone": zone}
    assert told in decision_lines("Entered", [waits], "Cart", Names())[3][0]
    bare = {"do": "WaitUntil", "step": "offer", "at": AT.isoformat(), "zone": ""}
    assert told not in decision_lines("Entered", [bare], "Cart", Names())[3][0]


def test_a_hold_tells_the_contacts_own_time_where_clocks_differ(request_in: Flask) -> None:
    there = Names(zone=ZoneInfo("America/New_York"))
    assert "for the contact: Mar 1, 2026, 10:00" in theirs(AT, there)
    assert "for the contact" not in theirs(AT, Names())
