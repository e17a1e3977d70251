"""The people who may log in, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from nurture.engine.accounts import Accounts, Attempt, add_user, change_password
from nurture.errors import Conflict, Invalid, NotFound
from nurture.store.database import Database
from nurture.web import accounts as port

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def accounts(database: Database) -> port.Accounts:
    add_user(database, " Lan@Nurture.test ", "hash", NOW, name="Lan", by="test")
    return Accounts(database)


def test_a_user_is_found_by_the_normalised_address(accounts: port.Accounts) -> None:
    found = accounts.find_user("lan@nurture.test")
    assert found is not None
    assert (found.email, found.name, found.password_hash) == ("lan@nurture.test", "Lan", "hash")
    assert accounts.find_user("nobody@nurture.test") is None


def test_an_address_has_one_account_only(database: Database, accounts: port.Accounts) -> None:
    with pytest.raises(Conflict, match="has an account already"):
        add_user(database, "LAN@nurture.test", "other", NOW, by="test")
    found = accounts.find_user("lan@nurture.test")
    assert found is not None
    assert found.password_hash == "hash"


@pytest.mark.parametrize("email", ["", "lan", "@nurture.test", "lan@", "a b@nurture.test"])
def test_what_is_no_address_gets_no_account(database: Database, email: str) -> None:
    with pytest.raises(Invalid, match="is no email address"):
        add_user(database, email, "hash", NOW, by="test")


def test_an_ended_session_has_no_user_any_more(accounts: port.Accounts) -> None:
    user = accounts.find_user("lan@nurture.test")
    assert user is not None
    assert accounts.user_of_session(user.id, "one") == user
    for _ in range(2):
        accounts.end_session("one", until=NOW + timedelta(hours=12), now=NOW)
    assert accounts.user_of_session(user.id, "one") is None
    assert accounts.user_of_session(user.id, "two") == user
    assert accounts.user_of_session(user.id + 1, "two") is None


def test_ended_sessions_are_forgotten_once_they_would_have_run_out(
    accounts: port.Accounts,
) -> None:
    user = accounts.find_user("lan@nurture.test")
    assert user is not None
    accounts.end_session("one", until=NOW + timedelta(hours=1), now=NOW)
    later = NOW + timedelta(hours=2)
    accounts.end_session("two", until=later + timedelta(hours=1), now=later)
    assert accounts.user_of_session(user.id, "one") == user
    assert accounts.user_of_session(user.id, "two") is None


def test_attempts_of_the_address_or_the_network_are_counted_oldest_first(
    accounts: port.Accounts,
) -> None:
    made = [
        Attempt("lan@nurture.test", "192.0.2.1", NOW + timedelta(seconds=1), succeeded=False),
        Attempt("bao@nurture.test", "192.0.2.1", NOW + timedelta(seconds=2), succeeded=False),
        Attempt("lan@nurture.test", "192.0.2.9", NOW + timedelta(seconds=3), succeeded=True),
        Attempt("bao@nurture.test", "192.0.2.9", NOW + timedelta(seconds=4), succeeded=False),
    ]
    for attempt in reversed(made):
        accounts.record_attempt(attempt)
    assert accounts.recent_attempts("lan@nurture.test", "192.0.2.1", since=NOW) == made[:3]
    late = NOW + timedelta(seconds=2)
    assert accounts.recent_attempts("lan@nurture.test", "192.0.2.1", since=late) == made[1:3]


def test_attempts_are_forgotten_after_a_day(accounts: port.Accounts) -> None:
    old = Attempt("lan@nurture.test", "192.0.2.1", NOW, succeeded=False)
    new = Attempt("lan@nurture.test", "192.0.2.1", NOW + timedelta(days=2), succeeded=False)
    accounts.record_attempt(old)
    accounts.record_attempt(new)
    assert accounts.recent_attempts("lan@nurture.test", "192.0.2.1", since=NOW) == [new]


def test_another_hash_of_a_password_replaces_the_old_one(
    database: Database, accounts: port.Accounts
) -> None:
    user = accounts.find_user("lan@nurture.test")
    assert user is not None
    accounts.replace_password_hash(user.id, "newer", now=NOW)
    found = accounts.find_user("lan@nurture.test")
    assert found is not None
    assert found.password_hash == "newer"
    change_password(database, "Lan@nurture.test", "newest", NOW, by="test")
    found = accounts.find_user("lan@nurture.test")
    assert found is not None
    assert found.password_hash == "newest"
    with pytest.raises(NotFound, match="has no account"):
        change_password(database, "bao@nurture.test", "hash", NOW, by="test")
