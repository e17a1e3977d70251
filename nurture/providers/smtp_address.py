"""Where a relay is and how it is spoken to, read from one URL."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ssl import SSLContext
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from nurture.errors import Invalid, Problem
from nurture.providers.trust import client_context

_FIELD = "NURTURE_SMTP_URL"


class Encryption(StrEnum):
    """When the connection is encrypted."""

    #: From the first byte (`smtps://`, RFC 8314).
    IMPLICIT = "implicit"
    #: By STARTTLS; a relay that does not offer it gets no mail.
    REQUIRED = "required"
    #: By STARTTLS where it is offered.
    OPPORTUNISTIC = "opportunistic"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """One relay. Certificates are verified unless `verify` is off."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    encryption: Encryption = Encryption.OPPORTUNISTIC
    verify: bool = True

    @classmethod
    def parse(cls, url: str, *, production: bool) -> Self:
        """Read `smtp[s]://user:password@host:port?starttls=required|opportunistic|never`.

        Ports default to 587 (with credentials) or 25, and 465 for `smtps`. STARTTLS defaults to
        required where credentials would travel beyond this machine, else to opportunistic.
        `?verify=no` accepts any certificate, for tests. Raises `Invalid` with every fault;
        in production also for `verify=no` and for credentials that would travel in the clear.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        problems = _faults(parts, options, production=production)
        if problems:
            raise Invalid.because(problems, of="The relay cannot be used")
        host, user = parts.hostname or "", unquote(parts.username or "")
        local = is_loopback(host)
        if parts.scheme == "smtps":
            encryption = Encryption.IMPLICIT
        elif "starttls" in options:
            encryption = Encryption(options["starttls"])
        elif user and not local:
            encryption = Encryption.REQUIRED
        else:
            encryption = Encryption.OPPORTUNISTIC
        clear = encryption in (Encryption.NEVER, Encryption.OPPORTUNISTIC)
        if production and user and clear and not local:
            remedy = "Give starttls=required or smtps://."
            problem = Problem("the password could travel unencrypted", remedy, field=_FIELD)
            raise Invalid.because([problem], of="The relay cannot be used")
        default = 465 if encryption is Encryption.IMPLICIT else 587 if user else 25
        return cls(
            host=host,
            port=default if parts.port is None else parts.port,
            user=user,
            password=unquote(parts.password or ""),
            encryption=encryption,
            verify=options.get("verify") != "no",
        )

    def tls_context(self) -> SSLContext:
        """The context of a client that talks to this relay."""
        return client_context(verify=self.verify)


def _faults(parts: SplitResult, options: Mapping[str, str], *, production: bool) -> list[Problem]:
    """Everything that is wrong with the parts of the URL; values are never quoted back."""
    found: list[tuple[str, str]] = []
    try:
        _ = parts.port
    except ValueError:
        found.append(("the port is no number up to 65535", "Give a port such as 587."))
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        found.append(("it is no mail relay's address", "Give smtp://user:password@host:587."))
    if options.get("starttls", "never") not in ("required", "opportunistic", "never"):
        found.append(("starttls cannot be read", "Give required, opportunistic or never."))
    if options.get("verify", "yes") not in ("yes", "no"):
        found.append(("verify cannot be read", "Give yes or no."))
    if options.get("verify") == "no" and production:
        found.append(("certificates must be verified in production", "Remove verify=no."))
    found.extend(
        (f"there is no option {name}", "Use starttls= or verify=, or remove it.")
        for name in options
        if name not in ("starttls", "verify")
    )
    return [Problem(message, remedy, field=_FIELD) for message, remedy in found]


def is_loopback(host: str) -> bool:
    """Whether a connection to `host` stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
