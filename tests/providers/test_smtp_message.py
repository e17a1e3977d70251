from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.providers.base import Outcome, Receipt
from nurture.providers.smtp_message import END_OF_DATA, Extensions, Prepared, prepare
from tests.providers.emails import email

EVERYTHING = Extensions(pipelining=True, eight_bit=True, utf8=True, says_size=True, size=1000)
NOTHING = Extensions()


def prepared(recipient: str, message: bytes, offered: Extensions = EVERYTHING) -> Prepared:
    found = prepare(email(1, recipient, message), offered)
    assert isinstance(found, Prepared)
    return found


def refused(recipient: str, message: bytes, offered: Extensions = EVERYTHING) -> Receipt:
    found = prepare(email(1, recipient, message), offered)
    assert isinstance(found, Receipt)
    return found


@given(st.lists(st.sampled_from([b".", b"..", b"a", b"\r\n", b".\r\n", b"\r\n.\r\n"])))
def test_a_stuffed_message_ends_once_and_comes_back_whole(parts: list[bytes]) -> None:
    message = b"".join(parts)
    body = prepared("an@example.net", message).body
    assert (b"\r\n" + body).find(END_OF_DATA) == len(body) - 3
    lines = body.removesuffix(b".\r\n").split(b"\r\n")
    plain = b"\r\n".join(line.removeprefix(b".") for line in lines)
    assert plain in (message, message + b"\r\n")


def test_the_end_of_data_is_where_doubt_begins() -> None:
    for message in (b"a", b"a\r\n", b"", b"\r\n"):
        found = prepared("an@example.net", message)
        assert found.body[found.dot :].endswith(b".\r\n")
        assert END_OF_DATA not in b"\r\n" + found.body[: found.dot + len(END_OF_DATA) - 1]


@pytest.mark.parametrize("message", [b"a\nb", b"a\rb", b"a\n\r", b"a\r\n\n.\r\n", b"\r"])
def test_a_message_with_bare_line_ends_is_our_own_fault(message: bytes) -> None:
    receipt = refused("an@example.net", message)
    assert (receipt.outcome, receipt.status) == (Outcome.SENDER, "5.6.0")


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "nobody",
        "a@",
        "@b",
        "a b@c.example",
        "a@b.example>\r\nRCPT TO:<x@y.example",
        "a\r\n@b.example",
        "a\0@b.example",
        "<a@b.example>",
        "a@b@c.example",
        "x" * 65 + "@b.example",
        "a@" + "ü" * 70 + ".example",
    ],
)
def test_what_is_no_address_never_reaches_the_wire(recipient: str) -> None:
    receipt = refused(recipient, b"x")
    assert (receipt.outcome, receipt.status) == (Outcome.HARD, "5.1.3")


def test_a_sender_that_is_no_address_is_our_own_fault() -> None:
    broken = replace(email(1, "an@example.net"), mail_from="a\r\nb@example.com")
    receipt = prepare(broken, EVERYTHING)
    assert isinstance(receipt, Receipt)
    assert receipt.outcome is Outcome.SENDER


def test_the_null_sender_is_allowed() -> None:
    bounce = prepare(replace(email(1, "an@example.net", b"x"), mail_from=""), NOTHING)
    assert isinstance(bounce, Prepared)
    assert bounce.mail == b"MAIL FROM:<>\r\n"


def test_a_quoted_local_part_is_an_address() -> None:
    assert prepared('"an b"@example.net', b"x").rcpt == b'RCPT TO:<"an b"@example.net>\r\n'


def test_an_international_domain_travels_in_ascii_to_any_server() -> None:
    assert prepared("an@münchen.example", b"x", NOTHING).rcpt == (
        b"RCPT TO:<an@xn--mnchen-3ya.example>\r\n"
    )


def test_an_international_local_part_needs_smtputf8() -> None:
    assert b" SMTPUTF8" in prepared("nguyễn@example.net", b"x").mail
    receipt = refused("nguyễn@example.net", b"x", NOTHING)
    assert (receipt.outcome, receipt.status) == (Outcome.POLICY, "5.6.7")


def test_eight_bit_mail_is_announced_and_not_sent_where_it_is_not_taken() -> None:
    message = "Chào".encode()
    assert b" BODY=8BITMIME" in prepared("an@example.net", message).mail
    assert b"8BITMIME" not in prepared("an@example.net", b"ascii").mail
    assert refused("an@example.net", message, NOTHING).outcome is Outcome.SENDER


def test_the_size_is_announced_and_what_is_too_large_is_not_sent() -> None:
    assert b" SIZE=1000" in prepared("an@example.net", b"x" * 1000).mail
    receipt = refused("an@example.net", b"x" * 1001)
    assert (receipt.outcome, receipt.status) == (Outcome.POLICY, "5.3.4")
    assert b"SIZE" not in prepared("an@example.net", b"x" * 9999, NOTHING).mail


def test_extensions_are_read_in_any_case_and_spelling() -> None:
    offered = Extensions.read(
        ["mx greets you", "pipelining", "SIZE 5000", "AUTH=LOGIN", "AUTH plain LOGIN", "STARTTLS"]
    )
    assert offered == Extensions(
        pipelining=True, says_size=True, size=5000, auth=frozenset({"LOGIN"}), starttls=True
    )
    assert Extensions.read(["mx", "SIZE"]) == Extensions(says_size=True)
    assert Extensions.read(["mx", "SIZE ²"]).size == 0
