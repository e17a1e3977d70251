"""Who may log in, and how often one may try: rules without Flask."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

from nurture.web.accounts import Accounts, Attempt, User, normalised
from nurture.web.passwords import Passwords

WINDOW = timedelta(minutes=15)
# One person at one machine; one account tried from many machines; one machine trying many accounts.
FAILURES_PER_PAIR = 5
FAILURES_PER_EMAIL = 25
FAILURES_PER_ADDRESS = 25


@dataclass(frozen=True, slots=True)
class Granted:
    """The password was right."""

    user: User


@dataclass(frozen=True, slots=True)
class Denied:
    """Wrong password or unknown address; which of the two is nobody's business."""


@dataclass(frozen=True, slots=True)
class Limited:
    """Too many failures; the password was not looked at. `wait` is until the next try counts."""

    wait: timedelta


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody typed, and from where: `address` is the peer's IP."""

    email: str
    password: str = field(repr=False)
    address: str


def sign_in(
    accounts: Accounts, passwords: Passwords, given: Credentials, now: datetime
) -> Granted | Denied | Limited:
    """Check credentials, count the attempt, renew an outdated hash. `now` is wall time."""
    email, network = normalised(given.email), network_of(given.address)
    attempts = accounts.recent_attempts(email, network, since=now - WINDOW)
    wait = waiting_time(attempts, email, network, now)
    if wait:
        return Limited(wait)
    # It counts as a failure before the slow hash runs, or parallel guesses would all be allowed.
    accounts.record_attempt(Attempt(email, network, now, succeeded=False))
    user = accounts.find_user(email)
    if not passwords.verify(user.password_hash if user else None, given.password) or user is None:
        return Denied()
    accounts.record_attempt(Attempt(email, network, now, succeeded=True))
    if passwords.outdated(user.password_hash):
        renewed = passwords.hash(given.password)
        accounts.replace_password_hash(user.id, renewed, now=now)
        user = User(user.id, user.email, user.name, renewed)
    return Granted(user)


def waiting_time(
    attempts: Sequence[Attempt], email: str, network: str, now: datetime
) -> timedelta | None:
    """How long until a try is allowed again, or None when it is allowed now.

    A success forgives the failures before it of the same address from the same network.
    """
    failures = _unforgiven(attempts)
    limits = (
        (FAILURES_PER_PAIR, [a for a in failures if (a.email, a.address) == (email, network)]),
        (FAILURES_PER_EMAIL, [a for a in failures if a.email == email]),
        (FAILURES_PER_ADDRESS, [a for a in failures if a.address == network]),
    )
    waits = [
        matching[-limit].at + WINDOW - now for limit, matching in limits if len(matching) >= limit
    ]
    longest = max(waits, default=timedelta(0))
    return longest if longest > timedelta(0) else None


def network_of(address: str) -> str:
    """What counts as one machine: an IPv4 address, or an IPv6 network of 64 bits.

    One household or server owns a whole /64 (RFC 6177), so a limit per IPv6 address limits nobody.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def _unforgiven(attempts: Sequence[Attempt]) -> list[Attempt]:
    by_pair: defaultdict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        pair = by_pair[attempt.email, attempt.address]
        if attempt.succeeded:
            pair.clear()
        else:
            pair.append(attempt)
    return sorted((a for pair in by_pair.values() for a in pair), key=lambda a: a.at)
