"""Hits of pixels and links: kept as they came, judged later, each with the event it became."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

T = tables.Hit
E = tables.Event


@dataclass(frozen=True, slots=True)
class NewHit:
    """A hit as it came; `hit_key` is unique, so storing it twice stores it once."""

    hit_key: str
    send_id: int
    kind: str
    link_index: int
    at: datetime
    method: str
    ip: str
    user_agent: str
    headers: Mapping[str, str]
    settle_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored hit with what was last thought of it; `settle_at` is None once it was judged."""

    id: int
    send_id: int
    kind: str
    link_index: int
    at: datetime
    method: str
    ip: str
    user_agent: str
    headers: Mapping[str, str]
    settle_at: datetime | None
    verdict: str
    reasons: tuple[str, ...]
    classifier: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What is thought of a hit now, and the event it stands behind."""

    id: int
    verdict: str
    reasons: tuple[str, ...]
    classifier: int
    event_id: int | None


def add(tx: Transaction, hits: Sequence[NewHit]) -> int:
    """Store the hits that are new; return how many were."""
    rows = [
        {
            "hit_key": hit.hit_key, "send_id": hit.send_id, "kind": hit.kind,
            "link_index": hit.link_index, "at": hit.at, "method": hit.method, "ip": hit.ip,
            "user_agent": hit.user_agent, "headers": dict(hit.headers),
            "settle_at": hit.settle_at, "verdict": "", "reasons": [], "classifier": 0,
        }
        for hit in {hit.hit_key: hit for hit in hits}.values()
    ]  # fmt: skip
    return len(bulk.insert(tx, T, rows, ignore_conflicts=True, returning=("id",)))


def due(tx: Transaction, now: datetime, limit: int) -> list[int]:
    """Return the sends of up to `limit` hits whose time has come, the longest due first."""
    statement = (
        sa.select(T.send_id)
        .where(T.settle_at <= now, T.settle_at.is_not(None))
        .order_by(T.settle_at)
        .limit(limit)
    )
    return list(dict.fromkeys(tx.execute(statement).scalars()))


def of_sends(tx: Transaction, send_ids: Collection[int], most: int) -> dict[int, list[Kept]]:
    """Return the first `most` hits of each send, in the order in which they were stored."""
    place = sa.func.row_number().over(partition_by=T.send_id, order_by=T.id).label("place")
    numbered = sa.select(T.id, place).where(T.send_id.in_(sorted(send_ids))).subquery("numbered")
    statement = (
        sa.select(
            T.id, T.send_id, T.kind, T.link_index, T.at, T.method, T.ip, T.user_agent, T.headers,
            T.settle_at, T.verdict, T.reasons, T.classifier, T.event_id,
        )
        .join(numbered, numbered.c.id == T.id)
        .where(numbered.c.place <= most)
        .order_by(T.id)
    )  # fmt: skip
    found: dict[int, list[Kept]] = {}
    for row in tx.execute(statement):
        values = {**row._asdict(), "reasons": tuple(row.reasons)}
        found.setdefault(row.send_id, []).append(Kept(**values))
    return found


def save(tx: Transaction, judged: Sequence[Judged]) -> None:
    """Write verdicts; each of these hits is settled."""
    bulk.update(
        tx,
        T,
        [
            {
                "id": one.id, "settle_at": None, "verdict": one.verdict,
                "reasons": list(one.reasons), "classifier": one.classifier,
                "event_id": one.event_id,
            }
            for one in sorted(judged, key=lambda one: one.id)
        ],
    )  # fmt: skip


def postpone(tx: Transaction, hit_ids: Iterable[int], until: datetime) -> None:
    """Look at these hits again at `until`."""
    rows = [{"id": hit_id, "settle_at": until} for hit_id in sorted(hit_ids)]
    bulk.update(tx, T, rows)


def settle_beyond(
    tx: Transaction, after: Mapping[int, int], verdict: str, reasons: Sequence[str], version: int
) -> int:
    """Give every unsettled hit of a send (id → last hit judged) the same verdict; how many."""
    written = 0
    for send_id, last in sorted(after.items()):
        statement = (
            sa.update(T)
            .where(T.send_id == send_id, T.id > last, T.settle_at.is_not(None))
            .values(settle_at=None, verdict=verdict, reasons=list(reasons), classifier=version)
        )
        written += tx.execute(statement).rowcount
    return written


@dataclass(frozen=True, slots=True)
class Standing:
    """An event that hits have become, as it stands."""

    id: int
    verdict: str
    source: str


def events_by_key(tx: Transaction, keys: Collection[str]) -> dict[str, Standing]:
    """Return the events with these dedupe keys."""
    statement = sa.select(E.dedupe_key, E.id, E.verdict, E.source).where(
        E.dedupe_key.in_(sorted(keys))
    )
    return {row.dedupe_key: Standing(*row[1:]) for row in tx.execute(statement)}


def relabel(tx: Transaction, changed: Sequence[Mapping[str, Any]]) -> None:
    """Give events (id, verdict, occurred_at) another verdict, and the moment it stands on."""
    bulk.update(tx, E, sorted(changed, key=lambda row: int(row["id"])))
