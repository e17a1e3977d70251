"""What a contact was mailed and is about to be mailed, for frequency caps."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

S = tables.Send


@dataclass(frozen=True, slots=True)
class Mailing:
    """A send that took a place, or is about to; `at` is None while it is on its way.

    `stage` is that of its sequence, empty for one that an event triggers.
    """

    id: int
    contact_id: int
    enrollment_id: int
    sequence: str
    stage: str
    topic: str
    status: str
    created_at: datetime
    at: datetime | None


def mailings(
    tx: Transaction, contact_ids: Iterable[int], since: datetime
) -> dict[int, list[Mailing]]:
    """Return by contact what went out after `since`, and whatever is on its way.

    Trials of drafts count for nothing. What is queued in a paused sequence stands still and
    takes nobody's place. Nobody may ever be told that an uncertain send did not arrive, so it
    counts from when its fate was lost.
    """
    q, v = tables.Sequence, tables.SequenceVersion
    rows = tx.execute(
        sa.select(
            S.id, S.contact_id, S.enrollment_id, q.key, q.stage, S.topic, S.status, S.created_at,
            S.settled_at,
        )
        .join(q, q.id == S.sequence_id)
        .join(v, v.id == S.version_id)
        .where(
            bulk.among(tx, S.contact_id, sorted(set(contact_ids))),
            v.trial.is_(sa.false()),
            sa.or_(
                S.status == "claimed",
                sa.and_(S.status == "queued", q.paused_at.is_(None)),
                sa.and_(S.status.in_(("accepted", "uncertain")), S.settled_at > since),
            ),
        )
        .order_by(S.id)
    )  # fmt: skip
    found: dict[int, list[Mailing]] = {}
    for id_, contact, run, key, stage, topic, status, created, settled in rows:
        at = settled if status in ("accepted", "uncertain") else None
        one = Mailing(id_, contact, run, key, stage, topic, status, created, at)
        found.setdefault(contact, []).append(one)
    return found
