"""From a claimed send to the message that leaves: the contact's fields, rendered and composed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nurture.domain.enrollment import Enrollment
from nurture.domain.funnel import Account, Funnel
from nurture.engine.definitions import Definitions
from nurture.engine.dependencies import Dependencies
from nurture.errors import NotFound
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.compose import Envelope, Sender, compose, feedback_id
from nurture.mailer.links import Links
from nurture.mailer.render import Rendered
from nurture.providers.base import OutgoingEmail
from nurture.store.database import Transaction
from nurture.store.people import Addressee
from nurture.store.sends import Claimed

CONFIRM_URL = "confirm_url"


@dataclass(frozen=True, slots=True)
class Letter:
    """All that one email is made from, read while the transaction was open."""

    send: Claimed
    addressee: Addressee
    enrollment: Enrollment
    email_id: int
    stage: str


def choose_email(
    definitions: Definitions, tx: Transaction, send: Claimed, language: str, account: Account
) -> int:
    """Return the compiled email for a send: in the contact's language, else the account's.

    Raises NotFound when the step has no email in any language, which publishing refuses.
    """
    choices = definitions.choices(tx, send.version_id)
    for wanted in (language, account.language):
        if (send.step, wanted) in choices:
            return choices[send.step, wanted]
    found = [email for (step, _), email in sorted(choices.items()) if step == send.step]
    if not found:
        raise NotFound(f"the step {send.step!r} has no compiled email")
    return found[0]


def merge_fields(  # noqa: PLR0913 - what an email is made of
    addressee: Addressee,
    run: Enrollment,
    stage: str,
    funnel: Funnel,
    language: str,
    now: datetime,
    links: Mapping[str, str],
) -> dict[str, object]:
    """Return the merge fields of an email: the contact's own values over declared defaults."""
    return {
        "contact": contact_fields(addressee, funnel, language),
        "sender": sender_of(funnel.account).merge(),
        "event": dict(run.properties),
        "stage": stage,
        "persona": addressee.persona,
        "today": now,
        "language": language,
        **links,
    }


def contact_fields(addressee: Addressee, funnel: Funnel, language: str) -> dict[str, Any]:
    """Return the merge fields `contact.…`: the contact's own values over declared defaults."""
    fields: dict[str, Any] = {"email": addressee.email, "language": language}
    for key, declared in funnel.fields.items():
        default = declared.defaults.get(language)
        if default is not None:
            fields[key] = default
    own = addressee.fields.items()
    fields |= {key: value for key, value in own if value not in ("", None)}
    # What the rules found, whatever a file may have said; like a field, it can be missing.
    for name, value in _persona(addressee.persona, funnel, language).items():
        fields.pop(name, None)
        fields |= {name: value} if value else {}
    return fields


def _persona(key: str, funnel: Funnel, language: str) -> dict[str, str]:
    """Return the contact's persona and what it is called in a language."""
    names = next((one.names for one in funnel.personas if one.key == key), {})
    return {"persona": key, "persona_name": names.get(language) or key}


def sender_of(account: Account) -> Sender:
    """Return the account as the one who writes."""
    return Sender(account.name, account.email, account.address, account.phone, account.site)


class Post:
    """Writes letters; one for each worker, since it keeps what is the same for all of them."""

    def __init__(self, deps: Dependencies, funnel: Funnel) -> None:
        self._deps = deps
        self._funnel = funnel
        self._account = funnel.account
        self._links = Links(deps.settings.public_url, deps.tokens, site=funnel.account.site)
        self._domain = funnel.account.email.rpartition("@")[2]
        self._sender = sender_of(funnel.account)

    def message_id(self, send_id: int) -> str:
        """Return the Message-ID of a send: ours, stable, and telling a stranger nothing."""
        return f"<{self._deps.tokens.seal_address(0, send_id)}@{self._domain}>"

    def render(
        self, letter: Letter, email: CompiledEmail, now: datetime, *, tracked: bool = True
    ) -> Rendered:
        """Return the rendered email with its links; raises TemplateFailed with the email's name."""
        unsubscribe_url = self._links.unsubscribe_url(letter.email_id, letter.send.id)
        return self._rendered(letter, email, now, unsubscribe_url, tracked=tracked)

    def _rendered(
        self,
        letter: Letter,
        email: CompiledEmail,
        now: datetime,
        unsubscribe_url: str,
        *,
        tracked: bool,
    ) -> Rendered:
        send_id, email_id = letter.send.id, letter.email_id
        own = {
            "unsubscribe_url": unsubscribe_url,
            "view_url": self._links.view_url(email_id, send_id),
        }
        if CONFIRM_URL in email.paths:
            # Sealing takes its time, and only one email of all has such a link.
            own[CONFIRM_URL] = self._links.confirm_url(email_id, send_id)
        merge = merge_fields(
            letter.addressee, letter.enrollment, letter.stage, self._funnel, email.language, now,
            own,
        )  # fmt: skip
        rendered = self._deps.renderer.render(email, merge)
        return self._links.fill(rendered, email, email_id, send_id, tracked=tracked)

    def write(self, letter: Letter, email: CompiledEmail, now: datetime) -> OutgoingEmail:
        """Return the email as a provider takes it."""
        send = letter.send
        # Sealing takes its time, so the address in the text and in the head is made once.
        unsubscribe_url = self._links.unsubscribe_url(letter.email_id, send.id)
        rendered = self._rendered(letter, email, now, unsubscribe_url, tracked=True)
        name = letter.addressee.fields.get("first_name") or ""
        envelope = Envelope(
            send_id=send.id,
            message_id=self.message_id(send.id),
            sender=self._sender,
            reply_to=self._account.reply_to,
            recipient=letter.addressee.email,
            recipient_name=str(name),
            date=now,
            unsubscribe_url=unsubscribe_url,
            list_id=f"{send.topic}.{self._domain}",
            feedback_id=feedback_id(letter.enrollment.sequence, send.topic, "", self._domain),
            language=email.language,
        )
        mail_from = self._deps.tokens.seal_address(letter.email_id, send.id, prefix="b+")
        return OutgoingEmail(
            send_id=send.id,
            key=f"send-{send.id}",
            mail_from=f"{mail_from}@{self._domain}",
            recipient=letter.addressee.email,
            message=compose(rendered, envelope),
            subject=rendered.subject,
            html=rendered.html,
            text=rendered.text,
            tag=letter.enrollment.sequence,
            metadata={"send_id": str(send.id)},
        )
