"""Trials: drafts that test contacts walk, kept out of every count."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from nurture.store import bulk, tables
from nurture.store.database import Transaction

S, V, T, C = tables.Sequence, tables.SequenceVersion, tables.Enrollment, tables.Contact


def is_counted(version: InstrumentedAttribute[int]) -> sa.ColumnElement[bool]:
    """Return the condition that what belongs to `version` is no trial."""
    return version.not_in(sa.select(V.id).where(V.trial))


@dataclass(frozen=True, slots=True)
class TrialRun:
    """A test contact's walk through a draft, as it stands now."""

    run_id: int
    address: str
    number: int
    state: str
    step: str
    wake_at: datetime | None
    entered_at: datetime
    end_reason: str


@dataclass(frozen=True, slots=True)
class Tester:
    """Somebody who might walk a draft, with their tags."""

    id: int
    address: str
    tags: frozenset[str]


def add_version(
    tx: Transaction, sequence_id: int, document: Mapping[str, Any], digest: str, by: str,
    now: datetime,
) -> tuple[int, int]:  # fmt: skip
    """Keep a draft as it is now for a trial; return (id, number).

    Trials are numbered downwards from -1, so that the numbers of versions stay without gaps.
    """
    last = tx.execute(
        sa.select(sa.func.min(V.number)).where(V.sequence_id == sequence_id, V.trial)
    ).scalar()
    number = (last or 0) - 1
    statement = (
        sa.insert(V)
        .values(
            sequence_id=sequence_id, number=number, document=document, digest=digest,
            published_at=now, published_by=by, origin="admin", trial=True,
        )
        .returning(V.id)
    )  # fmt: skip
    return int(tx.execute(statement).scalar_one()), number


def live(tx: Transaction, sequence_id: int, contact_ids: Iterable[int] | None = None) -> list[int]:
    """Return the trial runs of a sequence that are under way, of these contacts or of all."""
    statement = (
        sa.select(T.id)
        .join(V, V.id == T.version_id)
        .where(T.sequence_id == sequence_id, T.ended_at.is_(None), V.trial)
        .order_by(T.id)
    )
    if contact_ids is not None:
        statement = statement.where(bulk.among(tx, T.contact_id, contact_ids))
    return list(tx.execute(statement).scalars())


def newest(tx: Transaction, sequence_id: int, limit: int) -> list[TrialRun]:
    """Return the latest trial runs of a sequence, the newest first."""
    statement = (
        sa.select(T.id, C.address, V.number, T.state, T.step, T.wake_at, T.entered_at, T.end_reason)
        .join(V, V.id == T.version_id)
        .join(C, C.id == T.contact_id)
        .where(T.sequence_id == sequence_id, V.trial)
        .order_by(T.id.desc())
        .limit(limit)
    )
    return [TrialRun(*row) for row in tx.execute(statement)]


def testers(tx: Transaction, tag: str, limit: int) -> list[str]:
    """Return the addresses of contacts that carry a tag, which is plain letters, by address."""
    has = sa.func.lower(sa.cast(C.tags, sa.Text)).like(f'%"{tag.lower()}"%')
    statement = sa.select(C.address).where(has).order_by(C.address).limit(limit)
    return list(tx.execute(statement).scalars())


def by_address(tx: Transaction, addresses: Iterable[str]) -> dict[str, Tester]:
    """Return the contacts with these normalised addresses, by address."""
    statement = sa.select(C.id, C.address, C.tags).where(bulk.among(tx, C.address, addresses))
    return {
        address: Tester(key, address, frozenset(tags))
        for key, address, tags in tx.execute(statement)
    }
