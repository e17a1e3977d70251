"""What providers told by webhook: stored as it came, settled later, in any order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

T = tables.WebhookEvent
S = tables.Send
E = tables.Event


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """One event of a webhook call; `data` is what the provider's event holds besides."""

    provider: str
    dedupe_key: str
    kind: str
    raw_kind: str
    send_id: int | None
    provider_message_id: str
    recipient: str
    occurred_at: datetime
    data: Mapping[str, Any]
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A stored event that waits to be settled."""

    id: int
    provider: str
    kind: str
    send_id: int | None
    provider_message_id: str
    recipient: str
    occurred_at: datetime
    data: Mapping[str, Any]


def add(tx: Transaction, events: Sequence[NewWebhook], now: datetime) -> int:
    """Store the events that are new; one that comes with an outcome is settled. How many."""
    rows = [
        {
            "provider": one.provider, "dedupe_key": one.dedupe_key, "kind": one.kind,
            "raw_kind": one.raw_kind, "send_id": one.send_id,
            "provider_message_id": one.provider_message_id, "recipient": one.recipient,
            "occurred_at": one.occurred_at, "received_at": now, "data": dict(one.data),
            "settled_at": now if one.outcome else None, "outcome": one.outcome,
        }
        for one in events
    ]  # fmt: skip
    return len(bulk.insert(tx, T, rows, ignore_conflicts=True, returning=("id",)))


def ready(tx: Transaction, given_up_before: datetime, limit: int) -> list[Told]:
    """Return open events whose send is known, or that waited for one long enough; locked for us.

    A send that a worker has in hand is left to it: its receipt comes first. Rows that somebody
    else settles are passed over.
    """
    named = sa.select(S.id).where(S.id == T.send_id, S.status != "claimed")
    numbered = sa.select(S.id).where(
        S.provider_message_id == T.provider_message_id,
        S.provider_message_id != "",
        S.status != "claimed",
    )
    statement = (
        sa.select(
            T.id, T.provider, T.kind, T.send_id, T.provider_message_id, T.recipient,
            T.occurred_at, T.data,
        )
        .where(
            T.settled_at.is_(None),
            sa.or_(
                named.correlate(T).exists(),
                numbered.correlate(T).exists(),
                T.received_at <= given_up_before,
            ),
        )
        .order_by(T.id)
        .limit(limit)
        .with_for_update(of=T, skip_locked=True)
    )  # fmt: skip
    return [Told(**row._asdict()) for row in tx.execute(statement)]


def matches(tx: Transaction, told: Sequence[Told]) -> dict[int, tuple[int, str]]:
    """Return (send, its status) for each event that has one: by our own id, else by theirs."""
    ids = {one.send_id for one in told if one.send_id}
    numbers = {one.provider_message_id for one in told if one.provider_message_id}
    statement = sa.select(S.id, S.provider_message_id, S.status).where(
        sa.or_(
            S.id.in_(ids),
            sa.and_(S.provider_message_id.in_(numbers), S.provider_message_id != ""),
        )
    )
    by_id: dict[int, tuple[int, str]] = {}
    by_number: dict[str, tuple[int, str]] = {}
    for row in tx.execute(statement):
        by_id[row.id] = (row.id, row.status)
        by_number[row.provider_message_id] = (row.id, row.status)
    found = {}
    for one in told:
        match = by_id.get(one.send_id or 0) or by_number.get(one.provider_message_id or "-")
        if match:
            found[one.id] = match
    return found


def settle(tx: Transaction, outcomes: Mapping[int, str], now: datetime) -> None:
    """Write what became of events (id → outcome)."""
    rows = [
        {"id": key, "settled_at": now, "outcome": outcome}
        for key, outcome in sorted(outcomes.items())
    ]
    bulk.update(tx, T, rows)


def mark_sends(tx: Transaction, column: str, times: Mapping[int, datetime]) -> set[int]:
    """Set when sends (id → moment) were delivered, bounced or complained of, once each.

    `column` is delivered_at, bounced_at or complained_at. Returns the sends that had none yet.
    """
    wanted = tables.Send.__table__.c[column]
    fresh = set(
        tx.execute(sa.select(S.id).where(S.id.in_(sorted(times)), wanted.is_(None))).scalars()
    )
    bulk.update(tx, S, [{"id": key, column: times[key]} for key in sorted(fresh)])
    return fresh


def last_delivery(tx: Transaction, contact_ids: Sequence[int]) -> dict[int, datetime]:
    """Return when each contact was last delivered to, as far as providers told."""
    return _last(tx, contact_ids, E.name == "delivered")


def last_soft_bounce(tx: Transaction, contact_ids: Sequence[int]) -> dict[int, datetime]:
    """Return when each contact last bounced softly."""
    kind = E.properties["kind"].as_string()
    return _last(tx, contact_ids, sa.and_(E.name == "bounce", kind == "soft"))


def _last(
    tx: Transaction, contact_ids: Sequence[int], which: sa.ColumnElement[bool]
) -> dict[int, datetime]:
    statement = (
        sa.select(E.contact_id, sa.func.max(E.occurred_at))
        .where(E.contact_id.in_(sorted(set(contact_ids))), which)
        .group_by(E.contact_id)
    )
    return {row[0]: row[1] for row in tx.execute(statement)}
