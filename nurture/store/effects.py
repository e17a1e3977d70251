"""What decisions write beside runs and sends: facts of contacts, exposures, deliveries."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.domain.contact import Change, Fact
from nurture.domain.tags import fresh, meant
from nurture.store import bulk, tables
from nurture.store.database import Transaction


def save_changes(tx: Transaction, changes: Mapping[int, Iterable[Change]], now: datetime) -> None:
    """Apply changes to contacts (by id), to what their rows hold at this moment."""
    if not changes:
        return
    t = tables.Contact
    statement = (
        sa.select(t.id, t.fields, t.tags)
        .where(bulk.among(tx, t.id, sorted(changes)))
        .order_by(t.id)
        .with_for_update(key_share=True)
    )
    rows = []
    for contact_id, fields, tags in tx.execute(statement).all():
        for change in changes[contact_id]:
            match change.fact:
                case Fact.FIELD if change.value is None:
                    fields = {key: one for key, one in fields.items() if key != change.name}
                case Fact.FIELD:
                    fields = {**fields, change.name: change.value}
                case Fact.BANT:
                    bant = {**fields.get("bant", {}), change.name: change.value}
                    fields = {**fields, "bant": bant}
                case Fact.TAG:
                    tags = sorted({*tags, *fresh([change.name], tags)})
                case Fact.UNTAG:
                    tags = sorted({*tags} - {*meant([change.name], tags)})
        rows.append({"id": contact_id, "fields": fields, "tags": tags, "updated_at": now})
    bulk.update(tx, t, rows)


def add_bant(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add lines to the log of BANT."""
    bulk.insert(tx, tables.BantEntry, rows)


def add_exposures(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add what arms contacts are shown; the first time counts."""
    bulk.insert(tx, tables.Exposure, rows, ignore_conflicts=True)


def add_deliveries(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add what has to go out, each once for its enrollment, step and pass."""
    whole = [
        {
            "attempts": 0, "claimed_by": "", "reason": "", "code": 0, "detail": "", **row,
        }
        for row in rows
    ]  # fmt: skip
    bulk.insert(tx, tables.Delivery, whole, ignore_conflicts=True)
