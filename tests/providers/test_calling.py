"""Calls to other systems: only where they may go, bounded in time and size, 2xx or a reason."""

import socket
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.domain.endpoints import url_fault
from nurture.providers.calling import MOST_TOLD, Answered, Caller
from nurture.providers.targets import look_up, objection
from tests.providers.certificates import make
from tests.providers.receiver import Receiver, answers, drips, hangs, huge, resets

NOBODY = "0.0.0.0"  # noqa: S104 - never bound to

SHORT = Caller(private=True, patience=0.5)
LONG = Caller(private=True)
BODY = b'{"type":"test"}'


def post(receiver: Receiver, caller: Caller = LONG) -> Answered:
    return caller.post(receiver.url, BODY, {"Content-Type": "application/json"})


def test_a_call_is_a_post_with_its_body_its_headers_and_its_whole_path() -> None:
    with Receiver() as receiver:
        assert post(receiver) == Answered("", 204)
    (got,) = receiver.received
    assert (got.path, got.body) == ("/hooks/nurture?from=us", BODY)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("code", [400, 401, 404, 418, 500, 503])
def test_only_2xx_counts_and_the_words_of_a_refusal_are_kept(code: int) -> None:
    with Receiver(answers(code, "not\r\n today\0")) as receiver:
        assert post(receiver) == Answered("answer", code, "not today")


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_every_2xx_counts(code: int) -> None:
    with Receiver(answers(code)) as receiver:
        assert post(receiver) == Answered("", code)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_nobody_goes_there(code: int) -> None:
    with Receiver() as other, Receiver(answers(code, Location=other.url)) as receiver:
        assert post(receiver) == Answered("redirect", code, f"it leads to {other.url}")
        assert other.received == []


def test_a_receiver_may_say_when_to_come_back_and_that_it_is_gone() -> None:
    with Receiver(answers(429, Retry_After="120"), answers(410)) as receiver:
        assert post(receiver) == Answered("answer", 429, "", timedelta(minutes=2))
        assert post(receiver).reason == "gone"


@pytest.mark.parametrize("said", ["-5", "tomorrow", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 400])
def test_a_date_or_nonsense_in_retry_after_is_left_out(said: str) -> None:
    with Receiver(answers(503, Retry_After=said)) as receiver:
        assert post(receiver) == Answered("answer", 503)


def test_who_says_nothing_is_left_after_the_patience() -> None:
    with Receiver() as receiver:
        receiver.behaviours.append(hangs(receiver.over))
        assert post(receiver, SHORT).reason == "timeout"


def test_who_says_a_byte_now_and_then_is_left_after_the_patience_too() -> None:
    with Receiver() as receiver:
        receiver.behaviours.append(drips(receiver.over))
        assert post(receiver, SHORT).reason == "timeout"


def test_a_body_without_end_is_not_read() -> None:
    with Receiver(huge(200), huge(500)) as receiver:
        assert post(receiver) == Answered("", 200)
        refused = post(receiver)
        assert (refused.reason, refused.code, len(refused.detail)) == ("answer", 500, MOST_TOLD)


def test_a_reset_and_a_closed_port_are_told_apart() -> None:
    with Receiver(resets) as receiver:
        assert post(receiver).reason == "broken"
    assert post(receiver).reason == "unreachable"


def test_what_is_no_http_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert SHORT.post(url, BODY, {}).reason == "timeout"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1",
        "169.254.169.254", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "224.0.0.1", "ff02::1",
        NOBODY, "::", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:a00:1::", "168.63.129.16", "nonsense",
    ],
)  # fmt: skip
def test_an_address_that_is_no_other_system_is_refused(address: str) -> None:
    assert objection(address, private=False)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
def test_a_public_address_may_be_called(address: str) -> None:
    assert objection(address, private=False) == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "fd12::1", "8.8.8.8"])
def test_private_addresses_may_be_called_where_the_setting_allows_it(address: str) -> None:
    assert objection(address, private=True) == ""


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "fd00:ec2::254", "224.0.0.1", NOBODY, "168.63.129.16"],
)
def test_metadata_and_what_is_no_machine_are_refused_even_then(address: str) -> None:
    assert objection(address, private=True)


def test_a_private_target_is_refused_before_anything_is_sent() -> None:
    with Receiver() as receiver:
        told = post(receiver, Caller())
        assert (told.reason, told.is_final) == ("target", True)
        assert "127.0.0.1" in told.detail
        assert receiver.received == []


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1", "[::1]"])
def test_other_spellings_of_this_machine_are_refused_as_well(host: str) -> None:
    assert Caller().post(f"http://{host}:9/", BODY, {}).reason in ("target", "unreachable")


def test_a_name_that_leads_to_a_private_address_is_refused() -> None:
    caller = Caller(resolve=lambda _host, _port: ("10.0.0.7",))
    told = caller.post("https://hooks.example.com/", BODY, {})
    assert (told.reason, told.detail) == (
        "target", "hooks.example.com is 10.0.0.7: a private address",
    )  # fmt: skip


def test_one_private_address_taints_a_name() -> None:
    caller = Caller(resolve=lambda _host, _port: ("93.184.216.34", "127.0.0.1"))
    assert caller.post("https://hooks.example.com/", BODY, {}).reason == "target"


def test_the_connection_goes_to_the_address_that_was_checked_however_the_name_answers_next() -> (
    None
):
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ("127.0.0.1",) if len(asked) == 1 else ("203.0.113.9",)

    with Receiver() as receiver:
        url = f"http://hooks.example.invalid:{receiver.port}/"
        assert Caller(private=True, resolve=rebinding).post(url, BODY, {}) == Answered("", 204)
    assert asked == ["hooks.example.invalid"]
    assert receiver.received[0].headers["host"] == f"hooks.example.invalid:{receiver.port}"


def test_a_name_without_addresses_is_unreachable() -> None:
    def lost(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    told = Caller(resolve=lost).post("https://nowhere.example.com/", BODY, {})
    assert (told.reason, told.is_final) == ("unreachable", False)
    assert look_up("127.0.0.1", 80) == ("127.0.0.1",)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://hooks.example.com/a?b=c", ""),
        ("http://hooks.example.com:8080", ""),
        ("ftp://hooks.example.com/", "only http and https are called"),
        ("file:///etc/passwd", "only http and https are called"),
        ("https:///path", "it names no host"),
        ("https://a b/", "it names no host"),
        ("https://good.example.com\\@bad.example.com/", "it names no host"),
        ("https://lan:secret@hooks.example.com/", "it holds a user name or a password"),
        ("https://@hooks.example.com/", "it holds a user name or a password"),
        ("https://hooks.example.com:99999/", "it is no address"),
        ("https://[::1/", "it is no address"),
        ("https://hooks.example.com:0/", "port 0 is no port"),
        ("https://hooks.example.com/#part", "it ends in a fragment, which is never sent"),
    ],
)
def test_an_address_says_what_is_wrong_with_it(url: str, fault: str) -> None:
    assert url_fault(url) == fault
    if fault:
        assert LONG.post(url, BODY, {}) == Answered("address", detail=fault)


def test_plain_http_is_refused_in_production() -> None:
    told = Caller(encrypted=True).post("http://hooks.example.com/", BODY, {})
    assert (told.reason, told.is_final) == ("address", True)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context, trusted = make(tmp_path)
    with Receiver(encrypted=context) as receiver:
        url = f"https://localhost:{receiver.port}/"
        assert LONG.post(url, BODY, {}).reason == "certificate"
        trusting = ssl.create_default_context(cafile=trusted)
        assert Caller(private=True, context=trusting).post(url, BODY, {}) == Answered("", 204)
        elsewhere = Caller(private=True, context=trusting, resolve=lambda _h, _p: ("127.0.0.1",))
        # The name is what is vouched for, not the address that was called.
        other = f"https://hooks.example.com:{receiver.port}/"
        assert elsewhere.post(other, BODY, {}).reason == "certificate"
    assert len(receiver.received) == 1
