"""Where sends belong: what hits and webhooks need to know of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa

from nurture.domain.contact import Value
from nurture.store import bulk, tables
from nurture.store.database import Transaction

T, V, R = tables.Send, tables.SequenceVersion, tables.Enrollment


@dataclass(frozen=True, slots=True)
class Place:
    """What hits and webhooks need to know of a send."""

    id: int
    contact_id: int
    enrollment_id: int
    version_id: int
    sequence: str
    step: str
    pass_no: int
    content: str
    email_id: int | None
    topic: str
    status: str
    claimed_at: datetime | None
    settled_at: datetime | None
    trial: bool = False
    entry_key: str = ""

    @property
    def mark(self) -> dict[str, Value]:
        """What an occurrence that answers this email says of it: which step's, of which run."""
        told: dict[str, Value] = {
            "step": self.step, "sequence": self.sequence, "content": self.content,
        }  # fmt: skip
        # Only runs that stand side by side have a key to tell them apart.
        return told | ({"entry_key": self.entry_key} if self.entry_key else {})


def places_of(tx: Transaction, ids: Iterable[int]) -> dict[int, Place]:
    """Return the places of the sends with these ids, by id."""
    rows = tx.execute(
        sa.select(
            T.id, T.contact_id, T.enrollment_id, T.version_id, tables.Sequence.key, T.step,
            T.pass_no, T.content, T.email_id, T.topic, T.status, T.claimed_at, T.settled_at,
            V.trial, R.entry_key,
        )
        .join(tables.Sequence, tables.Sequence.id == T.sequence_id)
        .join(V, V.id == T.version_id)
        .join(R, R.id == T.enrollment_id)
        .where(bulk.among(tx, T.id, ids))
    )  # fmt: skip
    return {row.id: Place(*cast(tuple[Any, ...], row)) for row in rows}
