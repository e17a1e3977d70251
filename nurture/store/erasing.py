"""Erasing a contact: who it is, what there is of them, and the hash that is left on the list."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.domain.contact import GLOBAL
from nurture.store import bulk, tables, wishes
from nurture.store.database import Transaction

C, D, S, T, W = (
    tables.Contact, tables.Delivery, tables.Send, tables.Suppression, tables.WebhookEvent,
)  # fmt: skip

# What has no meaning without the person: said of them alone, and in no report's totals.
DELETED: Mapping[str, type[Any]] = {
    "standing": tables.Standing,
    "score_entry": tables.ScoreEntry,
    "bant_entry": tables.BantEntry,
    "segment_member": tables.SegmentMember,
    "segment_recheck": tables.SegmentRecheck,
    "queued_entry": tables.QueuedEntry,
    "quarantined": tables.Quarantined,
}
# What stays to be counted, emptied of what it says; hits and webhooks hang on sends.
EMPTIED: Mapping[str, type[Any]] = {
    "contact": tables.Contact,
    "consent": tables.Consent,
    "enrollment": tables.Enrollment,
    "send": tables.Send,
    "decision": tables.Decision,
    "event": tables.Event,
    "stage_change": tables.StageChange,
    "delivery": tables.Delivery,
}
LIFTED_BY = "erasure"


@dataclass(frozen=True, slots=True)
class Known:
    """A contact to be erased: `address` in its compared form, and the hash that stays of it."""

    id: int
    address: str
    key: str


def known(tx: Transaction, address: str, key: str) -> Known | None:
    """Return the contact with this compared address, or None; `key` is the hash of it."""
    found = tx.execute(sa.select(C.id).where(C.address == address)).scalar()
    return None if found is None else Known(found, address, key)


def by_id(tx: Transaction, contact_id: int) -> Known | None:
    """Return the contact with this id as they are erased, or None when that has happened."""
    found = tx.execute(
        sa.select(C.address, C.address_key).where(C.id == contact_id, C.erased_at.is_(None))
    ).first()
    return None if found is None else Known(contact_id, *found)


def erased_since(tx: Transaction, key: str, reason: str) -> datetime | None:
    """Return since when the address behind a hash is suppressed for `reason`, or None."""
    statement = sa.select(T.at).where(
        T.address_key == key, T.scope == GLOBAL, T.lifted_at.is_(None), T.reason == reason
    )
    return tx.execute(statement).scalar()


def reserve(tx: Transaction, address: str, key: str, now: datetime) -> bool:
    """Make sure that nobody is adding a contact with this address now; False when there is one.

    Whoever adds one at this moment is waited for, and whoever comes later finds what this
    transaction writes.
    """
    row = {
        "email": "", "address": address, "address_key": key, "language": "", "timezone": "",
        "source": "", "fields": {}, "tags": [], "consents": {}, "search": "", "soft_bounces": 0,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    made = bulk.insert(tx, C, [row], ignore_conflicts=True, returning=("id",))
    for one in made:
        tx.execute(sa.delete(C).where(C.id == one.id))
    return bool(made)


def last_claim(tx: Transaction, contact_id: int) -> datetime | None:
    """Return when a worker last took a send to a contact."""
    statement = sa.select(sa.func.max(S.claimed_at)).where(S.contact_id == contact_id)
    return tx.execute(statement).scalar()


def bar(tx: Transaction, key: str, reason: str, by: str, at: datetime) -> None:
    """Put the hash on the list of suppressions, everywhere and for `reason`.

    It stands in the place of what barred the address before, and leads to no contact.
    """
    before = sa.and_(T.address_key == key, T.scope == GLOBAL, T.lifted_at.is_(None))
    tx.execute(
        sa.update(T).where(before, T.reason != reason).values(lifted_at=at, lifted_by=LIFTED_BY)
    )
    row = {
        "address_key": key, "scope": GLOBAL, "reason": reason, "source": by, "detail": "",
        "contact_id": None, "at": at, "lifted_by": "",
    }  # fmt: skip
    bulk.insert(tx, T, [row], ignore_conflicts=True)


def drop_queued(tx: Transaction, contact_id: int) -> None:
    """Delete the wishes that wait for a contact's runs to end, before those are ended."""
    q = tables.QueuedEntry
    tx.execute(sa.delete(q).where(q.contact_id == contact_id))


def counts(tx: Transaction, who: Known) -> dict[str, int]:
    """Return how many rows there are of a contact in each table; tables without are absent."""

    def many(statement: sa.Select[Any]) -> int:
        counted = sa.select(sa.func.count()).select_from(statement.subquery())
        return tx.execute(counted).scalar_one()

    found = {
        name: many(sa.select(model.contact_id).where(model.contact_id == who.id))
        for name, model in {**EMPTIED, **DELETED}.items()
        if model is not C
    }
    found["contact"] = 1
    found["suppression"] = many(sa.select(T.id).where(theirs(who)))
    found["hit"] = many(sa.select(tables.Hit.id).where(tables.Hit.send_id.in_(sends_of(who))))
    found["webhook_event"] = many(sa.select(W.id).where(told_of(who)))
    found["subscription_wish"] = wishes.count_of(tx, who.address)
    return {name: number for name, number in sorted(found.items()) if number}


def sends_of(who: Known) -> sa.Select[int]:
    """Return the query for the sends to a contact."""
    return sa.select(S.id).where(S.contact_id == who.id)


def theirs(who: Known) -> sa.ColumnElement[bool]:
    """Return the condition that a suppression is of this contact."""
    return sa.or_(T.contact_id == who.id, T.address_key == who.key)


def told_of(who: Known) -> sa.ColumnElement[bool]:
    """Return the condition that a provider's event is about a contact, or about their address."""
    numbers = sa.select(S.provider_message_id).where(
        S.contact_id == who.id, S.provider_message_id != ""
    )
    return sa.or_(
        W.send_id.in_(sends_of(who)),
        W.provider_message_id.in_(numbers),
        sa.func.lower(sa.func.trim(W.recipient)) == who.address,
    )


def notices(tx: Transaction, contact_id: int) -> list[str]:
    """Return the message ids of the notices that told our own people of a contact."""
    statement = sa.select(D.message_id).where(D.contact_id == contact_id, D.kind == "notice")
    return list(tx.execute(statement).scalars())


def reject_files(tx: Transaction) -> list[str]:
    """Return where imports have put the rows that they rejected, as far as they were told."""
    r = tables.ImportRun
    paths = (mapping.get("rejects_path") for mapping in tx.execute(sa.select(r.mapping)).scalars())
    return sorted({path for path in paths if isinstance(path, str) and path})
