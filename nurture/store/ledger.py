"""What happened and what followed: events, scores, standings, stage changes, decisions."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.domain.contact import Occurrence, Standing
from nurture.domain.scoring import Entry
from nurture.errors import Conflict
from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.types import Instant


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An occurrence of one contact, to be stored once by its dedupe key."""

    contact_id: int
    occurrence: Occurrence
    source: str = ""
    send_id: int | None = None


def add_events(
    tx: Transaction, events: Sequence[NewEvent], now: datetime
) -> list[tuple[NewEvent, int]]:
    """Store the events that are new; return each of them with its id."""
    by_key = {event.occurrence.dedupe_key: event for event in events}
    rows = bulk.insert(
        tx,
        tables.Event,
        [
            {
                "contact_id": event.contact_id,
                "name": event.occurrence.name,
                "occurred_at": event.occurrence.occurred_at,
                "recorded_at": now,
                "dedupe_key": key,
                "send_id": event.send_id,
                "verdict": event.occurrence.verdict.value,
                "source": event.source,
                "properties": _plain(event.occurrence.properties),
            }
            for key, event in by_key.items()
        ],
        ignore_conflicts=True,
        returning=("id", "dedupe_key"),
    )
    return sorted(((by_key[row.dedupe_key], row.id) for row in rows), key=lambda pair: pair[1])


def _plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in properties.items()
    }


def add_entries(tx: Transaction, entries: Iterable[tuple[int, Entry]], now: datetime) -> list[str]:
    """Append (contact, entry) to the score ledger; return the dedupe keys that were new."""
    rows = bulk.insert(
        tx,
        tables.ScoreEntry,
        [
            {
                "contact_id": contact_id,
                "rule": entry.rule,
                "rule_version": entry.rule_version,
                "score_group": entry.group,
                "points": entry.points,
                "occurred_at": entry.occurred_at,
                "recorded_at": now,
                "event_id": entry.event_id or None,
                "dedupe_key": f"{contact_id}:{entry.dedupe_key}",
                "compensates": entry.compensates,
            }
            for contact_id, entry in entries
        ],
        ignore_conflicts=True,
        returning=("dedupe_key",),
    )
    return [row.dedupe_key for row in rows]


def entries(
    tx: Transaction, contact_ids: Iterable[int], event_ids: Iterable[int] | None = None
) -> dict[int, list[Entry]]:
    """Return the ledger of each contact, oldest first; only of some events where they are given."""
    t = tables.ScoreEntry
    statement = sa.select(t.__table__).where(t.contact_id.in_(sorted(set(contact_ids))))
    if event_ids is not None:
        statement = statement.where(t.event_id.in_(list(event_ids)))
    found: dict[int, list[Entry]] = defaultdict(list)
    for row in tx.execute(statement.order_by(t.occurred_at, t.id)):
        found[row.contact_id].append(
            Entry(
                rule=row.rule,
                rule_version=row.rule_version,
                group=row.score_group,
                points=row.points,
                occurred_at=row.occurred_at,
                dedupe_key=row.dedupe_key.partition(":")[2],
                event_id=row.event_id or 0,
                compensates=row.compensates,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Scored:
    """A contact's standing as computed at one moment."""

    contact_id: int
    track: str
    engagement: float
    fit: float
    grade: str
    temperature: str
    scored_at: datetime
    crosses_at: datetime | None


def save_scores(
    tx: Transaction, scored: Sequence[Scored], personas: Mapping[int, str] | None = None
) -> None:
    """Write computed scores to the standings, and the personas that changed to the contacts."""
    bulk.update(
        tx,
        tables.Standing,
        [
            {
                "contact_id": one.contact_id,
                "track": one.track,
                "engagement": one.engagement,
                "fit": one.fit,
                "grade": one.grade,
                "temperature": one.temperature,
                "scored_at": one.scored_at,
                "crosses_at": one.crosses_at,
            }
            for one in sorted(scored, key=lambda one: one.contact_id)
        ],
        match=("contact_id", "track"),
    )
    if personas:
        rows = [{"id": key, "persona": persona} for key, persona in sorted(personas.items())]
        bulk.update(tx, tables.Contact, rows)


def add_standings(tx: Transaction, rows: Iterable[tuple[int, str, str, datetime]]) -> None:
    """Give contacts (id, track, stage, since) their first standing; those that have one keep it."""
    bulk.insert(
        tx,
        tables.Standing,
        [
            {
                "contact_id": contact_id, "track": track, "stage": stage, "highest": stage,
                "since": since, "engagement": 0.0, "fit": 0.0, "grade": "D",
                "temperature": "cold", "scored_at": since, "crosses_at": None,
            }
            for contact_id, track, stage, since in rows
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def set_stages(
    tx: Transaction, track: str, moved: Mapping[int, tuple[Standing | None, Mapping[str, Any]]]
) -> None:
    """Set where contacts stand in a track, with their rest and what sales said of them.

    `moved` has, by contact, where they stood when that was decided, and the row to write. Raises
    Conflict when somebody else moved one of them meanwhile: it is for the edges to say whether
    they may move from there.
    """
    t = tables.Standing
    chosen = sa.select(t.contact_id, t.stage, t.since).where(
        bulk.among(tx, t.contact_id, moved), t.track == track
    )
    for contact_id, stage, since in tx.execute(chosen.order_by(t.contact_id).with_for_update()):
        before, _ = moved[contact_id]
        if before is not None and (stage, since) != (before.stage, before.since):
            raise Conflict(f"contact {contact_id} was moved to {stage} meanwhile")
    bulk.update(tx, t, [row for _, row in moved.values()], match=("contact_id", "track"))


def look_again(tx: Transaction, contact_ids: Collection[int], at: datetime) -> None:
    """Have the rules look at these contacts as soon as `at` has come."""
    if not contact_ids:
        return
    t = tables.Standing
    chosen = bulk.among(tx, t.contact_id, contact_ids)
    tx.execute(sa.update(t).where(chosen).values(crosses_at=at))


def look_by(tx: Transaction, moments: Mapping[int, datetime]) -> None:
    """Have the rules look at each contact by the instant given, unless they do so before it."""
    if not moments:
        return
    t = tables.Standing
    statement = (
        sa.update(t)
        .where(
            t.contact_id == sa.bindparam("contact"),
            sa.or_(t.crosses_at.is_(None), t.crosses_at > sa.bindparam("by", type_=Instant)),
        )
        .values(crosses_at=sa.bindparam("by", type_=Instant))
    )
    tx.execute(statement, [{"contact": key, "by": at} for key, at in sorted(moments.items())])


def looks(tx: Transaction, contact_ids: Iterable[int], track: str) -> dict[int, datetime]:
    """Return when the rules look at each contact next; who is absent is looked at for no reason."""
    t = tables.Standing
    statement = sa.select(t.contact_id, t.crosses_at).where(
        bulk.among(tx, t.contact_id, contact_ids), t.track == track, t.crosses_at.is_not(None)
    )
    return {key: at for key, at in tx.execute(statement) if at is not None}


def crossing(tx: Transaction, now: datetime, limit: int) -> list[int]:
    """Return contacts for whom time alone may have changed something by now, longest due first."""
    t = tables.Standing
    statement = (
        sa.select(t.contact_id)
        .where(t.crosses_at <= now, t.crosses_at.is_not(None))
        .order_by(t.crosses_at)
        .limit(limit)
    )
    return list(dict.fromkeys(tx.execute(statement).scalars()))


def add_stage_changes(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Record changes of stage, and refused ones."""
    bulk.insert(tx, tables.StageChange, rows)


def add_received(tx: Transaction, rows: Iterable[tuple[int, str, int, datetime]]) -> None:
    """Note (contact, content, send, at) in the content ledger; a second time changes nothing."""
    bulk.insert(
        tx,
        tables.Received,
        [
            {"contact_id": contact_id, "content": content, "send_id": send_id, "at": at}
            for contact_id, content, send_id, at in rows
        ],
        ignore_conflicts=True,
    )


def add_decisions(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append to the log of decisions."""
    bulk.insert(tx, tables.Decision, rows)


def without_run(
    tx: Transaction, programme: str, track: str, stages: Sequence[str], after: int, limit: int
) -> list[int]:
    """Return contacts whom no run of a track took since they came to one of `stages`.

    They stand in the `programme`, have ids above `after` and come ascending. Whoever has left
    their stage's sequence by an exit stays out of it.
    """
    s, e = tables.Standing, tables.Enrollment
    taken = sa.exists().where(
        e.contact_id == s.contact_id,
        e.track == track,
        sa.or_(e.ended_at.is_(None), e.entered_at >= s.since),
    )
    statement = (
        sa.select(s.contact_id)
        .where(s.track == programme, s.stage.in_(stages), s.contact_id > after, ~taken)
        .order_by(s.contact_id)
        .limit(limit)
    )
    return list(tx.execute(statement).scalars())
