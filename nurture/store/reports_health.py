"""The health of the machine: queues, stuck things, providers, webhooks, imports."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.reports import PERSON, Person, person_of
from nurture.store.send_states import CLAIMED, QUEUED, UNCERTAIN

T, E, P, W = tables.Send, tables.Enrollment, tables.ProviderState, tables.WebhookEvent


@dataclass(frozen=True, slots=True)
class Queue:
    """Sends that wait: ready to go, put off until later, and in batches how many."""

    ready: int
    later: int
    batches: int
    oldest: datetime | None
    overdue_runs: int
    overdue_since: datetime | None


def queue(tx: Transaction, now: datetime, overdue_before: datetime) -> Queue:
    """Return what waits at `now`; runs due before `overdue_before` should have moved on."""
    ready = sa.or_(T.not_before.is_(None), T.not_before <= now)
    row = tx.execute(
        sa.select(
            sa.func.count().filter(ready),
            sa.func.count().filter(~ready),
            sa.func.count(T.batch_id.distinct()),
            sa.func.min(T.created_at).filter(ready),
        )
        .select_from(T)
        .where(QUEUED)
    ).one()
    overdue = tx.execute(
        sa.select(sa.func.count(), sa.func.min(E.wake_at)).where(
            E.wake_at <= overdue_before, E.wake_at.is_not(None), E.frozen_at.is_(None)
        )
    ).one()
    return Queue(row[0], row[1], row[2], row[3], overdue[0], overdue[1])


@dataclass(frozen=True, slots=True)
class Holder:
    """A worker with claimed sends that are not settled."""

    name: str
    claimed: int
    since: datetime | None


def holders(tx: Transaction) -> list[Holder]:
    """Return who holds claimed sends, and since when the oldest of them."""
    statement = (
        sa.select(T.claimed_by, sa.func.count(), sa.func.min(T.claimed_at))
        .where(CLAIMED)
        .group_by(T.claimed_by)
        .order_by(T.claimed_by)
    )
    return [Holder(*row) for row in tx.execute(statement)]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A send of which nobody knows whether it arrived."""

    send_id: int
    person: Person
    sequence: str
    step: str
    at: datetime | None
    detail: str


def uncertain(tx: Transaction, *, after: int = 0, limit: int = 25) -> list[Doubt]:
    """Return uncertain sends with ids above `after`, the oldest first."""
    statement = (
        sa.select(
            *PERSON, T.id, tables.Sequence.key, T.step, T.detail,
            sa.func.coalesce(T.settled_at, T.claimed_at).label("at"),
        )
        .join(tables.Contact, tables.Contact.id == T.contact_id)
        .join(tables.Sequence, tables.Sequence.id == T.sequence_id)
        .where(UNCERTAIN, T.id > after)
        .order_by(T.id)
        .limit(limit)
    )  # fmt: skip
    return [
        Doubt(row.id, person_of(row), row.key, row.step, row.at, row.detail)
        for row in tx.execute(statement)
    ]


@dataclass(frozen=True, slots=True)
class Broken:
    """A run that cannot go on until somebody mends what is wrong."""

    person: Person
    sequence: str
    step: str
    error: str
    at: datetime | None


def failed_runs(tx: Transaction, limit: int = 10) -> list[Broken]:
    """Return the latest failed runs."""
    statement = (
        sa.select(*PERSON, tables.Sequence.key, E.step, E.end_reason, E.ended_at)
        .join(tables.Contact, tables.Contact.id == E.contact_id)
        .join(tables.Sequence, tables.Sequence.id == E.sequence_id)
        .where(E.sequence_id.in_(sa.select(tables.Sequence.id)), E.state == "failed")
        .order_by(E.id.desc())
        .limit(limit)
    )
    return [
        Broken(person_of(row), row.key, row.step, row.end_reason, row.ended_at)
        for row in tx.execute(statement)
    ]


@dataclass(frozen=True, slots=True)
class Carrier:
    """How a provider is since when."""

    provider: str
    state: str
    failures: int
    until: datetime | None
    detail: str
    at: datetime


def providers(tx: Transaction) -> list[Carrier]:
    """Return what is known of every provider that was ever in trouble."""
    statement = sa.select(P.provider, P.state, P.failures, P.until, P.detail, P.at)
    return [Carrier(*row) for row in tx.execute(statement.order_by(P.provider))]


@dataclass(frozen=True, slots=True)
class Word:
    """A word in webhooks that nothing here understands."""

    provider: str
    word: str
    times: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Calls that wait to be worked on, and words that were not understood."""

    waiting: int
    unknown: tuple[Word, ...]


def webhooks(tx: Transaction, limit: int = 10) -> Webhooks:
    """Return the state of the webhook inbox."""
    waiting = tx.execute(
        sa.select(sa.func.count()).select_from(W).where(W.settled_at.is_(None))
    ).scalar_one()
    times = sa.func.count().label("times")
    unknown = tx.execute(
        sa.select(W.provider, W.raw_kind, times, sa.func.max(W.received_at))
        .where(W.kind == "unknown")
        .group_by(W.provider, W.raw_kind)
        .order_by(times.desc(), W.provider, W.raw_kind)
        .limit(limit)
    )
    return Webhooks(waiting, tuple(Word(*row) for row in unknown))


@dataclass(frozen=True, slots=True)
class Imported:
    """One import of a file."""

    file_name: str
    done_rows: int
    created: int
    updated: int
    rejected: int
    started_at: datetime
    finished_at: datetime | None


def last_import(tx: Transaction) -> Imported | None:
    """Return the latest import, or None."""
    t = tables.ImportRun
    row = tx.execute(
        sa.select(
            t.file_name, t.done_rows, t.created, t.updated, t.rejected, t.started_at, t.finished_at
        )
        .order_by(t.id.desc())
        .limit(1)
    ).first()
    return None if row is None else Imported(*row)
