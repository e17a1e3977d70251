"""Rows for tests of the store alone: contacts, a sequence with a version, runs and sends."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def contact(name: str, **rest: Any) -> dict[str, Any]:
    return {
        "email": f"{name}@example.com", "address": f"{name}@example.com",
        "address_key": f"key-{name}", "language": "en", "fields": {}, "tags": [], "consents": {},
        "soft_bounces": 0, "created_at": NOW, "updated_at": NOW, "timezone": "", "source": "",
        "search": "", **rest,
    }  # fmt: skip


def run(contact_id: int, sequence_id: int, version_id: int, **rest: Any) -> dict[str, Any]:
    return {
        "contact_id": contact_id, "sequence_id": sequence_id, "version_id": version_id,
        "track": "default", "entry_key": "", "state": "sending", "state_data": {}, "step": "hello",
        "passes": {}, "accepted": {}, "properties": {}, "entered_at": NOW, "end_reason": "",
        "revision": 0, **rest,
    }  # fmt: skip


def send(run_id: int, contact_id: int, sequence_id: int, version_id: int, **rest: Any) -> dict[
    str, Any
]:  # fmt: skip
    return {
        "enrollment_id": run_id, "contact_id": contact_id, "sequence_id": sequence_id,
        "version_id": version_id, "step": "hello", "pass_no": 1, "content": "hello",
        "topic": "marketing", "status": "queued", "created_at": NOW, "batch_id": 1, "reason": "",
        "attempts": 0, "claimed_by": "", "provider": "", "provider_message_id": "", "code": 0,
        "detail": "", **rest,
    }  # fmt: skip


def sequence(tx: Transaction, key: str = "welcome") -> tuple[int, int]:
    """Make a sequence with one version; return both ids."""
    statement = sa.insert(tables.Sequence).values(key=key).returning(tables.Sequence.id)
    sequence_id = int(tx.execute(statement).scalar_one())
    version = (
        sa.insert(tables.SequenceVersion)
        .values(
            sequence_id=sequence_id, number=1, document={}, digest=key, published_at=NOW,
            published_by="test",
        )
        .returning(tables.SequenceVersion.id)
    )  # fmt: skip
    return sequence_id, int(tx.execute(version).scalar_one())


def queue(tx: Transaction, count: int) -> None:
    """Make `count` contacts, each with a queued send in batch 1."""
    sequence_id, version_id = sequence(tx)
    people = bulk.insert(
        tx, tables.Contact, [contact(f"p{n}") for n in range(count)], returning=("id",)
    )
    runs = bulk.insert(
        tx,
        tables.Enrollment,
        [run(row.id, sequence_id, version_id) for row in people],
        returning=("id", "contact_id"),
    )
    bulk.insert(
        tx,
        tables.Send,
        [send(row.id, row.contact_id, sequence_id, version_id) for row in runs],
    )
