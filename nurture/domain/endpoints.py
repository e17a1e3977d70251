"""Other systems that are told of things: what their address may be, and when one is let alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

# So many failures in a row, of whatever messages, and the endpoint is left alone for a while.
PATIENCE = 5
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=15)


def url_fault(url: str) -> str:
    """Return what is wrong with the address of an endpoint, empty when it may be called."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is no address"
    if parts.scheme not in ("http", "https"):
        return "only http and https are called"
    if not parts.hostname or any(sign.isspace() or sign == "\\" for sign in url):
        return "it names no host"
    if parts.username is not None or parts.password is not None:
        return "it holds a user name or a password"
    if port == 0:
        return "port 0 is no port"
    return "it ends in a fragment, which is never sent" if parts.fragment else ""


@dataclass(frozen=True, slots=True)
class Circuit:
    """How an endpoint is: failures in a row, and until when it is left alone.

    `gone`: it answered 410 and wants no more messages; only a person lets it be called again.
    """

    failures: int = 0
    until: datetime | None = None
    gone: bool = False

    def room(self, most: int, now: datetime) -> int:
        """Return how many messages may be under way at once: none, a single probe, or `most`."""
        if self.gone or (self.until is not None and self.until > now):
            return 0
        return 1 if self.failures >= PATIENCE else most


def after_success() -> Circuit:
    """Return how an endpoint is that took a message: well, whatever was before."""
    return Circuit()


def after_failure(circuit: Circuit, now: datetime, asked: timedelta | None = None) -> Circuit:
    """Return how an endpoint is after one more failure; `asked` is its own Retry-After."""
    failures = circuit.failures + 1
    rest = timedelta()
    if failures >= PATIENCE:
        # The exponent is bounded because a timedelta is.
        rest = min(FIRST_REST * 2 ** min(failures - PATIENCE, 10), LONGEST_REST)
    if asked is not None:
        rest = max(rest, min(asked, LONGEST_REST))
    until = max(now + rest, circuit.until or now) if rest else circuit.until
    return Circuit(failures, until, circuit.gone)
