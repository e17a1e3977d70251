"""What the text of a setting may be: how it is read, and what to write instead."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

PROVIDERS = ("inbox", "smtp", "postmark")
ENVIRONMENTS = ("development", "production")

# Bytes that Standard Webhooks asks of a secret at least.
SHORTEST_SECRET = 24


@dataclass(frozen=True, slots=True)
class Kind:
    """What the text of a variable may be: `read` raises ValueError, `expected` is the remedy."""

    read: Callable[[str], object]
    expected: str = ""


def _number(read: Callable[[str], float], low: float, high: float) -> Callable[[str], float]:
    def within(text: str) -> float:
        number = read(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return within


def _days(text: str) -> int:
    days = int(text)
    if days and not 8 <= days <= 3650:
        raise ValueError(text)
    return days


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        parts = urlsplit(text)
        # Port 0 is what NURTURE_WEB_PORT=0 gives here until the server knows which port it got;
        # a port that is no number raises ValueError when it is asked for.
        has_port = parts.port is None or parts.port >= 0
        if text and not (parts.scheme in schemes and parts.hostname and has_port):
            raise ValueError(text)
        return text.rstrip("/")

    return read


def _database_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    # "postgres" is what hosting companies hand out; SQLAlchemy knows only the long name.
    scheme = "postgresql" if scheme == "postgres" else scheme
    if not separator or scheme.partition("+")[0] not in {"sqlite", "postgresql"}:
        raise ValueError(text)
    return f"{scheme}://{rest}"


def _redis_url(text: str) -> str:
    if text and urlsplit(text).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError(text)
    return text


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:  # There is no home for the user behind the ~.
        raise ValueError(text) from error


def _webhook_secrets(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        key, _sign, secret = (part.strip() for part in one.partition("="))
        named, _prefix, encoded = secret.partition("whsec_")
        if not key or named or len(base64.b64decode(encoded, validate=True)) < SHORTEST_SECRET:
            raise ValueError(text)
        found.append((key, secret))
    return tuple(found)


def _endpoint_urls(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for one in filter(None, (part.strip() for part in text.split(","))):
        key, _sign, url = (part.strip() for part in one.partition("="))
        parts = urlsplit(url)
        if not key or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(text)
        found.append((key, url))
    return tuple(found)


TEXT = Kind(str)
# Absolute, because child processes and cron jobs start in other folders.
PATH = Kind(_path, "Give a path; ~ works for people who have a home.")
COUNT = Kind(_number(int, 1, 1_000_000), "Give a whole number from 1 up.")
PORT = Kind(_number(int, 0, 65535), "Give a port from 1 to 65535, or 0 for any free one.")
SECONDS = Kind(_number(float, 0, 86_400), "Give a number of seconds, at most a day.")
INTERVAL = Kind(_number(float, 0.01, 86_400), "Give a number of seconds, at most a day.")
# A letter that asks can be confirmed for a week; whoever is forgotten sooner could not say yes.
UNCONFIRMED_DAYS = Kind(
    _days, "Give a whole number of days from 8 up to 3650, or 0 to forget nobody."
)
FEW = Kind(_number(int, 0, 32), "Give a whole number from 0 to 32.")
PROVIDER = Kind(lambda text: PROVIDERS[PROVIDERS.index(text)], f"Give one of {PROVIDERS}.")
PRODUCTION = Kind(lambda text: ENVIRONMENTS.index(text) == 1, f"Give one of {ENVIRONMENTS}.")
DATABASE = Kind(
    _database_url, "Give sqlite:///path/to/file.db or postgresql://user:password@host/name."
)
REDIS = Kind(
    _redis_url, "Give redis://, rediss:// or unix://, or leave it empty for the embedded Valkey."
)
WEB_URL = Kind(_url("http", "https"), "Give a whole address such as https://mail.example.com.")
SMTP_URL = Kind(
    _url("smtp", "smtps"), "Give smtp://user:password@host:587?starttls=required or smtps://host."
)
YES_OR_NO = Kind(lambda text: ("no", "yes").index(text) == 1, "Give yes or no.")
ENDPOINT_URLS = Kind(_endpoint_urls, "Give key=https://…, several with commas between.")
WEBHOOK_SECRETS = Kind(
    _webhook_secrets,
    "Give key=whsec_…, several with commas between; a key twice while its secret changes.",
)
