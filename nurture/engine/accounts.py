"""Log-in on the database: what the web's door asks for, and adding the people who may enter.

Times here are the wall's, never the campaign's: a demo at a day a second must not log people out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from nurture.errors import Conflict, Invalid, NotFound
from nurture.store import operations, users
from nurture.store.database import Database
from nurture.store.users import Attempt, User

__all__ = ["Accounts", "Attempt", "User", "add_user", "change_password", "normalised"]

# Tries to log in are kept this long; the door looks back over minutes.
KEPT = timedelta(days=1)
# RFC 5321, section 4.5.3.1.3, less the angle brackets.
LONGEST_EMAIL = 254


def normalised(email: str) -> str:
    """The form under which a log-in address is stored and counted."""
    return email.strip().casefold()


class Accounts:
    """Users, tries and ended sessions in the database; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_user(self, email: str) -> User | None:
        """The user with this normalised address."""
        with self._database.read() as tx:
            return users.by_email(tx, email)

    def user_of_session(self, user_id: int, session_id: str) -> User | None:
        """The user, or None when they are gone or the session was ended."""
        with self._database.read() as tx:
            return users.of_session(tx, user_id, session_id)

    def end_session(self, session_id: str, *, until: datetime, now: datetime) -> None:
        """Remember until `until` that this session has ended; twice is no error."""
        with self._database.begin() as tx:
            users.end_session(tx, session_id, until, now)

    def record_attempt(self, attempt: Attempt) -> None:
        """Keep a try to log in for a day."""
        with self._database.begin() as tx:
            users.add_attempt(tx, attempt, attempt.at - KEPT)

    def recent_attempts(self, email: str, address: str, *, since: datetime) -> Sequence[Attempt]:
        """Tries at or after `since` that share the email or the address, oldest first."""
        with self._database.read() as tx:
            return users.attempts(tx, email, address, since)

    def replace_password_hash(self, user_id: int, password_hash: str, *, now: datetime) -> None:  # noqa: ARG002 - the port says when
        """Store a new hash of the same password. Sessions of the old hash end with it."""
        with self._database.begin() as tx:
            users.set_password_hash(tx, user_id, password_hash)


def add_user(
    database: Database, email: str, password_hash: str, now: datetime, *, name: str = "", by: str
) -> User:
    """Add somebody who may log in, with an audit line.

    Raises Invalid for what is no address, and Conflict when the address has an account.
    """
    address = normalised(email)
    local, _, domain = address.rpartition("@")
    if not local or not domain or " " in address or len(address) > LONGEST_EMAIL:
        raise Invalid(f"{email!r} is no email address", remedy="Give one like lan@example.com.")
    with database.begin() as tx:
        if not users.add(tx, address, name.strip(), password_hash, now):
            message = f"{address} has an account already"
            raise Conflict(message, remedy=f"Run `nurture user password {address}` to change it.")
        operations.note(tx, by, "add user", address, {}, now)
        added = users.by_email(tx, address)
    if added is None:
        raise NotFound(f"{address} has no account")
    return added


def change_password(
    database: Database, email: str, password_hash: str, now: datetime, *, by: str
) -> None:
    """Give a user another password; it ends every session of theirs. Raises NotFound."""
    address = normalised(email)
    with database.begin() as tx:
        user = users.by_email(tx, address)
        if user is None:
            message = f"{address} has no account"
            raise NotFound(message, remedy=f"Run `nurture user add {address}`.")
        users.set_password_hash(tx, user.id, password_hash)
        operations.note(tx, by, "change password", address, {}, now)
