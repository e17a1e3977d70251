"""Read-only queries of the doctor: whose runs watch something, and when they are looked at."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

E = tables.Enrollment


def live_versions(tx: Transaction) -> list[int]:
    """Return the versions that live runs are pinned to."""
    return list(
        tx.execute(sa.select(E.version_id).where(E.ended_at.is_(None)).distinct()).scalars()
    )


def contacts_in(tx: Transaction, versions: Collection[int], after: int, limit: int) -> list[int]:
    """Return contacts, by id above `after`, with a live run of one of these versions."""
    if not versions:
        return []
    statement = (
        sa.select(E.contact_id)
        .where(
            E.ended_at.is_(None), E.contact_id > after, bulk.among(tx, E.version_id, versions)
        )
        .distinct()
        .order_by(E.contact_id)
        .limit(limit)
    )  # fmt: skip
    return list(tx.execute(statement).scalars())


def looks_of(tx: Transaction, contact_ids: Collection[int]) -> dict[int, datetime | None]:
    """Return when the rules look at each of these contacts again, None for never."""
    t = tables.Standing
    rows = tx.execute(
        sa.select(t.contact_id, sa.func.min(t.crosses_at))
        .where(bulk.among(tx, t.contact_id, contact_ids))
        .group_by(t.contact_id)
    )
    return {contact_id: at for contact_id, at in rows}  # noqa: C416 - rows to mypy
