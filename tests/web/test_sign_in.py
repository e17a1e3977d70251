"""The limits of guessing, without HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from nurture.web.accounts import Attempt
from nurture.web.passwords import LONGEST_PASSWORD
from nurture.web.sign_in import (
    FAILURES_PER_ADDRESS,
    FAILURES_PER_EMAIL,
    FAILURES_PER_PAIR,
    WINDOW,
    Credentials,
    Denied,
    Granted,
    Limited,
    network_of,
    sign_in,
    waiting_time,
)
from tests.web.people import CHEAP, EMAIL, PASSWORD, AccountsInMemory, lan

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
HERE = "192.0.2.1"


def failed(email: str, address: str, minutes_ago: int = 1) -> Attempt:
    return Attempt(email, address, NOW - timedelta(minutes=minutes_ago), succeeded=False)


def test_one_machine_trying_many_accounts_is_stopped() -> None:
    attempts = [failed(f"{number}@a.test", HERE) for number in range(FAILURES_PER_ADDRESS)]
    assert waiting_time(attempts, EMAIL, HERE, NOW)
    assert not waiting_time(attempts[1:], EMAIL, HERE, NOW)


def test_one_account_tried_from_many_machines_is_protected() -> None:
    attempts = [failed(EMAIL, f"198.51.100.{number}") for number in range(FAILURES_PER_EMAIL)]
    assert waiting_time(attempts, EMAIL, HERE, NOW)
    assert not waiting_time(attempts[1:], EMAIL, HERE, NOW)


def test_the_wait_ends_when_the_failure_that_filled_the_limit_is_old_enough() -> None:
    attempts = [failed(EMAIL, HERE, minutes) for minutes in (14, 9, 8, 7, 6, 5)]
    assert waiting_time(attempts, EMAIL, HERE, NOW) == WINDOW - timedelta(minutes=9)


def test_a_success_forgives_the_failures_before_it_from_the_same_place_only() -> None:
    earlier = [failed(EMAIL, HERE, 10)] * FAILURES_PER_PAIR
    success = Attempt(EMAIL, HERE, NOW - timedelta(minutes=9), succeeded=True)
    elsewhere = Attempt(EMAIL, "203.0.113.9", NOW - timedelta(minutes=9), succeeded=True)
    assert waiting_time([*earlier, elsewhere], EMAIL, HERE, NOW)
    assert not waiting_time([*earlier, success], EMAIL, HERE, NOW)


def test_parallel_guesses_count_before_their_hash_is_computed() -> None:
    class Watching(AccountsInMemory):
        def find_user(self, email: str) -> None:
            assert self.attempts, "the attempt was not counted before the user was looked up"

    outcome = sign_in(Watching(), CHEAP, Credentials(EMAIL, "x", HERE), NOW)
    assert isinstance(outcome, Denied)


def test_each_outcome_is_told_apart() -> None:
    accounts = AccountsInMemory(lan())
    right = Credentials(EMAIL, PASSWORD, HERE)
    assert isinstance(sign_in(accounts, CHEAP, right, NOW), Granted)
    for _ in range(FAILURES_PER_PAIR):
        wrong = Credentials(EMAIL, "wrong", HERE)
        assert isinstance(sign_in(accounts, CHEAP, wrong, NOW), Denied)
    assert sign_in(accounts, CHEAP, right, NOW) == Limited(WINDOW)


def test_a_password_without_end_is_not_hashed() -> None:
    assert not CHEAP.verify(CHEAP.hash("a"), "a" * (LONGEST_PASSWORD + 1))


def test_a_broken_hash_in_the_database_lets_nobody_in() -> None:
    assert not CHEAP.verify("not a hash", "not a hash")


def test_nobodys_password_is_always_wrong() -> None:
    assert not CHEAP.verify(None, "nobody")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", "unknown"),
        ("a unix socket", "unknown"),
    ],
)
def test_a_machine_is_an_ipv4_address_or_an_ipv6_network(address: str, network: str) -> None:
    assert network_of(address) == network
