"""What is known of a contact beside what they do: BANT and its log, and what sales said of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

B, C, G, S = tables.BantEntry, tables.Contact, tables.StageChange, tables.Standing


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the log of BANT: a letter's answer, who gave it, where from and when."""

    contact_id: int
    letter: str
    value: str
    source: str
    by: str
    note: str
    at: datetime


def answers(tx: Transaction, contact_ids: Iterable[int]) -> list[Answer]:
    """Return the log of BANT of these contacts, the newest answer first."""
    statement = (
        sa.select(B.contact_id, B.letter, B.value, B.source, B.by, B.note, B.at)
        .where(bulk.among(tx, B.contact_id, sorted(set(contact_ids))))
        .order_by(B.at.desc(), B.id.desc())
    )
    return [Answer(*row) for row in tx.execute(statement)]


@dataclass(frozen=True, slots=True)
class Said:
    """What sales said of a contact in their stage: nothing (an empty verdict), or so."""

    verdict: str = ""
    at: datetime | None = None
    reason: str = ""
    by: str = ""


def sales_said(tx: Transaction, contact_id: int, track: str) -> Said:
    """Return what sales said of a contact where they stand now."""
    statement = sa.select(S.sales, S.sales_at, S.sales_reason, S.sales_by)
    row = tx.execute(statement.where(S.contact_id == contact_id, S.track == track)).first()
    return Said() if row is None else Said(*row)


def accept(tx: Transaction, contact_id: int, track: str, by: str, now: datetime) -> None:
    """Write down that sales took a contact on."""
    tx.execute(
        sa.update(S)
        .where(S.contact_id == contact_id, S.track == track)
        .values(sales="accepted", sales_at=now, sales_reason="", sales_by=by)
    )


def refusals_in_stage(
    tx: Transaction, contact_ids: Iterable[int], track: str
) -> set[tuple[int, str, str, str]]:
    """Return (contact, start, to, why) of what was refused since contacts came to their stage."""
    statement = (
        sa.select(G.contact_id, G.start, G.to, G.refused)
        .join(S, sa.and_(S.contact_id == G.contact_id, S.track == G.track))
        .where(
            bulk.among(tx, G.contact_id, sorted(set(contact_ids))),
            G.track == track,
            G.refused != "",
            G.at >= S.since,
        )
        .distinct()
    )
    return {(row[0], row[1], row[2], row[3]) for row in tx.execute(statement)}


def personas(tx: Transaction) -> dict[str, int]:
    """Return how many contacts there are of each persona; an empty key is of none."""
    statement = sa.select(C.persona, sa.func.count()).where(C.erased_at.is_(None))
    statement = statement.group_by(C.persona)
    return {key: count for key, count in tx.execute(statement)}  # noqa: C416 - rows are not pairs to mypy


def add_answers(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Add lines to the log of BANT."""
    bulk.insert(tx, B, rows)
