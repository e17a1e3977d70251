"""People who may log in, their tries to do so, and the sessions they ended."""

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

U, A, E = tables.User, tables.LoginAttempt, tables.EndedSession


@dataclass(frozen=True, slots=True)
class User:
    """A person who may log in. `password_hash` is an argon2 string (RFC 9106)."""

    id: int
    email: str
    name: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to log in: `email` normalised, `address` the network it came from."""

    email: str
    address: str
    at: datetime
    succeeded: bool


_USER = (U.id, U.email, U.name, U.password_hash)


def by_email(tx: Transaction, email: str) -> User | None:
    """Return the user with this normalised address, or None."""
    row = tx.execute(sa.select(*_USER).where(U.email == email)).first()
    return None if row is None else User(*row)


def of_session(tx: Transaction, user_id: int, session_id: str) -> User | None:
    """Return the user unless their session was ended."""
    ended = sa.exists().where(E.session_id == session_id)
    row = tx.execute(sa.select(*_USER).where(U.id == user_id, ~ended)).first()
    return None if row is None else User(*row)


def add(tx: Transaction, email: str, name: str, password_hash: str, now: datetime) -> bool:
    """Add a user; False when somebody has this address already."""
    row = {
        "email": email, "name": name, "password_hash": password_hash, "language": "",
        "created_at": now,
    }  # fmt: skip
    return bool(bulk.insert(tx, U, [row], ignore_conflicts=True, returning=("id",)))


def set_password_hash(tx: Transaction, user_id: int, password_hash: str) -> bool:
    """Replace a user's hash; False when the user is gone."""
    statement = sa.update(U).where(U.id == user_id).values(password_hash=password_hash)
    return tx.execute(statement).rowcount == 1


def end_session(tx: Transaction, session_id: str, until: datetime, now: datetime) -> None:
    """Remember until `until` that a session has ended; forget those that ran out by `now`."""
    tx.execute(sa.delete(E).where(E.until < now))
    row = {"session_id": session_id, "until": until}
    bulk.insert(tx, E, [row], ignore_conflicts=True)


def add_attempt(tx: Transaction, attempt: Attempt, forget_before: datetime) -> None:
    """Keep a try, note a log-in that succeeded, and forget tries before `forget_before`."""
    tx.execute(sa.delete(A).where(A.at < forget_before))
    tx.execute(
        sa.insert(A).values(
            email=attempt.email, ip=attempt.address, at=attempt.at, succeeded=attempt.succeeded
        )
    )
    if attempt.succeeded:
        tx.execute(sa.update(U).where(U.email == attempt.email).values(logged_in_at=attempt.at))


def attempts(tx: Transaction, email: str, address: str, since: datetime) -> list[Attempt]:
    """Return tries at or after `since` that share the email or the address, oldest first."""
    statement = (
        sa.select(A.email, A.ip, A.at, A.succeeded)
        .where(sa.or_(A.email == email, A.ip == address), A.at >= since)
        .order_by(A.at, A.id)
    )
    return [Attempt(*row) for row in tx.execute(statement)]
