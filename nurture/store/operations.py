"""Workers, providers and what people did: rows about the machine itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import deliveries, tables
from nurture.store.database import Transaction
from nurture.store.send_states import CLAIMED

W, P = tables.Worker, tables.ProviderState


def start_worker(
    tx: Transaction, name: str, kind: str, host: str, pid: int, wall: datetime
) -> None:
    """Make a process known, by a name that no process had before."""
    tx.execute(
        sa.insert(W).values(
            name=name, kind=kind, host=host, pid=pid, started_at=wall, beat_at=wall, sent=0
        )
    )


def beat(tx: Transaction, name: str, wall: datetime, sent: int = 0) -> None:
    """Say that a process is alive, and how much it sent since it last said so."""
    tx.execute(sa.update(W).where(W.name == name).values(beat_at=wall, sent=W.sent + sent))


def stop_worker(tx: Transaction, name: str, wall: datetime) -> None:
    """Say that a process has ended."""
    tx.execute(sa.update(W).where(W.name == name).values(stopped_at=wall))


def running_workers(tx: Transaction) -> list[sa.Row[Any]]:
    """Return (name, kind, host, pid, started_at, beat_at, sent) of all that have not ended."""
    statement = sa.select(W.name, W.kind, W.host, W.pid, W.started_at, W.beat_at, W.sent)
    return list(tx.execute(statement.where(W.stopped_at.is_(None)).order_by(W.name)))


@dataclass(frozen=True, slots=True)
class Unaccounted:
    """A process that has not said that it ended, or ended with sends in its hands."""

    name: str
    kind: str
    host: str
    beat_at: datetime


def unaccounted(tx: Transaction) -> list[Unaccounted]:
    """Return the processes that may have died, by name; most of them are well and alive.

    One statement, so that it sees one moment: a claim is never seen without its claimant.
    """
    send = tables.Send
    claimants = sa.select(send.claimed_by).where(CLAIMED)
    holding = sa.or_(W.name.in_(claimants), W.name.in_(deliveries.claimants()))
    statement = sa.select(W.name, W.kind, W.host, W.beat_at).where(
        sa.or_(W.stopped_at.is_(None), holding)
    )
    return [Unaccounted(*row) for row in tx.execute(statement.order_by(W.name))]


@dataclass(frozen=True, slots=True)
class Health:
    """How a provider is: ok, down (tried again at `until`) or paused (until a person acts)."""

    state: str
    failures: int = 0
    until: datetime | None = None
    detail: str = ""


_SELECT_HEALTH = sa.select(P.state, P.failures, P.until, P.detail).where(
    P.provider == sa.bindparam("provider", type_=sa.String)
)


def provider_health(tx: Transaction, provider: str) -> Health | None:
    """Return how a provider is; None when nothing was ever wrong with it."""
    row = tx.execute(_SELECT_HEALTH, {"provider": provider}).first()
    return None if row is None else Health(*row)


def set_provider_health(tx: Transaction, provider: str, health: Health, now: datetime) -> None:
    """Write down how a provider is since `now`."""
    values: dict[str, Any] = {
        "state": health.state,
        "failures": health.failures,
        "until": health.until,
        "detail": health.detail[:500],
        "at": now,
    }
    updated = tx.execute(sa.update(P).where(P.provider == provider).values(**values))
    if updated.rowcount == 0:
        tx.execute(sa.insert(P).values(provider=provider, **values))


def note(
    tx: Transaction, by: str, what: str, subject: str, data: Mapping[str, Any], now: datetime
) -> None:
    """Write an audit line."""
    tx.execute(
        sa.insert(tables.Audit).values(at=now, by=by, what=what, subject=subject, data=dict(data))
    )
