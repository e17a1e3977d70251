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
    """Cancel a send that no worker has taken."""
    tx.execute(
        sa.update(M)
        .where(M.id == send_id, M.status == "queued")
        .values(status="cancelled", reason=reason, settled_at=now)
    )


def let_go(tx: Transaction, run_id: int) -> None:
    """Let a run go on that stands still; whoever read it before has to read it again."""
    tx.execute(
        sa.update(E)
        .where(E.id == run_id, E.frozen_at.is_not(None))
        .values(frozen_at=None, revision=E.revision + 1)
    )


def forget_entry(tx: Transaction, entry_id: int) -> None:
    """Forget a wish that waits for nothing."""
    tx.execute(sa.delete(Q).where(Q.id == entry_id))
