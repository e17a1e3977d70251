"""Whom a notice goes to: a contact's owner or a fixed address, else who answers for the account."""

from collections.abc import Mapping
from dataclasses import dataclass

from nurture.domain.funnel import Account
from nurture.engine.addresses import AddressKeys, parse_address
from nurture.engine.dependencies import Dependencies
from nurture.errors import Invalid
from nurture.store import suppressions
from nurture.store.database import Transaction
from nurture.store.people import Addressee

OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a notice goes to; `why` tells why it is not whom the step names, empty when it is."""

    email: str
    name: str = ""
    why: str = ""


def wished(target: str, addressee: Addressee) -> Reader:
    """Return whom the step names; without an address where the contact has no owner."""
    if target != OWNER:
        return Reader(target)
    email = str(addressee.fields.get("owner_email") or "").strip()
    name = str(addressee.fields.get("owner_name") or "").strip()
    return Reader(email, name, "" if email else "no_owner")


def readers_of(
    deps: Dependencies, tx: Transaction, wishes: Mapping[int, Reader], account: Account
) -> dict[int, Reader]:
    """Return who is written to: whom the step names, else whoever answers for the account."""
    keys = AddressKeys(deps.secrets)
    fallback = account.reply_to or account.email
    compared = {
        text: _compared(text) for text in {fallback, *(one.email for one in wishes.values())}
    }
    known = {text: keys.of(one) for text, one in compared.items() if one}
    closed = suppressions.globally_suppressed(tx, known.values())

    def objection(text: str) -> str:
        if not text:
            return "no_owner"
        if not compared[text]:
            return "no_address"
        return "suppressed" if known[text] in closed else ""

    found = {}
    for key, one in wishes.items():
        why = objection(one.email)
        if not why:
            found[key] = one
        else:
            found[key] = Reader("" if objection(fallback) else fallback, "", why)
    return found


def _compared(text: str) -> str:
    try:
        return parse_address(text).compared if text else ""
    except Invalid:
        return ""
