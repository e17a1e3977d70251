"""Imports as rows: contacts found and written in bulk, and how far each file has come."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

C, S, R = tables.Contact, tables.Standing, tables.ImportRun


@dataclass(frozen=True, slots=True)
class Stored:
    """A contact as the database has it, with their stage in a track (empty: none yet)."""

    id: int
    address: str
    email: str
    language: str
    timezone: str
    source: str
    fields: dict[str, Any]
    tags: list[str]
    consents: dict[str, bool]
    created_at: datetime
    stage: str


def by_address(
    tx: Transaction, addresses: Iterable[str], track: str, *, lock: bool
) -> dict[str, Stored]:
    """Return the contacts with these compared addresses, held until the end with `lock`."""
    statement = (
        sa.select(
            C.id, C.address, C.email, C.language, C.timezone, C.source, C.fields, C.tags,
            C.consents, C.created_at, sa.func.coalesce(S.stage, ""),
        )
        .join(S, sa.and_(S.contact_id == C.id, S.track == track), isouter=True)
        .where(bulk.among(tx, C.address, addresses))
        .order_by(C.id)
    )  # fmt: skip
    if lock:
        statement = statement.with_for_update(of=C)
    return {row.address: Stored(*row) for row in tx.execute(statement)}


def add_contacts(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Insert contacts; return address → id of those that nobody had inserted meanwhile.

    Everybody inserts in the order of the addresses, so that two imports never wait for each
    other in a circle.
    """
    ordered = sorted(rows, key=lambda row: str(row["address"]))
    inserted = bulk.insert(tx, C, ordered, ignore_conflicts=True, returning=("id", "address"))
    return {row.address: row.id for row in inserted}


def remove_contacts(tx: Transaction, ids: Iterable[int]) -> None:
    """Take back contacts that this very transaction has inserted."""
    tx.execute(sa.delete(C).where(bulk.among(tx, C.id, sorted(ids))))


def save_contacts(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update contacts by their `id`."""
    bulk.update(tx, C, sorted(rows, key=lambda row: int(row["id"])))


def suppressions(tx: Transaction, keys: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the live suppressions of these address keys: key → scope → reason."""
    t = tables.Suppression
    found: dict[str, dict[str, str]] = {}
    statement = sa.select(t.address_key, t.scope, t.reason).where(
        bulk.among(tx, t.address_key, keys), t.lifted_at.is_(None)
    )
    for key, scope, reason in tx.execute(statement):
        found.setdefault(key, {})[scope] = reason
    return found


@dataclass(frozen=True, slots=True)
class ImportRun:
    """How far the import of one file has come. `details` is the engine's own, as JSON."""

    id: int
    digest: str
    file_name: str
    details: dict[str, Any]
    done_rows: int
    created: int
    updated: int
    rejected: int
    started_at: datetime
    finished_at: datetime | None


def find_run(tx: Transaction, digest: str) -> ImportRun | None:
    """Return the run of the file with this digest; None when it was never begun."""
    row = tx.execute(sa.select(R.__table__).where(R.digest == digest)).first()
    return None if row is None else ImportRun(*row)


def begin_run(
    tx: Transaction,
    digest: str,
    file_name: str,
    details: Mapping[str, Any],
    now: datetime,
    *,
    anew: bool,
) -> int | None:
    """Begin the run of a file and return its id; None when somebody else began it meanwhile.

    With `anew` the run is there already and starts from its first row again.
    """
    values = {
        "file_name": file_name, "mapping": dict(details), "done_rows": 0, "created": 0,
        "updated": 0, "rejected": 0, "started_at": now, "finished_at": None,
    }  # fmt: skip
    if anew:
        statement = sa.update(R).where(R.digest == digest).values(**values).returning(R.id)
        return tx.execute(statement).scalar()
    inserted = bulk.insert(
        tx, R, [{"digest": digest, **values}], ignore_conflicts=True, returning=("id",)
    )
    return int(inserted[0].id) if inserted else None


def advance_run(tx: Transaction, run_id: int, done: int, done_then: int) -> bool:
    """Move a run on from `done` rows; False when somebody else moved it or it is finished."""
    statement = (
        sa.update(R)
        .where(R.id == run_id, R.done_rows == done, R.finished_at.is_(None))
        .values(done_rows=done_then)
    )
    return tx.execute(statement).rowcount == 1


def note_run(
    tx: Transaction, run_id: int, details: Mapping[str, Any], counts: Mapping[str, int]
) -> None:
    """Write what has become of the rows of a run so far."""
    tx.execute(
        sa.update(R)
        .where(R.id == run_id)
        .values(
            mapping=dict(details),
            created=counts.get("created", 0),
            updated=counts.get("updated", 0),
            rejected=counts.get("rejected", 0),
        )
    )


def finish_run(tx: Transaction, run_id: int, now: datetime) -> None:
    """Say that the whole file was imported."""
    tx.execute(sa.update(R).where(R.id == run_id).values(finished_at=now))
