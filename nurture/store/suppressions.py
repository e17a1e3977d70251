"""The suppression list, and the consents beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nurture.domain.contact import GLOBAL
from nurture.store import bulk, tables
from nurture.store.database import Transaction

T = tables.Suppression
C = tables.Contact


@dataclass(frozen=True, slots=True)
class NewSuppression:
    """A contact's address must not be written to, in a scope, for a reason."""

    contact_id: int
    scope: str
    reason: str
    source: str
    detail: str = ""


def add(tx: Transaction, wanted: Iterable[NewSuppression], now: datetime) -> None:
    """Suppress; where the same scope is suppressed already, the older line stands.

    A send that was claimed before this transaction got its turn was claimed before the
    suppression, whatever the two clocks say: the suppression counts from that claim at the
    earliest.
    """
    some = list(wanted)
    ids = {one.contact_id for one in some}
    send = tables.Send
    claims = sa.select(send.contact_id, sa.func.max(send.claimed_at)).where(
        send.contact_id.in_(ids), send.claimed_at.is_not(None)
    )
    claimed: dict[int, datetime] = {
        key: at for key, at in tx.execute(claims.group_by(send.contact_id)) if at is not None
    }
    # Whoever was erased has no address left that anything could be said of.
    rows = tx.execute(sa.select(C.id, C.address_key).where(C.id.in_(ids), C.erased_at.is_(None)))
    keys = {row.id: row.address_key for row in rows}
    bulk.insert(
        tx,
        T,
        [
            {
                "address_key": keys[one.contact_id],
                "scope": one.scope,
                "reason": one.reason,
                "source": one.source,
                "detail": one.detail[:500],
                "contact_id": one.contact_id,
                "at": max(now, claimed.get(one.contact_id, now)),
                "lifted_by": "",
            }
            for one in some
            if one.contact_id in keys
        ],
        ignore_conflicts=True,
    )


def lift(tx: Transaction, suppression_id: int, by: str, now: datetime) -> int | None:
    """Lift one suppression; return its contact (0 when erased), None when it was lifted before."""
    statement = (
        sa.update(T)
        .where(T.id == suppression_id, T.lifted_at.is_(None))
        .values(lifted_at=now, lifted_by=by)
        .returning(T.contact_id)
    )
    row = tx.execute(statement).first()
    return None if row is None else row.contact_id or 0


@dataclass(frozen=True, slots=True)
class NewConsent:
    """A contact gave or withdrew consent on a topic; everything a regulator would ask."""

    contact_id: int
    topic: str
    granted: bool
    source: str
    wording: str = ""
    by: str = ""
    ip: str = ""


def log_consents(tx: Transaction, given: Sequence[NewConsent], now: datetime) -> None:
    """Append to the log of consent and bring the contacts' current consents up to it."""
    if not given:
        return
    bulk.insert(
        tx,
        tables.Consent,
        [
            {
                "contact_id": one.contact_id, "topic": one.topic, "granted": one.granted,
                "at": now, "source": one.source, "wording": one.wording, "by": one.by,
                "ip": one.ip,
            }
            for one in given
        ],
    )  # fmt: skip
    ids = {one.contact_id for one in given}
    current = {
        row.id: dict(row.consents)
        for row in tx.execute(sa.select(C.id, C.consents).where(C.id.in_(ids)))
    }
    for one in given:
        current[one.contact_id][one.topic] = one.granted
    bulk.update(tx, C, [{"id": key, "consents": value} for key, value in sorted(current.items())])


def lift_own(
    tx: Transaction, contact_id: int, scope: str, reason: str, by: str, now: datetime
) -> None:
    """Lift what a contact's own word, `reason`, suppressed in one scope; nothing else."""
    key = sa.select(C.address_key).where(C.id == contact_id).scalar_subquery()
    tx.execute(
        sa.update(T)
        .where(
            T.address_key == key, T.scope == scope, T.reason == reason, T.lifted_at.is_(None)
        )
        .values(lifted_at=now, lifted_by=by)
    )  # fmt: skip


def reasons(tx: Transaction, contact_id: int) -> dict[str, str]:
    """Return why an address is suppressed: scope → reason, of those that stand."""
    statement = (
        sa.select(T.scope, T.reason)
        .join(C, C.address_key == T.address_key)
        .where(C.id == contact_id, T.lifted_at.is_(None))
    )
    return {row.scope: row.reason for row in tx.execute(statement)}


def count_soft_bounces(tx: Transaction, contact_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Count one more soft bounce for each contact; return (contact, consecutive count)."""
    if not contact_ids:
        return []
    statement = (
        sa.update(C)
        .where(C.id.in_(contact_ids))
        .values(soft_bounces=C.soft_bounces + 1)
        .returning(C.id, C.soft_bounces)
    )
    return list(tx.execute(statement))


def forget_soft_bounces(tx: Transaction, contact_ids: Iterable[int]) -> None:
    """A delivery or a person's reading ends the row of soft bounces."""
    tx.execute(
        sa.update(C).where(C.id.in_(list(contact_ids)), C.soft_bounces > 0).values(soft_bounces=0)
    )


def barred(tx: Transaction, address_keys: Iterable[str], reason: str) -> set[str]:
    """Return those of these addresses, by their keys, that are suppressed for `reason`."""
    statement = sa.select(T.address_key).where(
        bulk.among(tx, T.address_key, sorted(set(address_keys))),
        T.scope == GLOBAL,
        T.lifted_at.is_(None),
        T.reason == reason,
    )
    return set(tx.execute(statement).scalars())


def globally_suppressed(tx: Transaction, address_keys: Iterable[str]) -> set[str]:
    """Return those of these addresses, by their keys, that nothing at all may be written to."""
    statement = sa.select(T.address_key).where(
        bulk.among(tx, T.address_key, sorted(set(address_keys))),
        T.scope == GLOBAL,
        T.lifted_at.is_(None),
    )
    return set(tx.execute(statement).scalars())
