"""Drafts of sequences as rows: what somebody is working on, beside what is published."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction

S, V = tables.Sequence, tables.SequenceVersion


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A sequence's row: its draft (None when there is none) and its current version's document.

    `revision` counts every save and every discard, so that it never comes back to an old value.
    `number` is the current version's, 0 before the first.
    """

    sequence_id: int
    key: str
    draft: Mapping[str, Any] | None
    revision: int
    saved_at: datetime | None
    saved_by: str
    version_id: int | None
    number: int
    document: Mapping[str, Any] | None


def draft_row(tx: Transaction, key: str) -> DraftRow | None:
    """Return the sequence called `key` with its draft, or None when there is no such sequence."""
    row = tx.execute(
        sa.select(
            S.id, S.key, S.draft, S.draft_revision, S.draft_at, S.draft_by,
            V.id.label("version_id"), V.number, V.document,
        ).outerjoin(V, V.id == S.current_id).where(S.key == key)
    ).first()  # fmt: skip
    if row is None or (row.draft is None and row.version_id is None):
        return None
    return DraftRow(
        row.id, row.key, row.draft, row.draft_revision, row.draft_at, row.draft_by,
        row.version_id, row.number or 0, row.document,
    )  # fmt: skip


def add_sequence(
    tx: Transaction, key: str, document: Mapping[str, Any], by: str, now: datetime
) -> bool:
    """Make a sequence that is only a draft; False when the key is taken."""
    taken = tx.execute(sa.select(S.id, S.draft, S.current_id).where(S.key == key)).first()
    if taken is not None and (taken.draft is not None or taken.current_id is not None):
        return False
    if taken is not None:
        # Thrown away once, and kept for the trials that test contacts made of it.
        again = sa.update(S).where(S.id == taken.id, S.current_id.is_(None), S.draft.is_(None))
        values = {"draft": document, "draft_at": now, "draft_by": by}
        revision = S.draft_revision + 1
        return tx.execute(again.values(**values, draft_revision=revision)).rowcount == 1
    try:
        # A savepoint: when another one takes the key at this very moment, only this is undone.
        with tx.begin_nested():
            tx.execute(
                sa.insert(S).values(
                    key=key, draft=document, draft_revision=1, draft_at=now, draft_by=by
                )
            )
    except sa.exc.IntegrityError:
        return False
    return True


def drop_unpublished(tx: Transaction, sequence_id: int) -> None:
    """Remove a sequence that never had a version, and so never had a contact.

    One whose draft was tried stays as a row that nobody is shown: links in the emails that its
    test contacts got must go on working.
    """
    tried = sa.exists().where(V.sequence_id == S.id)
    tx.execute(sa.delete(S).where(S.id == sequence_id, S.current_id.is_(None), ~tried))
