"""How contacts stood at an instant of the past: what a back-test begins with."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Stood:
    """A contact at an instant: when they came, where they stood since when, what barred them."""

    created_at: datetime
    source: str
    stage: str
    highest: str
    since: datetime
    suppressions: frozenset[str] = frozenset()
    withdrawn_later: frozenset[str] = frozenset()
    received: frozenset[str] = field(default=frozenset())


def contact_ids(tx: Transaction, after: int, limit: int) -> list[int]:
    """Return the next ids of contacts who stand somewhere, in order."""
    t = tables.Standing
    statement = sa.select(t.contact_id).where(t.contact_id > after).distinct()
    return list(tx.execute(statement.order_by(t.contact_id).limit(limit)).scalars())


def count(tx: Transaction) -> int:
    """Return how many contacts stand somewhere."""
    t = tables.Standing
    return tx.execute(sa.select(sa.func.count(t.contact_id.distinct()))).scalar_one()


def stood(tx: Transaction, ids: Iterable[int], at: datetime, track: str) -> dict[int, Stood]:
    """Return how these contacts stood at `at`, by id; who came later is told as they began."""
    wanted = sorted(set(ids))
    c, s = tables.Contact, tables.Standing
    rows = tx.execute(
        sa.select(c.id, c.created_at, c.source, c.address_key, s.stage, s.highest, s.since)
        .join(s, sa.and_(s.contact_id == c.id, s.track == track))
        .where(bulk.among(tx, c.id, wanted))
    ).all()
    stages = _stages(tx, wanted, at, track)
    received = _received(tx, wanted, at)
    barred = _barred(tx, {row.address_key for row in rows}, at)
    found = {}
    for row in rows:
        stage, highest, since = stages.get(row.id, (row.stage, row.highest, row.since))
        now, later = barred.get(row.address_key, (frozenset(), frozenset()))
        found[row.id] = Stood(
            row.created_at, row.source, stage, highest, min(since, at), now, later,
            received.get(row.id, frozenset()),
        )  # fmt: skip
    return found


def _stages(
    tx: Transaction, ids: list[int], at: datetime, track: str
) -> dict[int, tuple[str, str, datetime]]:
    """Return (stage, highest, since) at `at` of those who have ever changed theirs."""
    t = tables.StageChange
    rows = tx.execute(
        sa.select(t.contact_id, t.start, t.to, t.at)
        .where(bulk.among(tx, t.contact_id, ids), t.track == track, t.refused == "")
        .order_by(t.contact_id, t.id)
    ).all()
    found: dict[int, tuple[str, str, datetime]] = {}
    for contact_id, start, to, changed_at in rows:
        if changed_at <= at:
            found[contact_id] = (to, to, changed_at)
        else:
            found.setdefault(contact_id, (start, start, at))
    return found


def _received(tx: Transaction, ids: list[int], at: datetime) -> dict[int, frozenset[str]]:
    t = tables.Received
    found: dict[int, set[str]] = defaultdict(set)
    statement = sa.select(t.contact_id, t.content).where(
        bulk.among(tx, t.contact_id, ids), t.at <= at
    )
    for contact_id, content in tx.execute(statement):
        found[contact_id].add(content)
    return {key: frozenset(contents) for key, contents in found.items()}


def _barred(
    tx: Transaction, keys: Iterable[str], at: datetime
) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Return the scopes that barred each address at `at`, and those that came later."""
    t = tables.Suppression
    found: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    statement = sa.select(t.address_key, t.scope, t.at).where(
        bulk.among(tx, t.address_key, keys), sa.or_(t.lifted_at.is_(None), t.lifted_at > at)
    )
    for key, scope, since in tx.execute(statement):
        found[key][0 if since <= at else 1].add(scope)
    return {key: (frozenset(now), frozenset(later)) for key, (now, later) in found.items()}
