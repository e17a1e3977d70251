"""Encryption and authentication, against real TLS with a certificate of our own making."""

import ssl
from contextlib import closing
from pathlib import Path

import pytest

from nurture.providers.base import Outcome
from nurture.providers.smtp import SmtpProvider
from nurture.providers.smtp_address import SmtpAddress
from tests.providers import certificates
from tests.providers.emails import MESSAGE, NOW, emails, lawful
from tests.providers.moods import ALL_EXTENSIONS, Mood
from tests.providers.servers import SmtpServer


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context whose certificate the default contexts of this process trust."""
    context, trusted = certificates.make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return context


@pytest.fixture
def stranger(tmp_path: Path) -> ssl.SSLContext:
    """A server's context whose certificate nobody trusts."""
    return certificates.make(tmp_path)[0]


def run(url: str, server: SmtpServer, count: int = 5) -> tuple[set[Outcome], str]:
    address = SmtpAddress.parse(url.format(port=server.port), production=False)
    batch = emails(count)
    with closing(SmtpProvider(address, connections=2)) as provider:
        receipts = lawful(batch, provider.send(batch, NOW))
    return {receipt.outcome for receipt in receipts.values()}, receipts[1].detail


@pytest.mark.parametrize("extensions", [ALL_EXTENSIONS, ()])
@pytest.mark.parametrize(
    ("url", "implicit"),
    [
        ("smtp://localhost:{port}", False),
        ("smtp://localhost:{port}?starttls=required", False),
        ("smtps://localhost:{port}", True),
    ],
)
def test_mail_travels_encrypted_where_it_can(
    tls: ssl.SSLContext, url: str, implicit: bool, extensions: tuple[str, ...]
) -> None:
    with SmtpServer(Mood(extensions, tls=tls, implicit_tls=implicit)) as server:
        assert run(url, server, 30)[0] == {Outcome.ACCEPTED}
    assert len(server.received) == 30
    assert all(mail.encrypted and mail.message == MESSAGE for mail in server.received)


def test_a_large_message_passes_an_encrypted_connection(tls: ssl.SSLContext) -> None:
    large = MESSAGE + b"a line of text\r\n" * 40_000
    batch = emails(3, large)
    with SmtpServer(Mood(tls=tls, implicit_tls=True)) as server:
        address = SmtpAddress.parse(f"smtps://localhost:{server.port}", production=False)
        with closing(SmtpProvider(address, connections=1)) as provider:
            lawful(batch, provider.send(batch, NOW), at_once=1)
    assert [mail.message for mail in server.received] == [large] * 3


@pytest.mark.parametrize(
    ("url", "implicit"),
    [("smtp://localhost:{port}", False), ("smtps://localhost:{port}", True)],
)
def test_a_certificate_nobody_vouches_for_is_refused(
    stranger: ssl.SSLContext, url: str, implicit: bool
) -> None:
    with SmtpServer(Mood(tls=stranger, implicit_tls=implicit)) as server:
        found, detail = run(url, server)
    assert found == {Outcome.LATER}
    assert "certificate verify failed" in detail
    assert not server.received


def test_a_certificate_for_another_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificates.make(tmp_path, "mail.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with SmtpServer(Mood(tls=context, implicit_tls=True)) as server:
        found, detail = run("smtps://localhost:{port}", server)
    assert found == {Outcome.LATER}
    assert "mismatch" in detail


def test_a_developer_may_accept_any_certificate(stranger: ssl.SSLContext) -> None:
    with SmtpServer(Mood(tls=stranger)) as server:
        assert run("smtp://localhost:{port}?verify=no", server)[0] == {Outcome.ACCEPTED}
    assert all(mail.encrypted for mail in server.received)


def test_required_encryption_that_is_not_offered_gets_no_mail() -> None:
    with SmtpServer(Mood()) as server:
        found, detail = run("smtp://localhost:{port}?starttls=required", server)
    assert found == {Outcome.LATER}
    assert "STARTTLS" in detail
    assert not any(command.startswith("MAIL") for command in server.commands)


def test_words_injected_before_encryption_end_the_session(tls: ssl.SSLContext) -> None:
    mood = Mood(tls=tls, injected=b"250 2.0.0 trust me\r\n")
    with SmtpServer(mood) as server:
        found, detail = run("smtp://localhost:{port}", server)
    assert found == {Outcome.LATER}
    assert "out of turn" in detail


def test_a_server_that_speaks_no_tls_where_it_should_is_tried_later() -> None:
    with SmtpServer(Mood()) as server:
        assert run("smtps://localhost:{port}", server)[0] == {Outcome.LATER}


@pytest.mark.parametrize("offer", ["AUTH PLAIN LOGIN", "AUTH LOGIN"])
def test_credentials_are_given_over_the_encrypted_connection(
    tls: ssl.SSLContext, offer: str
) -> None:
    mood = Mood((*ALL_EXTENSIONS, offer), tls=tls, user="đà", password="mật:khẩu@/")
    with SmtpServer(mood) as server:
        url = "smtp://%C4%91%C3%A0:m%E1%BA%ADt%3Akh%E1%BA%A9u%40%2F@localhost:{port}"
        assert run(url + "?starttls=required", server)[0] == {Outcome.ACCEPTED}
    assert {mail.user for mail in server.received} == {"đà"}


def test_a_wrong_password_pauses_the_sender_and_is_tried_once(tls: ssl.SSLContext) -> None:
    mood = Mood((*ALL_EXTENSIONS, "AUTH PLAIN"), tls=tls, user="an", password="right")
    with SmtpServer(mood) as server:
        found, detail = run("smtp://an:wrong@localhost:{port}", server, 20)
    assert found == {Outcome.SENDER}
    assert "535" in detail
    assert "wrong" not in detail
    assert sum(command.startswith("AUTH") for command in server.commands) == 1


def test_credentials_for_a_server_that_wants_none_are_our_fault() -> None:
    with SmtpServer(Mood()) as server:
        assert run("smtp://an:secret@localhost:{port}", server)[0] == {Outcome.SENDER}
    assert not any("secret" in command for command in server.commands)
