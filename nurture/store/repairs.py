"""The few rows that a repair writes by itself; everything else goes by the rules."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction

M, E, Q = tables.Send, tables.Enrollment, tables.QueuedEntry


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a send."""

    id: int
    status: str
    reason: str
    settled_at: datetime | None


def send_of(tx: Transaction, run_id: int, step: str, pass_no: int) -> Became | None:
    """Return what became of the send of a run's step and pass, None when there is none."""
    row = tx.execute(
        sa.select(M.id, M.status, M.reason, M.settled_at).where(
            M.enrollment_id == run_id, M.step == step, M.pass_no == pass_no
        )
    ).first()
    return None if row is None else Became(*row)


def cancel_queued(tx: Transaction, send_id: int, reason: str, now: datetime) -> None:
    """Cancel a send that no worker has taken and that its run does not wait for."""
    elsewhere = sa.exists().where(E.id == M.enrollment_id, E.state != "sending")
    tx.execute(
        sa.update(M)
        .where(M.id == send_id, M.status == "queued", elsewhere)
        .values(status="cancelled", reason=reason, settled_at=now)
    )


def is_of_another_stage(tx: Transaction, run_id: int, programme: str) -> bool:
    """Return whether a live stage run is of another stage than its contact stands in.

    Contacts stand in a `programme`, whichever track the run is of.
    """
    t, q = tables.Standing, tables.Sequence
    found = tx.execute(
        sa.select(E.id)
        .join(t, sa.and_(t.contact_id == E.contact_id, t.track == programme))
        .join(q, q.id == E.sequence_id)
        .where(E.id == run_id, E.ended_at.is_(None), E.track != "", q.stage != t.stage)
    )
    return found.first() is not None


def forget_entry(tx: Transaction, entry_id: int) -> None:
    """Forget a wish that waits for nothing."""
    under_way = sa.exists().where(
        E.contact_id == Q.contact_id,
        E.sequence_id == Q.sequence_id,
        E.entry_key == Q.entry_key,
        E.ended_at.is_(None),
    )
    tx.execute(sa.delete(Q).where(Q.id == entry_id, ~under_way))
