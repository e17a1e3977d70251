"""The only reader of the environment: settings and secrets.

Every setting is one field of `Settings`, declared with its variable and default;
`docs/configuration.md` documents them in one table that `tests/test_promises.py` holds equal to
the declarations here. Nothing else in this project looks at environment variables.
"""

import difflib
import functools
import os
import secrets as random_bytes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Self, get_type_hints
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nurture.errors import Invalid, Problem, Refused

MASTER_KEY_BYTES = 32
MASTER_KEY_FILE = "master.key"
PROVIDERS = ("inbox", "smtp", "postmark")
ENVIRONMENTS = ("development", "production")

# A variable this similar to one of ours is a slip of the pen. The bar is high because for a
# service called "nurture" Kubernetes itself sets NURTURE_PORT, NURTURE_SERVICE_HOST and the like.
_LIKENESS_OF_A_SLIP = 0.9


@dataclass(frozen=True, slots=True)
class Kind:
    """What the text of a variable may be: `read` raises ValueError, `expected` is the remedy."""

    read: Callable[[str], object]
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """How one field of `Settings` is read.

    `default` is what the text of the variable would have to be; `{field}` in it stands for
    the value of a field declared earlier. What is `secret` stays out of the repr, and so out of
    logs and tracebacks.
    """

    variable: str
    default: str
    kind: Kind
    secret: bool = False


def _number(read: Callable[[str], float], low: float, high: float) -> Callable[[str], float]:
    def within(text: str) -> float:
        number = read(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return within


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


_TEXT = Kind(str)
# Absolute, because child processes and cron jobs start in other folders.
_PATH = Kind(_path, "Give a path; ~ works for people who have a home.")
_COUNT = Kind(_number(int, 1, 1_000_000), "Give a whole number from 1 up.")
_PORT = Kind(_number(int, 0, 65535), "Give a port from 1 to 65535, or 0 for any free one.")
_SECONDS = Kind(_number(float, 0, 86_400), "Give a number of seconds, at most a day.")
_INTERVAL = Kind(_number(float, 0.01, 86_400), "Give a number of seconds, at most a day.")
_FEW = Kind(_number(int, 0, 32), "Give a whole number from 0 to 32.")
_PROVIDER = Kind(lambda text: PROVIDERS[PROVIDERS.index(text)], f"Give one of {PROVIDERS}.")
_PRODUCTION = Kind(lambda text: ENVIRONMENTS.index(text) == 1, f"Give one of {ENVIRONMENTS}.")
_DATABASE = Kind(
    _database_url, "Give sqlite:///path/to/file.db or postgresql://user:password@host/name."
)
_REDIS = Kind(
    _redis_url, "Give redis://, rediss:// or unix://, or leave it empty for the embedded Valkey."
)
_WEB_URL = Kind(_url("http", "https"), "Give a whole address such as https://mail.example.com.")
_SMTP_URL = Kind(
    _url("smtp", "smtps"), "Give smtp://user:password@host:587?starttls=required or smtps://host."
)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Settings:
    """Every setting, read and checked. Paths are absolute, durations are seconds."""

    home: Annotated[Path, Setting("NURTURE_HOME", "var", _PATH)]
    production: Annotated[bool, Setting("NURTURE_ENV", "development", _PRODUCTION)]
    database_url: Annotated[
        str, Setting("DATABASE_URL", "sqlite:///{home}/nurture.db", _DATABASE, secret=True)
    ]
    redis_url: Annotated[str, Setting("REDIS_URL", "", _REDIS, secret=True)]
    web_host: Annotated[str, Setting("NURTURE_WEB_HOST", "127.0.0.1", _TEXT)]
    web_port: Annotated[int, Setting("NURTURE_WEB_PORT", "8000", _PORT)]
    web_processes: Annotated[int, Setting("NURTURE_WEB_PROCESSES", "2", _COUNT)]
    public_url: Annotated[
        str, Setting("NURTURE_PUBLIC_URL", "http://{web_host}:{web_port}", _WEB_URL)
    ]
    trusted_proxies: Annotated[int, Setting("NURTURE_TRUSTED_PROXIES", "0", _FEW)]
    workers: Annotated[int, Setting("NURTURE_WORKERS", "2", _COUNT)]
    tick_seconds: Annotated[float, Setting("NURTURE_TICK", "1", _INTERVAL)]
    clock: Annotated[str, Setting("NURTURE_CLOCK", "", _TEXT)]
    provider: Annotated[str, Setting("NURTURE_PROVIDER", "inbox", _PROVIDER)]
    smtp_url: Annotated[str, Setting("NURTURE_SMTP_URL", "", _SMTP_URL, secret=True)]
    smtp_connections: Annotated[int, Setting("NURTURE_SMTP_CONNECTIONS", "4", _COUNT)]
    inbox_host: Annotated[str, Setting("NURTURE_INBOX_HOST", "127.0.0.1", _TEXT)]
    inbox_port: Annotated[int, Setting("NURTURE_INBOX_PORT", "8025", _PORT)]
    postmark_token: Annotated[str, Setting("NURTURE_POSTMARK_TOKEN", "", _TEXT, secret=True)]
    postmark_stream: Annotated[str, Setting("NURTURE_POSTMARK_STREAM", "broadcast", _TEXT)]
    postmark_webhook_user: Annotated[str, Setting("NURTURE_POSTMARK_WEBHOOK_USER", "", _TEXT)]
    postmark_webhook_password: Annotated[
        str, Setting("NURTURE_POSTMARK_WEBHOOK_PASSWORD", "", _TEXT, secret=True)
    ]
    campaigns: Annotated[Path, Setting("NURTURE_CAMPAIGNS", "campaigns", _PATH)]
    templates: Annotated[Path, Setting("NURTURE_TEMPLATES", "templates/email", _PATH)]
    batch_size: Annotated[int, Setting("NURTURE_BATCH_SIZE", "500", _COUNT)]
    click_hold: Annotated[float, Setting("NURTURE_CLICK_HOLD", "60", _SECONDS)]

    def __repr__(self) -> str:
        shown = (
            f"{name}={'…' if setting.secret else repr(getattr(self, name))}"
            for name, setting in declared().items()
        )
        return f"Settings({', '.join(shown)})"

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """Read every setting from `env`; an empty variable counts as unset.

        Raises `Invalid` with one problem per faulty variable, all in one go.
        """
        values: dict[str, Any] = {}
        problems = _slips(env, {setting.variable for setting in declared().values()})
        for name, setting in declared().items():
            text = env.get(setting.variable, "").strip() or setting.default.format_map(values)
            try:
                values[name] = setting.kind.read(text)
            except ValueError:
                problems.append(_unreadable(setting, text))
                values[name] = ""
        if not problems:
            problems = _contradictions(values)
        if problems:
            raise Invalid.because(problems, of="The configuration cannot be used")
        return cls(**values)


@functools.cache
def declared() -> Mapping[str, Setting]:
    """How each field of `Settings` is read, in their order of declaration."""
    hints = get_type_hints(Settings, include_extras=True)
    return MappingProxyType({name: hint.__metadata__[0] for name, hint in hints.items()})


def _slips(env: Mapping[str, str], known: set[str]) -> list[Problem]:
    found = []
    for variable in sorted(env):
        if variable in known or not variable.startswith("NURTURE_"):
            continue
        meant = difflib.get_close_matches(variable, known, n=1, cutoff=_LIKENESS_OF_A_SLIP)
        if meant:
            found.append(
                Problem("there is no such setting", f"Did you mean {meant[0]}?", field=variable)
            )
    return found


def _unreadable(setting: Setting, text: str) -> Problem:
    told = "its value" if setting.secret else repr(text)
    return Problem(f"{told} cannot be read", setting.kind.expected, field=setting.variable)


def _contradictions(values: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with settings that are each readable but do not fit together."""
    needed = []
    if values["provider"] == "smtp":
        needed.append(("smtp_url", "Give the address of the mail relay, with its user."))
    if values["provider"] == "postmark":
        needed.append(("postmark_token", "Copy the server token from Postmark."))
    if values["provider"] == "postmark" and values["production"]:
        # Without them anybody could report bounces and have contacts suppressed.
        needed.append(("postmark_webhook_user", "Choose one and set it in Postmark's webhook."))
        needed.append(("postmark_webhook_password", "Choose a long random one."))
    found = [
        Problem(
            f"it is needed with NURTURE_PROVIDER={values['provider']}",
            remedy,
            field=declared()[name].variable,
        )
        for name, remedy in needed
        if not values[name]
    ]
    if values["production"] and not values["public_url"].startswith("https://"):
        found.append(
            Problem(
                "production links must be https",
                "Give the address recipients reach, beginning with https://.",
                field="NURTURE_PUBLIC_URL",
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Secrets:
    """One master key, and the keys derived from it: one per purpose, none of use for another."""

    master: bytes = field(repr=False)

    @classmethod
    def load_or_create(cls, home: Path) -> Self:
        """Read the master key in `home`, or make it (mode 0600) on the first run.

        Raises `Refused` when group or others may read the file, and `Invalid` when it
        does not hold a key.
        """
        path = home / MASTER_KEY_FILE
        if not path.exists():
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create_once(path)
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            message = f"{path} can be read by others (mode {mode:04o})"
            raise Refused(message, remedy=f"Run: chmod 600 {path}")
        try:
            master = bytes.fromhex(path.read_text("ascii"))
        except ValueError:
            master = b""
        if len(master) != MASTER_KEY_BYTES:
            message = f"{path} does not hold a key of {MASTER_KEY_BYTES} bytes in hexadecimal"
            remedy = (
                "Restore it from a backup. Removing it makes a new one, "
                "but links in mail already sent stop working."
            )
            raise Invalid(message, remedy=remedy)
        return cls(master)

    def key(self, purpose: str, length: int = 32) -> bytes:
        """The key for `purpose`, `length` bytes: HKDF-SHA256 (RFC 5869) of the master key."""
        derivation = HKDF(SHA256(), length, salt=None, info=f"nurture/{purpose}".encode())
        return derivation.derive(self.master)


def _create_once(path: Path) -> None:
    """Write a new key unless another process does so first; nobody ever sees half a file."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{random_bytes.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(random_bytes.token_hex(MASTER_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # A hard link fails when the name is taken; a rename would replace the winner's key.
            path.hardlink_to(draft)
        except FileExistsError:
            return
    finally:
        draft.unlink()
