"""What is particular to Postmark: its calls, its error numbers, its doubts, its words."""

import json
import socket
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nurture.providers.base import (
    BounceClass,
    HandingOver,
    Outcome,
    OutgoingEmail,
    ProviderEvent,
    Receipt,
    WebhookRequest,
)
from nurture.providers.postmark import PostmarkProvider
from tests.providers.emails import NOW, email, emails, lawful
from tests.providers.postmark_server import Answer, PostmarkServer, postmark

PAYLOADS = Path(__file__).parent / "payloads" / "postmark"


def all_ok(sent: list[dict[str, Any]]) -> tuple[int, bytes]:
    told = [{"ErrorCode": 0, "Message": "OK", "MessageID": f"id-{n}"} for n, _ in enumerate(sent)]
    return 200, json.dumps(told).encode()


def run(batch: list[OutgoingEmail], answer: Answer) -> tuple[dict[int, Receipt], PostmarkServer]:
    with postmark(answer) as server:
        provider = PostmarkProvider("the token", base_url=server.url, timeouts=(2, 0.5))
        with closing(provider):
            return lawful(batch, provider.send(batch, NOW)), server


def told(name: str) -> ProviderEvent:
    body = (PAYLOADS / f"{name}.json").read_bytes()
    (event,) = PostmarkProvider("t").parse(WebhookRequest("POST", {}, body))
    return event


def test_an_email_is_taken_from_its_message_and_keeps_its_headers() -> None:
    receipts, server = run([email(7, "an@example.net")], all_ok)
    ((sent,),) = server.calls
    assert server.tokens == ["the token"]
    assert receipts[7].provider_message_id == "id-0"
    assert sent["From"] == "Đà Lạt <hello@example.com>"
    assert sent["To"] == "an@example.net"
    assert sent["Subject"] == "Chào Nguyễn"
    assert sent["TextBody"].startswith("First line")
    assert "HtmlBody" not in sent
    assert sent["Metadata"] == {"nurture-send": "7", "nurture-key": "send-7"}
    assert (sent["MessageStream"], sent["Tag"]) == ("broadcast", "welcome")
    assert (sent["TrackOpens"], sent["TrackLinks"]) == (False, "None")
    assert {header["Name"]: header["Value"] for header in sent["Headers"]} == {
        "Message-ID": "<send.1@example.com>",
        "List-Unsubscribe": "<https://t.example.com/u/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "X-PM-KeepID": "true",
    }


def test_fields_that_are_given_win_over_the_message() -> None:
    given = replace(
        email(7, "an@example.net"),
        subject="Xin chào",
        html="<p>Chào</p>",
        text="Chào",
        headers={"From": "Bình <b@example.com>", "Reply-To": "c@example.com", "X-Own": "1"},
        metadata={"sequence": "welcome", "a name that is far too long": "x", "long": "y" * 200},
    )
    _, server = run([given], all_ok)
    ((sent,),) = server.calls
    assert (sent["From"], sent["ReplyTo"]) == ("Bình <b@example.com>", "c@example.com")
    assert (sent["Subject"], sent["HtmlBody"], sent["TextBody"]) == (
        "Xin chào",
        "<p>Chào</p>",
        "Chào",
    )
    assert {"Name": "X-Own", "Value": "1"} in sent["Headers"]
    assert sent["Metadata"]["sequence"] == "welcome"
    assert sent["Metadata"]["long"] == "y" * 80
    assert len(sent["Metadata"]) == 4


def test_calls_stay_within_the_limits_of_postmark() -> None:
    batch = emails(1001)
    receipts, server = run(batch, all_ok)
    assert [len(call) for call in server.calls] == [500, 500, 1]
    assert len(receipts) == 1001
    large = [replace(one, text="x" * 20_000_000) for one in emails(3)]
    _, server = run(large, lambda sent: all_ok(sent))
    assert [len(call) for call in server.calls] == [2, 1]


def test_one_call_is_handed_over_at_a_time() -> None:
    with postmark(all_ok) as server:
        provider = PostmarkProvider("t", base_url=server.url)
        with closing(provider):
            items = provider.send(emails(501), NOW)
            first = next(items)
            assert isinstance(first, HandingOver)
            assert len(first.send_ids) == 500
            assert not server.calls
            rest = list(items)
    assert [item.send_ids for item in rest if isinstance(item, HandingOver)] == [(501,)]


@pytest.mark.parametrize(
    ("code", "message", "outcome", "mirrored"),
    [
        (0, "OK", Outcome.ACCEPTED, False),
        (
            406,
            "You tried to send to a recipient that has been marked as inactive.",
            Outcome.HARD,
            True,
        ),
        (300, "Invalid 'To' address: 'x'.", Outcome.HARD, False),
        (300, "Invalid 'From' address: 'x'.", Outcome.SENDER, False),
        (400, "Sender signature not found.", Outcome.SENDER, False),
        (405, "Not allowed to send.", Outcome.SENDER, False),
        (411, "Forbidden attachment types.", Outcome.POLICY, False),
        (429, "Rate limit exceeded.", Outcome.LATER, False),
        (100, "Maintenance.", Outcome.LATER, False),
        (98765, "Something new.", Outcome.SENDER, False),
    ],
)
def test_error_numbers_lead_to_what_they_mean(
    code: int, message: str, outcome: Outcome, mirrored: bool
) -> None:
    body = json.dumps([{"ErrorCode": code, "Message": message}]).encode()
    receipts, _ = run(emails(1), lambda _: (200, body))
    receipt = receipts[1]
    assert (receipt.outcome, receipt.mirrored, receipt.code) == (outcome, mirrored, code)
    assert receipt.detail == message


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (401, b'{"ErrorCode": 10, "Message": "Bad or missing API token."}', Outcome.SENDER),
        (422, b'{"ErrorCode": 406, "Message": "inactive"}', Outcome.SENDER),
        (422, b'{"ErrorCode": 300, "Message": "Invalid \'To\'"}', Outcome.SENDER),
        (413, b"too large", Outcome.SENDER),
        (302, b"", Outcome.SENDER),
        (429, b'{"ErrorCode": 429, "Message": "slow down"}', Outcome.LATER),
        (422, b'{"ErrorCode": 100, "Message": "maintenance"}', Outcome.LATER),
        (503, b"", Outcome.LATER),
        (500, b'{"ErrorCode": 0}', Outcome.UNCERTAIN),
        (502, b"<html>", Outcome.UNCERTAIN),
        (504, b"[]", Outcome.UNCERTAIN),
        (200, b"<html>", Outcome.UNCERTAIN),
        (200, b"{}", Outcome.UNCERTAIN),
        (200, b"[1, 2, 3, 4]", Outcome.UNCERTAIN),
    ],
)
def test_a_whole_call_refused_condemns_no_address(
    status: int, body: bytes, outcome: Outcome
) -> None:
    receipts, _ = run(emails(3), lambda _: (status, body))
    assert {receipt.outcome for receipt in receipts.values()} == {outcome}


def test_what_an_answer_leaves_out_is_in_doubt() -> None:
    receipts, _ = run(emails(3), lambda sent: all_ok(sent[:1]))
    assert [receipts[n].outcome for n in (1, 2, 3)] == [
        Outcome.ACCEPTED,
        Outcome.UNCERTAIN,
        Outcome.UNCERTAIN,
    ]


def test_a_connection_lost_after_the_call_was_written_leaves_it_in_doubt() -> None:
    receipts, _ = run(emails(2), lambda _: None)
    assert {receipt.outcome for receipt in receipts.values()} == {Outcome.UNCERTAIN}


def test_silence_after_the_call_was_written_leaves_it_in_doubt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with closing(PostmarkProvider("t", base_url=url, timeouts=(1, 0.2))) as provider:
            receipts = lawful(emails(2), provider.send(emails(2), NOW))
    assert {receipt.outcome for receipt in receipts.values()} == {Outcome.UNCERTAIN}


def test_nothing_is_in_doubt_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with closing(PostmarkProvider("t", base_url=url)) as provider:
        receipts = lawful(emails(2), provider.send(emails(2), NOW))
    assert {receipt.outcome for receipt in receipts.values()} == {Outcome.LATER}


@pytest.mark.parametrize(
    ("name", "bounce", "code", "status"),
    [
        ("bounce_hard", BounceClass.HARD, 550, "5.1.1"),
        ("bounce_soft", BounceClass.SOFT, 452, "4.2.2"),
        ("bounce_transient", BounceClass.SOFT, 451, "4.4.1"),
        ("bounce_dns", BounceClass.SOFT, 451, "4.4.3"),
        ("bounce_blocked", BounceClass.BLOCK, 554, "5.7.1"),
        ("bounce_spam", BounceClass.CONTENT, 550, "5.7.1"),
        ("bounce_dmarc", BounceClass.SENDER, 550, "5.7.26"),
        ("bounce_undetermined", BounceClass.HARD, 550, "5.1.1"),
    ],
)
def test_a_bounce_says_how_final_it_is(
    name: str, bounce: BounceClass, code: int, status: str
) -> None:
    event = told(name)
    assert (event.bounce, event.code, event.status) == (bounce, code, status)


def test_moments_have_seven_digits_and_any_offset() -> None:
    assert told("delivery").occurred_at == datetime(2026, 11, 22, 8, 0, 4, 123456, UTC)
    assert told("bounce_hard").occurred_at == datetime(2026, 11, 22, 8, 0, 5, 765432, UTC)


def test_a_click_keeps_its_link_and_who_clicked() -> None:
    event = told("click")
    assert event.url == "https://example.com/guide?a=1&b=2#top"
    assert event.ip == "203.0.113.9"
    assert event.user_agent.startswith("Mozilla/5.0")
    assert event.machine is None


def test_a_word_that_is_new_is_kept_as_it_was_said() -> None:
    assert told("bounce_new_word").raw_kind == "Bounce:QuantumBounce"
    assert told("new_record").raw_kind == "Teleported"


def test_without_credentials_of_its_own_it_believes_nobody() -> None:
    request = WebhookRequest("POST", {"Authorization": "Basic Og=="}, b"{}")
    with pytest.raises(Exception, match="credentials"):
        PostmarkProvider("t").verify(request)
