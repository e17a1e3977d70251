"""What is known of a contact's runs through a sequence, for when they come (back) to it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.trials import is_counted

E, R, S = tables.Enrollment, tables.Received, tables.Send


@dataclass(frozen=True, slots=True)
class Passage:
    """A run that there was or is: under which key, begun by an event of when, and ended when."""

    contact_id: int
    sequence_id: int
    run_id: int
    entry_key: str
    began: datetime | None
    ended: datetime | None


def passages(
    tx: Transaction, contact_ids: Iterable[int], sequence_ids: Iterable[int]
) -> list[Passage]:
    """Return every run of these contacts through these sequences that there ever was.

    To walk a draft for trial is no passage, and stands in nobody's way.
    """
    statement = sa.select(
        E.contact_id, E.sequence_id, E.id, E.entry_key, E.began_at, E.ended_at
    ).where(
        bulk.among(tx, E.contact_id, contact_ids),
        bulk.among(tx, E.sequence_id, sequence_ids),
        is_counted(E.version_id),
    )
    return [Passage(*row) for row in tx.execute(statement.order_by(E.id))]


@dataclass(frozen=True, slots=True)
class LastRun:
    """Where a run stopped: its state, its step, and when each email step was accepted."""

    state: str
    step: str
    accepted: dict[str, datetime]


def last_runs(
    tx: Transaction, contact_ids: Iterable[int], sequence_ids: Iterable[int]
) -> dict[tuple[int, int, str], LastRun]:
    """Return the latest run that is over for each (contact, sequence, entry key)."""
    statement = (
        sa.select(E.contact_id, E.sequence_id, E.entry_key, E.state, E.step, E.accepted)
        .where(
            bulk.among(tx, E.contact_id, contact_ids),
            bulk.among(tx, E.sequence_id, sequence_ids),
            E.ended_at.is_not(None),
            is_counted(E.version_id),
        )
        .order_by(E.id)
    )
    found = {}
    for contact_id, sequence_id, key, state, step, accepted in tx.execute(statement):
        instants = {name: datetime.fromisoformat(at) for name, at in accepted.items()}
        found[contact_id, sequence_id, key] = LastRun(state, step, instants)
    return found


def received_by_door(tx: Transaction, contact_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return what each contact received, with the sequence through which it came first."""
    statement = (
        sa.select(R.contact_id, R.content, S.sequence_id)
        .join(S, S.id == R.send_id)
        .where(bulk.among(tx, R.contact_id, contact_ids))
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for contact_id, content, sequence_id in tx.execute(statement):
        found[contact_id][content] = sequence_id
    return dict(found)
