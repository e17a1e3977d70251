"""What a replay begins with and is held against: events, ledgers, stage changes, standings."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.domain.contact import Occurrence, Verdict
from nurture.store import bulk, tables, telling
from nurture.store.database import Transaction

St = tables.Standing


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a contact stands, to be rebuilt."""

    contact_id: int
    stage: str
    highest: str
    engagement: float
    scored_at: datetime
    is_due: bool


def standings(
    tx: Transaction, now: datetime, page: int, only: int | None
) -> Iterator[list[Stands]]:
    """Yield every standing in pages. `is_due`: it is to be computed anew by `now`."""
    after, told_to = 0, telling.told_to(tx)
    while True:
        statement = (
            sa.select(
                St.contact_id, St.stage, St.highest, St.engagement, St.scored_at, St.crosses_at
            )
            .where(St.contact_id > after)
            .order_by(St.contact_id)
            .limit(page)
        )
        if only is not None:
            statement = statement.where(St.contact_id == only)
        rows = tx.execute(statement).all()
        if not rows:
            return
        yield [
            Stands(
                *row[:5],
                (row[5] is not None and row[5] <= now) or telling.is_untold(row[0], told_to),
            )
            for row in rows
        ]
        after = rows[-1][0]


def events(tx: Transaction, ids: Sequence[int]) -> dict[int, list[tuple[Occurrence, datetime]]]:
    """Return (occurrence, when it was recorded) of each contact, as they were recorded."""
    t = tables.Event
    found: dict[int, list[tuple[Occurrence, datetime]]] = defaultdict(list)
    statement = (
        sa.select(
            t.contact_id, t.id, t.name, t.occurred_at, t.recorded_at, t.verdict, t.properties,
            t.dedupe_key,
        )
        .where(bulk.among(tx, t.contact_id, ids))
        .order_by(t.id)
    )  # fmt: skip
    for contact_id, id_, name, at, recorded, verdict, properties, key in tx.execute(statement):
        plain = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in properties.items()
        }
        occurrence = Occurrence(name, at, plain, Verdict(verdict), id_, key)
        found[contact_id].append((occurrence, recorded))
    return found


def stage_changes(tx: Transaction, ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """Return (start, to) of every change of stage of each contact, as they came."""
    t = tables.StageChange
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    statement = (
        sa.select(t.contact_id, t.start, t.to)
        .where(bulk.among(tx, t.contact_id, ids), t.refused == "")
        .order_by(t.id)
    )
    for contact_id, start, to in tx.execute(statement):
        found[contact_id].append((start, to))
    return found


def funnels(tx: Transaction) -> list[tuple[int, datetime, dict[str, Any]]]:
    """Return (number, published at, document) of every funnel there ever was."""
    t = tables.FunnelVersion
    rows = tx.execute(sa.select(t.number, t.published_at, t.document).order_by(t.number))
    return [(number, at, document) for number, at, document in rows]
