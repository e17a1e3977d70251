import ssl

import pytest

from nurture.errors import Invalid
from nurture.providers.smtp_address import Encryption, SmtpAddress


@pytest.mark.parametrize(
    ("url", "host", "port", "encryption"),
    [
        ("smtp://mail.example.com", "mail.example.com", 25, Encryption.OPPORTUNISTIC),
        ("smtp://mail.example.com:2525", "mail.example.com", 2525, Encryption.OPPORTUNISTIC),
        ("smtp://u:p@mail.example.com", "mail.example.com", 587, Encryption.REQUIRED),
        ("smtp://u:p@localhost:1025", "localhost", 1025, Encryption.OPPORTUNISTIC),
        ("smtp://u:p@127.0.0.2:1025", "127.0.0.2", 1025, Encryption.OPPORTUNISTIC),
        ("smtps://u:p@mail.example.com", "mail.example.com", 465, Encryption.IMPLICIT),
        ("smtp://mail.example.com?starttls=required", "mail.example.com", 25, Encryption.REQUIRED),
        ("smtp://mail.example.com?starttls=never", "mail.example.com", 25, Encryption.NEVER),
        ("smtp://[::1]:2525", "::1", 2525, Encryption.OPPORTUNISTIC),
    ],
)
def test_a_url_says_where_and_how(url: str, host: str, port: int, encryption: Encryption) -> None:
    address = SmtpAddress.parse(url, production=True)
    assert (address.host, address.port, address.encryption) == (host, port, encryption)
    assert address.verify


def test_credentials_are_unquoted_and_the_password_is_not_shown() -> None:
    address = SmtpAddress.parse("smtps://an%40example.com:s%3Acret%2F@mx", production=True)
    assert (address.user, address.password) == ("an@example.com", "s:cret/")
    assert "cret" not in repr(address)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://mail.example.com", "relay"),
        ("smtp://", "relay"),
        ("smtp://mx:99999", "port"),
        ("smtp://mx?starttls=perhaps", "starttls"),
        ("smtp://mx?verify=maybe", "verify"),
        ("smtp://mx?colour=blue", "colour"),
        ("smtp://mx?verify=no", "certificates"),
        ("smtp://u:p@mx?starttls=never", "unencrypted"),
        ("smtp://u:p@mx?starttls=opportunistic", "unencrypted"),
    ],
)
def test_what_cannot_or_must_not_be_used_in_production_is_refused(url: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        SmtpAddress.parse(url, production=True)
    assert told in str(caught.value)
    assert all(problem.field == "NURTURE_SMTP_URL" for problem in caught.value.problems)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        SmtpAddress.parse("http://mx:99999?starttls=x&verify=y&z=1", production=False)
    assert len(caught.value.problems) == 5


def test_certificates_are_verified_unless_a_developer_says_no() -> None:
    verified = SmtpAddress.parse("smtps://mx", production=False).tls_context()
    assert verified.verify_mode is ssl.CERT_REQUIRED
    assert verified.check_hostname
    careless = SmtpAddress.parse("smtps://mx?verify=no", production=False).tls_context()
    assert careless.verify_mode is ssl.CERT_NONE
