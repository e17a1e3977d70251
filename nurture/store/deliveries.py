"""Notices and webhooks that wait, are under way, or are settled; and the endpoints they go to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.domain.endpoints import Circuit
from nurture.store import bulk, gone, tables
from nurture.store.database import Transaction

D, P = tables.Delivery, tables.EndpointState

NOTICE = "notice"
WEBHOOK = "webhook"
# The partial index on open deliveries is only used by a query in the index's own words.
OPEN = sa.text("delivery.status IN ('waiting', 'claimed')")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that a process has taken. `attempts` counts this try, too."""

    id: int
    kind: str
    target: str
    message_id: str
    contact_id: int
    enrollment_id: int
    version_id: int
    step: str
    attempts: int
    created_at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is known of an endpoint beside its address: its circuit, and its secret's generation."""

    key: str
    circuit: Circuit = field(default_factory=Circuit)
    detail: str = ""
    at: datetime | None = None
    generation: int = 0
    rotated_at: datetime | None = None


def due_targets(tx: Transaction, now: datetime) -> list[str]:
    """Return the endpoints that something is due for, each found by one step in the index."""
    found: list[str] = []
    while True:
        statement = (
            sa.select(D.target)
            .where(OPEN, D.kind == WEBHOOK, D.target > (found[-1] if found else ""))
            .where(D.status == "waiting", D.not_before <= now)
            .order_by(D.target)
            .limit(1)
        )
        target = tx.execute(statement).scalar()
        if target is None:
            return found
        found.append(target)


def are_notices_due(tx: Transaction, now: datetime) -> bool:
    """Return whether any notice is due."""
    statement = sa.select(D.id).where(
        OPEN, D.kind == NOTICE, D.status == "waiting", D.not_before <= now
    )
    return tx.execute(statement.limit(1)).first() is not None


def claim(
    tx: Transaction, kind: str, target: str | None, worker: str, now: datetime, limit: int
) -> list[Claimed]:
    """Take up to `limit` due deliveries to a target (None: any), those due first, for `worker`."""
    free = sa.select(D.id).where(OPEN, D.kind == kind, D.status == "waiting", D.not_before <= now)
    if target is not None:
        free = free.where(D.target == target)
    picked = free.order_by(D.not_before, D.id).limit(limit).with_for_update(skip_locked=True)
    statement = (
        sa.update(D)
        .where(D.id.in_(sa.select(picked.cte("free").c.id)), D.status == "waiting")
        .values(status="claimed", claimed_by=worker, claimed_at=now, attempts=D.attempts + 1)
        .returning(
            D.id, D.kind, D.target, D.message_id, D.contact_id, D.enrollment_id, D.version_id,
            D.step, D.attempts, D.created_at, D.payload,
        )
    )  # fmt: skip
    found = (Claimed(**row._asdict()) for row in tx.execute(statement).all())
    return sorted(found, key=lambda one: one.id)


def settle(tx: Transaction, worker: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """Write what became of claimed deliveries, where `worker` still has them; return how many."""
    whole = [{"claimed_by": worker, **row} for row in rows]
    written = bulk.update(tx, D, whole, match=("id", "claimed_by"))
    gone.quiet_deliveries(tx, [row["id"] for row in rows], now)
    return written


def claimed_by(tx: Transaction, worker: str) -> list[Claimed]:
    """Return what a process has claimed and not settled."""
    statement = sa.select(
        D.id, D.kind, D.target, D.message_id, D.contact_id, D.enrollment_id, D.version_id, D.step,
        D.attempts, D.created_at, D.payload,
    ).where(OPEN, D.status == "claimed", D.claimed_by == worker)  # fmt: skip
    rows = tx.execute(statement.order_by(D.id).with_for_update())
    return [Claimed(**row._asdict()) for row in rows]


def claimants() -> sa.Select[str]:
    """Return the query for the names of processes that hold deliveries."""
    return sa.select(D.claimed_by).where(OPEN, D.status == "claimed")


def endpoints(tx: Transaction, keys: Iterable[str] | None = None) -> dict[str, Endpoint]:
    """Return what is known of endpoints by key; those that nothing ever went to are absent."""
    statement = sa.select(
        P.key, P.failures, P.until, P.gone, P.detail, P.at, P.generation, P.rotated_at
    )
    if keys is not None:
        statement = statement.where(bulk.among(tx, P.key, sorted(set(keys))))
    return {
        row.key: Endpoint(
            row.key, Circuit(row.failures, row.until, row.gone), row.detail, row.at,
            row.generation, row.rotated_at,
        )
        for row in tx.execute(statement)
    }  # fmt: skip


def lock_endpoint(tx: Transaction, key: str) -> Endpoint:
    """Return an endpoint's state and hold it; made where it is missing."""
    row = {
        "key": key, "failures": 0, "until": None, "gone": False, "detail": "", "at": None,
        "generation": 0, "rotated_at": None,
    }  # fmt: skip
    bulk.insert(tx, P, [row], ignore_conflicts=True)
    tx.execute(sa.select(P.key).where(P.key == key).with_for_update())
    return endpoints(tx, [key])[key]


def save_circuit(tx: Transaction, key: str, circuit: Circuit, detail: str, now: datetime) -> None:
    """Write how an endpoint is since `now`."""
    values = {"failures": circuit.failures, "until": circuit.until, "gone": circuit.gone}
    tx.execute(sa.update(P).where(P.key == key).values(**values, detail=detail, at=now))


def next_generation(tx: Transaction, key: str, wall: datetime) -> int:
    """Give an endpoint its next secret; return the number of it."""
    generation = lock_endpoint(tx, key).generation + 1
    changed = sa.update(P).where(P.key == key)
    tx.execute(changed.values(generation=generation, rotated_at=wall))
    return generation


def status_of(tx: Transaction, delivery_id: int) -> str | None:
    """Return how a delivery is, None for none with this id; held until the transaction ends."""
    statement = sa.select(D.status).where(D.id == delivery_id).with_for_update()
    return tx.execute(statement).scalar()


def is_about_nobody(tx: Transaction, delivery_id: int) -> bool:
    """Return whether the contact that a delivery is about was erased."""
    statement = sa.select(D.id).where(D.id == delivery_id, D.contact_id.in_(gone.GONE))
    return tx.execute(statement).first() is not None


def retry(tx: Transaction, delivery_id: int, now: datetime) -> bool:
    """Have a delivery that failed, waits or was cancelled tried now with all its tries."""
    may = sa.and_(D.status.in_(("failed", "waiting", "cancelled")), D.contact_id.not_in(gone.GONE))
    values = {"status": "waiting", "not_before": now, "settled_at": None, "attempts": 0}
    changed = sa.update(D).where(D.id == delivery_id, may)
    return tx.execute(changed.values(**values)).rowcount == 1
