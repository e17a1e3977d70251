"""What is written of segments: drafts, and what their file said when it was last applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction

# The number of the advisory lock; any number that nobody else uses.
PUBLISHING = 7285620

S, D = tables.Segment, tables.SegmentDraft


@dataclass(frozen=True, slots=True)
class SegmentDraftRow:
    """A segment's draft (None when there is none) and its published document (None likewise)."""

    key: str
    draft: Mapping[str, Any] | None
    revision: int
    saved_at: datetime | None
    saved_by: str
    document: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class SegmentOrigin:
    """A segment as it is published (None when it is not), and as its file last said (or None)."""

    document: Mapping[str, Any] | None
    file: Mapping[str, Any] | None


def hold(tx: Transaction) -> None:
    """Let nobody else publish segments before this transaction has ended.

    Who publishes one says all that are to be there: of two at once, the second would take away
    what the first has just added. In SQLite nobody writes beside a transaction that writes.
    """
    if tx.dialect.name == "postgresql":
        # A lock of its own: whoever builds a segment holds its row, and would wait in a circle.
        tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({PUBLISHING})")


def draft_row(tx: Transaction, key: str) -> SegmentDraftRow | None:
    """Return the segment called `key` with its draft; None when it has neither."""
    draft = tx.execute(
        sa.select(D.document, D.revision, D.saved_at, D.saved_by).where(D.key == key)
    ).first()
    there = sa.select(S.document).where(S.key == key, S.retired_at.is_(None))
    document = tx.execute(there).scalar()
    if document is None and (draft is None or draft.document is None):
        return None
    if draft is None:
        return SegmentDraftRow(key, None, 0, None, "", document)
    return SegmentDraftRow(
        key, draft.document, draft.revision, draft.saved_at, draft.saved_by, document
    )


def drafts(tx: Transaction) -> list[tuple[str, Mapping[str, Any], datetime, str]]:
    """Return (key, document, saved at, by whom) of every draft, by key."""
    statement = sa.select(D.key, D.document, D.saved_at, D.saved_by).order_by(D.key)
    rows = tx.execute(statement).all()
    return [tuple(row) for row in rows if row.document is not None]


def save_draft(
    tx: Transaction,
    key: str,
    document: Mapping[str, Any] | None,
    revision: int,
    by: str,
    now: datetime,
) -> bool:
    """Save a draft over the one read with `revision`; False when somebody saved meanwhile."""
    values = {
        "document": sa.null() if document is None else dict(document),
        "revision": revision + 1, "saved_at": now, "saved_by": by,
    }  # fmt: skip
    if revision:
        statement = sa.update(D).where(D.key == key, D.revision == revision).values(**values)
        return tx.execute(statement).rowcount == 1
    try:
        # A savepoint: when another one begins a draft at this moment, only this is undone.
        with tx.begin_nested():
            tx.execute(sa.insert(D).values(key=key, **values))
    except sa.exc.IntegrityError:
        return False
    return True


def revision_of(tx: Transaction, key: str) -> int:
    """Return the revision of the last draft under `key`, whether it is still there; 0 for none."""
    return tx.execute(sa.select(D.revision).where(D.key == key)).scalar() or 0


def origins(tx: Transaction) -> dict[str, SegmentOrigin]:
    """Return every segment that is published, or that a file had when it was last applied."""
    rows = tx.execute(sa.select(S.key, S.document, S.retired_at, S.file).order_by(S.key))
    found = {
        row.key: SegmentOrigin(None if row.retired_at else row.document, row.file) for row in rows
    }
    return {key: one for key, one in found.items() if one.document is not None or one.file}


def set_file(tx: Transaction, key: str, document: Mapping[str, Any] | None) -> None:
    """Remember what the file says of a segment; None when no file has it any more."""
    file = sa.null() if document is None else dict(document)
    tx.execute(sa.update(S).where(S.key == key).values(file=file))


def caught_up(tx: Transaction) -> None:
    """Say that the file holds what is published, whoever published it."""
    for key, one in origins(tx).items():
        if one.document != one.file:
            set_file(tx, key, one.document)
