"""Accounts in memory and a clock that stands still until a test moves it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher

from nurture.web.accounts import Attempt, User, normalised
from nurture.web.passwords import Passwords

EMAIL = "lan@nurture.test"
PASSWORD = "một mật khẩu dài"
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class StandingClock:
    """Tells the same time until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by


class AccountsInMemory:
    """Keeps the promises of `nurture.web.accounts.Accounts` with lists."""

    def __init__(self, *users: User) -> None:
        self.users = {user.id: user for user in users}
        self.attempts: list[Attempt] = []
        self.ended: dict[str, datetime] = {}
        self.lookups = 0

    def find_user(self, email: str) -> User | None:
        self.lookups += 1
        return next((u for u in self.users.values() if normalised(u.email) == email), None)

    def user_of_session(self, user_id: int, session_id: str) -> User | None:
        return None if session_id in self.ended else self.users.get(user_id)

    def end_session(self, session_id: str, *, until: datetime, now: datetime) -> None:
        assert until > now
        self.ended[session_id] = until

    def record_attempt(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)

    def recent_attempts(self, email: str, address: str, *, since: datetime) -> Sequence[Attempt]:
        return [
            attempt
            for attempt in self.attempts
            if attempt.at >= since and (attempt.email == email or attempt.address == address)
        ]

    def replace_password_hash(self, user_id: int, password_hash: str, *, now: datetime) -> None:
        user = self.users[user_id]
        self.users[user_id] = User(user.id, user.email, user.name, password_hash)


def lan(passwords: Passwords = CHEAP) -> User:
    """The one user of these tests."""
    return User(1, EMAIL, "Nguyễn Thị Lan", passwords.hash(PASSWORD))
