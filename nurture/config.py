"""The only reader of the environment: settings and secrets.

Every setting is one field of `Settings`, declared with its variable and default;
`docs/configuration.md` documents them in one table that `tests/test_promises.py` holds equal to
the declarations here. Nothing else in this project looks at environment variables.
"""

import difflib
import functools
import os
import secrets as random_bytes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Self, get_type_hints

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nurture import config_kinds as kinds
from nurture.errors import Invalid, Problem, Refused

MASTER_KEY_BYTES = 32
MASTER_KEY_FILE = "master.key"

# A variable this similar to one of ours is a slip of the pen. The bar is high because for a
# service called "nurture" Kubernetes itself sets NURTURE_PORT, NURTURE_SERVICE_HOST and the like.
_LIKENESS_OF_A_SLIP = 0.9


@dataclass(frozen=True, slots=True)
class Setting:
    """How one field of `Settings` is read.

    `default` is what the text of the variable would have to be; `{field}` in it stands for
    the value of a field declared earlier. What is `secret` stays out of the repr, and so out of
    logs and tracebacks.
    """

    variable: str
    default: str
    kind: kinds.Kind
    secret: bool = False


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Settings:
    """Every setting, read and checked. Paths are absolute, durations are seconds."""

    home: Annotated[Path, Setting("NURTURE_HOME", "var", kinds.PATH)]
    production: Annotated[bool, Setting("NURTURE_ENV", "development", kinds.PRODUCTION)]
    database_url: Annotated[
        str, Setting("DATABASE_URL", "sqlite:///{home}/nurture.db", kinds.DATABASE, secret=True)
    ]
    redis_url: Annotated[str, Setting("REDIS_URL", "", kinds.REDIS, secret=True)]
    web_host: Annotated[str, Setting("NURTURE_WEB_HOST", "127.0.0.1", kinds.TEXT)]
    web_port: Annotated[int, Setting("NURTURE_WEB_PORT", "8000", kinds.PORT)]
    web_processes: Annotated[int, Setting("NURTURE_WEB_PROCESSES", "2", kinds.COUNT)]
    public_url: Annotated[
        str, Setting("NURTURE_PUBLIC_URL", "http://{web_host}:{web_port}", kinds.WEB_URL)
    ]
    trusted_proxies: Annotated[int, Setting("NURTURE_TRUSTED_PROXIES", "0", kinds.FEW)]
    workers: Annotated[int, Setting("NURTURE_WORKERS", "2", kinds.COUNT)]
    tick_seconds: Annotated[float, Setting("NURTURE_TICK", "1", kinds.INTERVAL)]
    clock: Annotated[str, Setting("NURTURE_CLOCK", "", kinds.TEXT)]
    provider: Annotated[str, Setting("NURTURE_PROVIDER", "inbox", kinds.PROVIDER)]
    smtp_url: Annotated[str, Setting("NURTURE_SMTP_URL", "", kinds.SMTP_URL, secret=True)]
    smtp_connections: Annotated[int, Setting("NURTURE_SMTP_CONNECTIONS", "4", kinds.COUNT)]
    inbox_host: Annotated[str, Setting("NURTURE_INBOX_HOST", "127.0.0.1", kinds.TEXT)]
    inbox_port: Annotated[int, Setting("NURTURE_INBOX_PORT", "8025", kinds.PORT)]
    postmark_token: Annotated[str, Setting("NURTURE_POSTMARK_TOKEN", "", kinds.TEXT, secret=True)]
    postmark_stream: Annotated[str, Setting("NURTURE_POSTMARK_STREAM", "broadcast", kinds.TEXT)]
    postmark_webhook_user: Annotated[str, Setting("NURTURE_POSTMARK_WEBHOOK_USER", "", kinds.TEXT)]
    postmark_webhook_password: Annotated[
        str, Setting("NURTURE_POSTMARK_WEBHOOK_PASSWORD", "", kinds.TEXT, secret=True)
    ]
    campaigns: Annotated[Path, Setting("NURTURE_CAMPAIGNS", "campaigns", kinds.PATH)]
    templates: Annotated[Path, Setting("NURTURE_TEMPLATES", "templates/email", kinds.PATH)]
    batch_size: Annotated[int, Setting("NURTURE_BATCH_SIZE", "500", kinds.COUNT)]
    click_hold: Annotated[float, Setting("NURTURE_CLICK_HOLD", "60", kinds.SECONDS)]
    forget_unconfirmed: Annotated[
        int, Setting("NURTURE_FORGET_UNCONFIRMED", "30", kinds.UNCONFIRMED_DAYS)
    ]
    endpoint_urls: Annotated[
        tuple[tuple[str, str], ...], Setting("NURTURE_ENDPOINT_URLS", "", kinds.ENDPOINT_URLS)
    ]
    endpoint_secrets: Annotated[
        tuple[tuple[str, str], ...],
        Setting("NURTURE_ENDPOINT_SECRETS", "", kinds.WEBHOOK_SECRETS, secret=True),
    ]
    private_endpoints: Annotated[bool, Setting("NURTURE_PRIVATE_ENDPOINTS", "no", kinds.YES_OR_NO)]

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
