"""What became of notices and webhooks, in words."""

from typing import Any

from nurture.store.reports_deliveries import Listed
from nurture.web.i18n import gettext
from nurture.web.i18n import marked as _
from nurture.web.words import Word

_REASONS: dict[str, str] = {
    "address": _("its address cannot be called"),
    "target": _("its name leads to an address that may not be called"),
    "unreachable": _("it could not be reached"),
    "timeout": _("it did not answer in time"),
    "broken": _("the connection broke"),
    "certificate": _("its certificate cannot be trusted"),
    "redirect": _("it answered with a redirect, which is never followed"),
    "gone": _("it said that it wants no more messages"),
    "answer": _("it did not take it"),
    "died": _("the process that was telling it stopped"),
    "no_endpoint": _("the funnel declares no such endpoint any more"),
    "no_reader": _("nobody could be written to"),
    "template": _("it could not be written"),
    "email hard": _("the address does not exist or takes no mail"),
    "email soft": _("the mailbox did not take it"),
    "email policy": _("the receiving server refused its content or sender"),
    "email sender": _("the provider refused us as the sender"),
    "email later": _("the provider could not be reached; it will be tried again"),
    "email uncertain": _("it was handed over and the answer never came"),
}

# Why a notice went to whoever answers for the account.
_STOOD_IN: dict[str, str] = {
    "no_owner": _("The contact has no owner, so it went to whoever answers for the account."),
    "no_address": _("The owner's address is none, so it went to whoever answers for the account."),
    "suppressed": _(
        "That address must not be written to, so it went to whoever answers for the account."
    ),
}


_STATES: dict[str, Word] = {
    "waiting": Word(_("Waiting"), "sky", "clock"),
    "claimed": Word(_("Under way"), "sky", "bolt"),
    "delivered": Word(_("Told"), "leaf", "circle-check"),
    "failed": Word(_("Failed"), "coral", "alert-triangle"),
    "cancelled": Word(_("Cancelled"), "", "ban"),
}


def delivery_state(status: str) -> Word:
    """How a delivery is."""
    word = _STATES[status]
    return Word(gettext(word.label), word.tone, word.icon)


def delivery_reason(code: str) -> str:
    """Why a try failed; empty when it did not."""
    word = _REASONS.get(code)
    return gettext(word) if word else code


def delivery_target(kind: str, target: str) -> str:
    """Whom a delivery tells."""
    if kind == "webhook":
        return gettext(_("System “%(key)s”"), key=target)
    return gettext(_("The contact's owner")) if target == "owner" else target


def stood_in(payload: dict[str, Any]) -> str:
    """Why a notice did not go to whom its step names; empty when it did."""
    word = _STOOD_IN.get(str(payload.get("why", "")))
    return gettext(word) if word else ""


def last_answer(one: Listed) -> str:
    """The last answer in one line."""
    parts = (delivery_reason(one.reason), str(one.code or ""), one.detail)
    return " · ".join(part for part in parts if part)
