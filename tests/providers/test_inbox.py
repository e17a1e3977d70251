"""The local inbox: mail kept, found, refused, and read by other processes."""

import signal
import smtplib
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.domain.text import fold
from nurture.providers.base import Outcome
from nurture.providers.inbox import Inbox, InboxProvider, InboxServer, serve
from tests.processes import APART
from tests.providers.emails import MESSAGE, NOW, emails, lawful, outcomes


class Stopped:
    """A clock that stands still, and can be handed to another process."""

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "inbox.sqlite3"


@pytest.fixture
def server(path: Path) -> Iterator[InboxServer]:
    with InboxServer(path, Stopped()) as running:
        yield running


@pytest.fixture
def inbox(path: Path, server: InboxServer) -> Iterator[Inbox]:
    with Inbox(path) as reader:
        yield reader


@pytest.fixture
def provider(server: InboxServer) -> Iterator[InboxProvider]:
    with closing(InboxProvider("127.0.0.1", server.port, secret=b"s" * 32)) as made:
        yield made


def test_mail_is_kept_whole_with_its_envelope_and_the_time_of_the_clock(
    inbox: Inbox, provider: InboxProvider
) -> None:
    lawful(emails(1), provider.send(emails(1), NOW))
    (mail,) = inbox.newest()
    assert mail.raw == b""
    assert (mail.mail_from, mail.recipient) == ("bounces@example.com", "person1@example.net")
    assert (mail.subject, mail.sender) == ("Chào Nguyễn", "Đà Lạt <hello@example.com>")
    assert (mail.message_id, mail.received_at) == ("<send.1@example.com>", NOW)
    whole = inbox.mail(mail.id)
    assert whole is not None
    assert whole.raw == MESSAGE
    assert inbox.mail(mail.id + 1) is None


def test_pages_follow_each_other_without_gaps(inbox: Inbox, provider: InboxProvider) -> None:
    lawful(emails(25), provider.send(emails(25), NOW))
    first = inbox.newest(limit=10)
    second = inbox.newest(limit=10, before=first[-1].id)
    third = inbox.newest(limit=10, before=second[-1].id)
    assert [mail.id for mail in (*first, *second, *third)] == list(range(25, 0, -1))
    assert [mail.id for mail in inbox.since(20)] == [21, 22, 23, 24, 25]
    assert inbox.since(24)[0].raw == MESSAGE
    assert inbox.count() == 25
    assert len(list(inbox.message_ids())) == 25


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("nguyen", 3),
        ("NGUYỄN chao", 3),
        ("da lat", 3),
        ("person2", 1),
        ("person2 chao", 1),
        ("%", 0),
        ("_", 0),
        ("nobody", 0),
    ],
)
def test_search_finds_vietnamese_without_accents(
    inbox: Inbox, provider: InboxProvider, search: str, found: int
) -> None:
    lawful(emails(3), provider.send(emails(3), NOW))
    assert len(inbox.newest(search=search)) == found


def test_folding_takes_every_accent_away() -> None:
    assert fold("Đặng Thị Hồng Nhung") == "dang thi hong nhung"


def test_mail_of_one_recipient_can_be_listed(inbox: Inbox, provider: InboxProvider) -> None:
    lawful(emails(3), provider.send(emails(3), NOW))
    assert [mail.recipient for mail in inbox.newest(recipient="Person2@Example.net")] == [
        "person2@example.net"
    ]


def test_refusals_are_scripted_from_outside_and_lifted_again(
    inbox: Inbox, provider: InboxProvider
) -> None:
    inbox.refuse("Person1@example.net", "550 5.1.1 user unknown")
    inbox.refuse("person2@example.net", "550 5.1.1 user unknown")
    inbox.refuse("person2@example.net", "452 4.2.2 mailbox full")
    assert outcomes(provider, emails(3)) == {
        "person1@example.net": Outcome.HARD,
        "person2@example.net": Outcome.SOFT,
        "person3@example.net": Outcome.ACCEPTED,
    }
    inbox.accept("person2@example.net")
    assert outcomes(provider, emails(2))["person2@example.net"] is Outcome.ACCEPTED


@pytest.mark.parametrize("reply", ["", "250 ok", "550", "5x0 no", "550 a\r\n250 b", "550 không"])
def test_a_refusal_must_be_a_refusal(inbox: Inbox, reply: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        inbox.refuse("an@example.net", reply)


def test_mail_survives_the_server(path: Path) -> None:
    for expected in (2, 4):
        with InboxServer(path, Stopped()) as server:
            provider = InboxProvider("127.0.0.1", server.port, secret=b"")
            with closing(provider):
                lawful(emails(2), provider.send(emails(2), NOW))
        with Inbox(path) as inbox:
            assert inbox.count() == expected


def test_any_other_client_can_deliver_to_several_recipients(
    server: InboxServer, inbox: Inbox
) -> None:
    with smtplib.SMTP("127.0.0.1", server.port) as client:
        assert client.has_extn("pipelining") or client.ehlo()[0] == 250
        assert client.has_extn("pipelining")
        assert client.has_extn("8bitmime")
        assert client.has_extn("size")
        client.sendmail("a@example.com", ["b@example.net", "c@example.net"], b"Subject: x\r\n\r\ny")
    assert sorted(mail.recipient for mail in inbox.newest()) == ["b@example.net", "c@example.net"]


def test_mail_with_broken_headers_is_kept(server: InboxServer, inbox: Inbox) -> None:
    strange = b"Subject: \xff\xfe =?utf-8?b?////?=\r\nFrom: <<<@@>\r\nno header\r\n\r\nbody\r\n"
    with smtplib.SMTP("127.0.0.1", server.port) as client:
        client.sendmail("a@example.com", ["b@example.net"], strange)
        client.sendmail("a@example.com", ["b@example.net"], b"\r\n")
    assert inbox.count() == 2


def test_a_port_in_use_is_told_to_whoever_starts_the_server(
    server: InboxServer, path: Path
) -> None:
    with pytest.raises(OSError, match="in use"):
        InboxServer(path, Stopped(), port=server.port).start()


def test_clearing_forgets_mail_and_refusals(inbox: Inbox, provider: InboxProvider) -> None:
    lawful(emails(2), provider.send(emails(2), NOW))
    inbox.refuse("a@example.net", "550 5.1.1 no")
    inbox.clear()
    assert inbox.count() == 0
    assert inbox.refusal("a@example.net") is None


def test_the_server_runs_as_a_process_of_its_own_and_stops_when_told(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = APART.Process(target=serve, args=(path, "127.0.0.1", port, Stopped()))
    process.start()
    try:
        with closing(InboxProvider("127.0.0.1", port, secret=b"")) as provider:
            deadline = datetime.now(UTC).timestamp() + 20
            while Outcome.LATER in outcomes(provider, emails(1)).values():
                assert datetime.now(UTC).timestamp() < deadline
            assert process.pid is not None
            assert set(outcomes(provider, emails(5)).values()) == {Outcome.ACCEPTED}
    finally:
        process.terminate()
        process.join(20)
    assert process.exitcode == 0, signal.Signals(-(process.exitcode or -15))
    with Inbox(path) as inbox:
        assert inbox.count() == 6
