"""The port to the people who may log in; `nurture.engine.accounts` implements it, tests a fake."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from nurture.engine.accounts import Attempt, User, normalised

__all__ = ["Accounts", "Attempt", "User", "normalised"]


class Accounts(Protocol):
    """Reads and writes of log-in. Every method is one transaction of its own."""

    def find_user(self, email: str) -> User | None:
        """The active user with this normalised address."""

    def user_of_session(self, user_id: int, session_id: str) -> User | None:
        """The active user, or None when the user is gone or disabled or the session ended."""

    def end_session(self, session_id: str, *, until: datetime, now: datetime) -> None:
        """Remember until `until` that this session has ended; doing so twice is no error."""

    def record_attempt(self, attempt: Attempt) -> None:
        """Keep an attempt; those older than a day may be forgotten."""

    def recent_attempts(self, email: str, address: str, *, since: datetime) -> Sequence[Attempt]:
        """Attempts at or after `since` that share the email or the address, oldest first."""

    def replace_password_hash(self, user_id: int, password_hash: str, *, now: datetime) -> None:
        """Store a new hash of the same password, made with today's parameters."""
