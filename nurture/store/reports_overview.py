"""The overview: where contacts stand, what moves, and what a person should look at."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.reports import PERSON, Person, person_of
from nurture.store.send_states import UNCERTAIN
from nurture.store.trials import is_counted

G, S, T = tables.StageChange, tables.Standing, tables.Send


def stages(tx: Transaction, track: str) -> dict[str, int]:
    """Return how many contacts stand in each stage; stages without any are absent."""
    statement = sa.select(S.stage, sa.func.count()).where(S.track == track).group_by(S.stage)
    return {stage: count for stage, count in tx.execute(statement)}  # noqa: C416 - rows are not pairs to mypy


def temperatures(tx: Transaction, track: str) -> dict[tuple[str, str], int]:
    """Return how many contacts there are of each (temperature, grade)."""
    statement = (
        sa.select(S.temperature, S.grade, sa.func.count())
        .where(S.track == track)
        .group_by(S.temperature, S.grade)
    )
    return {(row[0], row[1]): row[2] for row in tx.execute(statement)}


@dataclass(frozen=True, slots=True)
class Moved:
    """A contact who changed stage."""

    person: Person
    start: str
    to: str
    kind: str
    why: str
    at: datetime


def moves(tx: Transaction, limit: int = 8) -> list[Moved]:
    """Return the latest changes of stage, the newest first."""
    statement = (
        sa.select(*PERSON, G.start, G.to, G.kind, G.why, G.at)
        .join(tables.Contact, tables.Contact.id == G.contact_id)
        .where(G.refused == "")
        .order_by(G.at.desc(), G.id.desc())
        .limit(limit)
    )
    return [
        Moved(person_of(row), row.start, row.to, row.kind, row.why, row.at)
        for row in tx.execute(statement)
    ]


def moved_since(tx: Transaction, since: datetime) -> dict[str, int]:
    """Return how many changes of stage of each kind there were since an instant."""
    statement = (
        sa.select(G.kind, sa.func.count()).where(G.at >= since, G.refused == "").group_by(G.kind)
    )
    return {kind: count for kind, count in tx.execute(statement)}  # noqa: C416


def sent_since(tx: Transaction, since: datetime) -> int:
    """Return how many sends a provider accepted since an instant."""
    # Naming every sequence lets the index on (sequence, settled) answer.
    everything = sa.select(tables.Sequence.id)
    statement = sa.select(sa.func.count()).where(
        T.sequence_id.in_(everything),
        T.settled_at >= since,
        T.status == "accepted",
        is_counted(T.version_id),
    )
    return tx.execute(statement).scalar_one()


@dataclass(frozen=True, slots=True)
class Sending:
    """A sequence that sent lately, and how much."""

    key: str
    sent: int
    last: datetime | None


def busy_sequences(tx: Transaction, since: datetime, limit: int = 6) -> list[Sending]:
    """Return the sequences that sent most since an instant."""
    many = sa.func.count().label("many")
    statement = (
        sa.select(tables.Sequence.key, many, sa.func.max(T.settled_at))
        .join(T, T.sequence_id == tables.Sequence.id)
        .where(T.settled_at >= since, T.status == "accepted", is_counted(T.version_id))
        .group_by(tables.Sequence.key)
        .order_by(many.desc(), tables.Sequence.key)
        .limit(limit)
    )
    return [Sending(*row) for row in tx.execute(statement)]


@dataclass(frozen=True, slots=True)
class Paused:
    """A sequence that stands still, since when and why."""

    key: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Attention:
    """What a person should look at."""

    paused: tuple[Paused, ...]
    failed_runs: int
    uncertain: int


def attention(tx: Transaction) -> Attention:
    """Return the paused sequences, and how many runs failed and sends are uncertain."""
    q, e = tables.Sequence, tables.Enrollment
    paused = tx.execute(
        sa.select(q.key, q.paused_at, q.pause_reason)
        .where(q.paused_at.is_not(None))
        .order_by(q.paused_at.desc())
    )
    failed = tx.execute(
        sa.select(sa.func.count()).where(
            e.sequence_id.in_(sa.select(q.id)), e.state == "failed", is_counted(e.version_id)
        )
    ).scalar_one()
    uncertain = tx.execute(sa.select(sa.func.count()).select_from(T).where(UNCERTAIN)).scalar_one()
    return Attention(
        tuple(Paused(row.key, row.paused_at, row.pause_reason) for row in paused),
        failed,
        uncertain,
    )
