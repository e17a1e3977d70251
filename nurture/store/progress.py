"""How much is waiting: what the demo's clock and its view look at, in a few cheap queries."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.send_states import CLAIMED, QUEUED
from nurture.store.sends import IS_UNDER_WAY
from nurture.store.trials import is_counted

E, S, H, W = tables.Enrollment, tables.Send, tables.Hit, tables.WebhookEvent


@dataclass(frozen=True, slots=True)
class Backlog:
    """What should have been done by a moment and has not been."""

    runs: int
    sends: int
    hits: int
    webhooks: int

    @property
    def is_empty(self) -> bool:
        """Whether everything was done."""
        return not (self.runs or self.sends or self.hits or self.webhooks)


def backlog(tx: Transaction, before: datetime, now: datetime) -> Backlog:
    """Return what was due before `before`.

    A send that is put off until later is not waiting, nor one whose sequence stands still.
    """

    def count(statement: sa.Select[int]) -> int:
        return tx.execute(statement).scalar_one()

    n = sa.func.count()
    return Backlog(
        runs=count(
            sa.select(n).where(E.wake_at < before, E.wake_at.is_not(None), E.frozen_at.is_(None))
        ),
        sends=count(
            sa.select(n).where(
                sa.or_(QUEUED, CLAIMED),
                S.created_at < before,
                sa.or_(S.not_before.is_(None), S.not_before < before),
                IS_UNDER_WAY,
            )
        ),
        hits=count(sa.select(n).where(H.settle_at < before, H.settle_at.is_not(None))),
        webhooks=count(
            sa.select(n).where(W.settled_at.is_(None), W.received_at < before, W.received_at < now)
        ),
    )


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers of the live view."""

    stages: dict[str, int]
    sends: dict[str, int]
    runs: dict[str, int]
    events: dict[str, int]
    moves: int
    suppressions: int


def totals(tx: Transaction) -> Totals:
    """Return how many there are of everything."""

    def counted(
        column: sa.ColumnElement[str], version: InstrumentedAttribute[int] | None = None
    ) -> dict[str, int]:
        statement = sa.select(column, sa.func.count()).group_by(column)
        if version is not None:
            statement = statement.where(is_counted(version))
        return {row[0]: row[1] for row in tx.execute(statement)}

    moves = sa.select(sa.func.count()).where(tables.StageChange.refused == "")
    live = sa.select(sa.func.count()).where(tables.Suppression.lifted_at.is_(None))
    return Totals(
        stages=counted(sa.type_coerce(tables.Standing.stage, sa.String)),
        sends=counted(sa.type_coerce(S.status, sa.String), S.version_id),
        runs=counted(sa.type_coerce(E.state, sa.String), E.version_id),
        events=counted(sa.type_coerce(tables.Event.name, sa.String)),
        moves=tx.execute(moves).scalar_one(),
        suppressions=tx.execute(live).scalar_one(),
    )


def latest_moves(tx: Transaction, limit: int) -> list[tuple[datetime, str, str, str]]:
    """Return (when, address, from, to) of the newest changes of stage."""
    t = tables.StageChange
    statement = (
        sa.select(t.at, tables.Contact.address, t.start, t.to)
        .join(tables.Contact, tables.Contact.id == t.contact_id)
        .where(t.refused == "")
        .order_by(t.id.desc())
        .limit(limit)
    )
    return list(tx.execute(statement))


def addresses(tx: Transaction) -> list[str]:
    """Return the address of every contact that has one."""
    t = tables.Contact
    there = sa.select(t.address).where(t.erased_at.is_(None))
    return list(tx.execute(there.order_by(t.id)).scalars())


def in_stage(tx: Transaction, stage: str, limit: int) -> list[int]:
    """Return some contacts who stand in a stage, those who came first."""
    t = tables.Standing
    statement = sa.select(t.contact_id).where(t.stage == stage).order_by(t.since, t.contact_id)
    return list(tx.execute(statement.limit(limit)).scalars())


def delivered(tx: Transaction, kind: str) -> list[str]:
    """Return the message ids of all notices, or of all webhooks, that were taken."""
    t = tables.Delivery
    statement = sa.select(t.message_id).where(t.kind == kind, t.status == "delivered")
    return list(tx.execute(statement).scalars())
