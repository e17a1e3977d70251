"""What the doctor found, kept: seen first, seen last, gone or mended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.examination import Finding

F = tables.Finding


@dataclass(frozen=True, slots=True)
class Kept:
    """A finding on record that stands. `subject` is the id of the row it is about."""

    id: int
    code: str
    subject: int
    detail: str
    first_seen_at: datetime
    last_seen_at: datetime


def standing(tx: Transaction, limit: int = 200) -> list[Kept]:
    """Return the findings that stand, the oldest first."""
    rows = tx.execute(
        sa.select(F.id, F.kind, F.subject, F.detail, F.first_seen_at, F.last_seen_at)
        .where(F.cleared_at.is_(None))
        .order_by(F.first_seen_at, F.id)
        .limit(limit)
    )
    return [
        Kept(id_, kind, int(subject), detail, first, last)
        for id_, kind, subject, detail, first, last in rows
    ]


def count(tx: Transaction) -> int:
    """Return how many findings stand."""
    statement = sa.select(sa.func.count()).where(F.cleared_at.is_(None))
    return tx.execute(statement).scalar_one()


def one(tx: Transaction, finding_id: int) -> Kept | None:
    """Return a finding that stands, by its id."""
    row = tx.execute(
        sa.select(F.id, F.kind, F.subject, F.detail, F.first_seen_at, F.last_seen_at).where(
            F.id == finding_id, F.cleared_at.is_(None)
        )
    ).first()
    return None if row is None else Kept(row[0], row[1], int(row[2]), *row[3:])


def keep(tx: Transaction, found: Sequence[Finding], codes: Iterable[str], now: datetime) -> None:
    """Put what was found on record, and clear what was looked for (`codes`) and not found."""
    wanted = {(finding.code, str(finding.id)): finding for finding in found}
    rows = tx.execute(
        sa.select(F.id, F.kind, F.subject)
        .where(F.cleared_at.is_(None), F.kind.in_(sorted(set(codes))))
        .with_for_update()
    ).all()
    there = {(kind, subject): id_ for id_, kind, subject in rows}
    gone = [id_ for key, id_ in there.items() if key not in wanted]
    if gone:
        tx.execute(sa.update(F).where(bulk.among(tx, F.id, gone)).values(cleared_at=now))
    bulk.update(
        tx,
        F,
        [
            {"id": there[key], "detail": one.detail[:500], "last_seen_at": now}
            for key, one in wanted.items()
            if key in there
        ],
    )
    bulk.insert(
        tx,
        F,
        [
            {
                "kind": code, "subject": subject, "detail": one.detail[:500],
                "first_seen_at": now, "last_seen_at": now, "repaired_by": "",
            }
            for (code, subject), one in wanted.items()
            if (code, subject) not in there
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def clear(tx: Transaction, finding_id: int, by: str, now: datetime) -> None:
    """Say that a finding was mended by somebody."""
    tx.execute(
        sa.update(F)
        .where(F.id == finding_id, F.cleared_at.is_(None))
        .values(cleared_at=now, repaired_by=by)
    )
