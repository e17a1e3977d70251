"""The bytes of a message, with the standard library's parser as the judge of their meaning."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.errors import Invalid
from nurture.mailer.compose import Envelope, Sender, compose, feedback_id
from nurture.mailer.render import Rendered, one_line
from tests.mailer.samples import SENDER, UNSUBSCRIBE, envelope

SUBJECTS = [
    "Hello",
    "Chào Ngọc, quà của bạn đây",
    "🎉 Ưu đãi 🇻🇳 cho gia đình 👨‍👩‍👧‍👦",
    "Một tiêu đề rất dài " * 12,
    "A very long subject in plain English words " * 8,
    "x" * 500,
    "=?utf-8?q?fake?= word",
    'a: b; c <d@e> "q" \\ (c)',
    "đ" * 300,
    "ends with spaces   ",
    "e\u0301" * 100,
]


def parsed(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    assert all(not part.defects for part in message.walk())
    return message


def head_lines(data: bytes) -> list[bytes]:
    return data.partition(b"\r\n\r\n")[0].split(b"\r\n")


def check_shape(data: bytes) -> None:
    assert data.endswith(b"\r\n")
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", data)
    assert data.isascii()
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    for line in head_lines(data):
        assert line.strip()
        # Addresses, ids and URLs cannot be broken; all else keeps to the length advised.
        assert len(line) <= 78 or not re.search(rb"\S\s+\S", line.partition(b": ")[2])
    for word in re.findall(rb"=\?utf-8\?b\?[^?\s]*\?=", data):
        assert len(word) <= 75


def display_name(data: bytes, field: str) -> tuple[str, str]:
    # The older parser is asked: the newer one of Python 3.11 puts a space between two encoded
    # words of a name, its own as well, against RFC 2047, 6.2.
    raw = message_from_bytes(data)[field]
    name, address = parseaddr(raw.replace("\r\n", ""))
    return str(make_header(decode_header(name))), address


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_reads_the_same_after_parsing(subject: str) -> None:
    data = compose(Rendered(subject, "<p>h</p>", "t"), envelope())
    check_shape(data)
    assert parsed(data)["Subject"] == one_line(subject)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
phrase = st.one_of(text, st.text('abc ăđế🎉.,"\\<>@()[]:;=?\r\n\x00', max_size=90))


@settings(deadline=None, max_examples=300)
@given(subject=phrase, to=phrase, sender=phrase, page=text, plain=text)
def test_any_message_means_the_same_to_the_standard_library(
    subject: str, to: str, sender: str, page: str, plain: str
) -> None:
    rendered = Rendered(subject, page, plain)
    told = envelope(recipient_name=to, sender=Sender(sender, "lan@lotus.example"))
    data = compose(rendered, told)
    check_shape(data)
    message = parsed(data)
    assert message["Subject"] == one_line(subject)
    name = one_line(to)[:120].strip()
    assert display_name(data, "To") == (name, "ngoc@example.com")
    assert display_name(data, "From") == (one_line(sender)[:120].strip(), "lan@lotus.example")
    for kind, body in (("plain", plain), ("html", page)):
        part = message.get_body((kind,))
        assert part is not None
        lines = body.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
        assert part.get_payload(decode=True) == lines.encode()
        assert part.get_content_charset() == "utf-8"


def test_the_headers_of_the_standards_stand_exactly_once_and_unbroken() -> None:
    data = compose(Rendered("Chào", "<p>h</p>", "t"), envelope())
    lines = head_lines(data)
    assert lines.count(b"List-Unsubscribe: <https://t.example.com/u/token>") == 1
    assert lines.count(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click") == 1
    assert b"Message-ID: <1.abc@lotus.example>" in lines
    assert b"Date: Sun, 22 Nov 2026 07:00:00 +0000" in lines
    assert b"Reply-To: reply@lotus.example" in lines
    assert b"Feedback-ID: funnel:welcome:nurture:lotus" in lines
    assert b"Auto-Submitted: auto-generated" in lines
    assert b"Content-Language: vi" in lines
    message = parsed(data)
    assert len(set(message.keys())) == len(message.keys())
    assert message["List-Id"] == "Lotus <news.lotus.example>"
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


@pytest.mark.parametrize("length", [70, 78, 120, 800])
def test_a_long_one_click_address_is_neither_encoded_nor_broken(length: int) -> None:
    url = ("https://t.example.com/u/" + "a" * length)[:length]
    data = compose(Rendered("s", "h", "t"), envelope(unsubscribe_url=url))
    assert f"\r\nList-Unsubscribe: <{url}>\r\n".encode() in data


@pytest.mark.parametrize(
    "url",
    [
        "http://t.example.com/u/x",
        "mailto:a@b.example",
        "https://t.example.com/u/x>, <https://evil.example/",
        "https://t.example.com/u/x\r\nBcc: a@b.example",
        "https://t.example.com/u/é",
        "",
    ],
)
def test_a_one_click_address_that_rfc_8058_does_not_know_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        compose(Rendered("s", "h", "t"), envelope(unsubscribe_url=url))


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_http_is_fine_on_the_loopback_of_development(host: str) -> None:
    url = f"http://{host}/u/x"
    assert f"<{url}>".encode() in compose(Rendered("s", "h", "t"), envelope(unsubscribe_url=url))


INJECTION = "x\r\nBcc: victim@example.com"


@pytest.mark.parametrize(
    "told",
    [
        envelope(recipient=f"a@b.example{INJECTION}"),
        envelope(recipient="a b@c.example"),
        envelope(recipient="a@b@c.example"),
        envelope(recipient="<a@b.example>"),
        envelope(recipient="a@b.example\x00"),
        envelope(recipient="a"),
        envelope(recipient=""),
        envelope(recipient="chị@example.com"),
        envelope(reply_to=INJECTION),
        envelope(message_id=f"<1@a.example>{INJECTION}"),
        envelope(message_id="1"),
        envelope(list_id=INJECTION),
        envelope(feedback_id=INJECTION),
        envelope(feedback_id="only:three:parts"),
        envelope(language=INJECTION),
        envelope(sender=Sender("x", INJECTION)),
        replace(envelope(), date=datetime(2026, 11, 22)),  # noqa: DTZ001 - that is the fault.
    ],
)
def test_nothing_breaks_out_of_its_header(told: Envelope) -> None:
    with pytest.raises(Invalid):
        compose(Rendered("s", "h", "t"), told)


def test_line_breaks_and_nul_in_free_text_become_spaces() -> None:
    told = envelope(recipient_name=INJECTION, sender=Sender(f"a\x00{INJECTION}", "a@b.example"))
    data = compose(Rendered(INJECTION, "h", "t"), told)
    message = parsed(data)
    assert message["Bcc"] is None
    assert message["Subject"] == "x Bcc: victim@example.com"
    assert display_name(data, "To")[0] == "x Bcc: victim@example.com"
    assert display_name(data, "From")[0] == "ax Bcc: victim@example.com"


def test_a_domain_beyond_ascii_is_written_in_ascii() -> None:
    told = envelope(recipient="lan@bánh-mì.vn")
    data = compose(Rendered("s", "h", "t"), told)
    assert display_name(data, "To")[1] == "lan@xn--bnh-m-xqa5f.vn"


def test_fields_that_are_not_given_are_left_out() -> None:
    data = compose(Rendered("s", "h", "t"), envelope(reply_to="", list_id="", feedback_id=""))
    assert {"Reply-To", "List-Id", "Feedback-ID"}.isdisjoint(parsed(data).keys())


def test_the_boundary_is_in_no_body_whatever_the_body_says() -> None:
    hostile = "--=_7\r\n--=_7--\r\nContent-Type: text/html\r\n" * 3
    message = parsed(compose(Rendered("s", hostile, hostile), envelope()))
    assert len(list(message.walk())) == 3


def test_a_feedback_id_has_four_clean_parts() -> None:
    assert (
        feedback_id("funnel", "mql: đề nghị", "a" * 90, "ab") == f"funnel:mql-ngh-:{'a' * 40}:ab---"
    )
    assert feedback_id("", "", "", "x" * 40) == ":::" + "x" * 15
    data = compose(Rendered("s", "h", "t"), envelope(feedback_id=feedback_id("a", "b", "c", "d")))
    assert b"Feedback-ID: a:b:c:d----\r\n" in data


def test_the_head_of_a_campaign_is_made_once_for_equal_senders() -> None:
    first = compose(Rendered("s", "h", "t"), envelope())
    again = compose(Rendered("s", "h", "t"), envelope(sender=replace(SENDER)))
    assert first == again
    assert UNSUBSCRIBE.encode() in first
    assert datetime(2026, 11, 22, 7, tzinfo=UTC) == parsed(first)["Date"].datetime
