"""The composition root: settings in, the parts of a running Nurture out."""

from collections.abc import Sequence

from nurture.clock import WallClock, clock_from
from nurture.config import Secrets, Settings
from nurture.engine.definitions import Definitions
from nurture.engine.dependencies import Dependencies, Wake
from nurture.errors import Invalid
from nurture.mailer.render import Renderer
from nurture.providers.base import Provider
from nurture.providers.calling import Caller
from nurture.providers.inbox import InboxProvider
from nurture.providers.postmark import PostmarkProvider
from nurture.providers.smtp import SmtpProvider
from nurture.providers.smtp_address import SmtpAddress
from nurture.store.database import Database
from nurture.tracking.tokens import Tokens

# AES-SIV takes two keys of 32 bytes each.
TOKEN_KEY_BYTES = 64


def nobody_to_wake(_batches: Sequence[int]) -> None:
    """Wake nobody: for commands that run beside no worker. The ticker finds the batches."""


def build(settings: Settings, wake: Wake = nobody_to_wake) -> Dependencies:
    """Build everything that use cases are given. Opens no connection yet."""
    secrets = Secrets.load_or_create(settings.home)
    return Dependencies(
        settings=settings,
        secrets=secrets,
        clock=clock_from(settings),
        wall=WallClock(),
        database=Database(settings.database_url),
        definitions=Definitions(),
        renderer=Renderer(),
        tokens=Tokens(secrets.key("tracking", length=TOKEN_KEY_BYTES)),
        provider=provider(settings, secrets),
        webhooks=webhooks(settings, secrets),
        wake=wake,
        caller=Caller(private=settings.private_endpoints, encrypted=settings.production),
    )


def provider(settings: Settings, secrets: Secrets) -> Provider:
    """Return the provider that sends; raises Invalid when its settings are missing."""
    if settings.provider == "smtp":
        if not settings.smtp_url:
            raise Invalid(
                "NURTURE_SMTP_URL is not set", remedy="Give smtp://user:password@host:587."
            )
        address = SmtpAddress.parse(settings.smtp_url, production=settings.production)
        return SmtpProvider(address, connections=settings.smtp_connections)
    if settings.provider == "postmark":
        if not settings.postmark_token:
            raise Invalid(
                "NURTURE_POSTMARK_TOKEN is not set", remedy="Copy it from your Postmark server."
            )
        return _postmark(settings)
    return _inbox(settings, secrets)


def webhooks(settings: Settings, secrets: Secrets) -> dict[str, Provider]:
    """Return the providers whose webhooks are understood, by the name in their address.

    A provider that was left behind still tells of its last mails, so all of them listen;
    without credentials each treats every call as forged.
    """
    return {"postmark": _postmark(settings), "inbox": _inbox(settings, secrets)}


def _postmark(settings: Settings) -> PostmarkProvider:
    return PostmarkProvider(
        settings.postmark_token,
        stream=settings.postmark_stream,
        webhook_user=settings.postmark_webhook_user,
        webhook_password=settings.postmark_webhook_password,
    )


def _inbox(settings: Settings, secrets: Secrets) -> InboxProvider:
    # On a clock that runs fast every signature would be days old before it arrives.
    tolerance = {"tolerance": None} if settings.clock else {}
    return InboxProvider(
        settings.inbox_host,
        settings.inbox_port,
        secret=secrets.key("inbox webhooks"),
        connections=settings.smtp_connections,
        **tolerance,
    )
