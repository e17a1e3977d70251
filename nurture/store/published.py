"""What is published: funnel versions, sequence versions and the emails compiled for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from nurture.store import bulk, tables
from nurture.store.database import Transaction

S, V = tables.Sequence, tables.SequenceVersion


@dataclass(frozen=True, slots=True)
class Version:
    """A published version of a sequence, as its document."""

    id: int
    sequence_id: int
    key: str
    number: int
    document: Mapping[str, Any]
    digest: str
    paused: bool
    trial: bool = False


def current_funnel(tx: Transaction) -> tuple[int, dict[str, Any], str] | None:
    """Return (number, document, digest) of the newest funnel version, or None before the first."""
    t = tables.FunnelVersion
    row = tx.execute(
        sa.select(t.number, t.document, t.digest).order_by(t.number.desc()).limit(1)
    ).first()
    return None if row is None else tuple(row)


_SELECT_FUNNEL_NUMBER = sa.select(sa.func.max(tables.FunnelVersion.number))


def funnel_number(tx: Transaction) -> int:
    """Return the number of the newest funnel version; 0 before the first."""
    return tx.execute(_SELECT_FUNNEL_NUMBER).scalar() or 0


def add_funnel(
    tx: Transaction, number: int, document: Mapping[str, Any], digest: str, by: str, now: datetime
) -> None:
    """Publish a funnel version."""
    tx.execute(
        sa.insert(tables.FunnelVersion).values(
            number=number, document=document, digest=digest, published_at=now, published_by=by
        )
    )


_VERSION = (
    V.id, V.sequence_id, S.key, V.number, V.document, V.digest,
    S.paused_at.is_not(None).label("paused"), V.trial,
)  # fmt: skip


def versions(tx: Transaction, ids: Iterable[int]) -> list[Version]:
    """Return the versions with these ids."""
    statement = sa.select(*_VERSION).join(S, S.id == V.sequence_id).where(V.id.in_(list(ids)))
    return [Version(*row) for row in tx.execute(statement)]


def current_versions(tx: Transaction) -> list[Version]:
    """Return the current version of every published sequence that is not retired."""
    statement = sa.select(*_VERSION).join(S, S.current_id == V.id).order_by(S.key)
    statement = statement.where(S.retired_at.is_(None))
    return [Version(*row) for row in tx.execute(statement)]


_SELECT_SEGMENTS = sa.select(sa.func.aggregate_strings(tables.Segment.digest, ",")).where(
    tables.Segment.retired_at.is_(None)
)
_SELECT_STOPPED = sa.select(sa.func.count()).where(tables.Experiment.stopped_at.is_not(None))
# Built once, and one query for all of it: every transaction of the engine asks this first.
_SELECT_MARKS = (
    sa.select(
        _SELECT_FUNNEL_NUMBER.scalar_subquery(),
        _SELECT_SEGMENTS.scalar_subquery(),
        _SELECT_STOPPED.scalar_subquery(),
        S.current_id,
        S.paused_at.is_not(None),
    )
    .where(S.current_id.is_not(None), S.retired_at.is_(None))
    .order_by(S.id)
)


def marks(tx: Transaction) -> tuple[tuple[int, str | None, int, int, bool], ...]:
    """Return (funnel's number, segments' digests, experiments over, current version, paused).

    That is a row for every sequence: cheap to compare with what is cached, and empty while there
    is no sequence.
    """
    return tuple(tuple(row) for row in tx.execute(_SELECT_MARKS).all())


def bare_marks(tx: Transaction) -> tuple[int, str | None]:
    """Return what there is to compare while there is no sequence."""
    return funnel_number(tx), tx.execute(_SELECT_SEGMENTS).scalar()


def sequence_by_key(tx: Transaction, key: str) -> sa.Row[Any] | None:
    """Return the row of a sequence, or None."""
    return tx.execute(sa.select(S.__table__).where(S.key == key)).first()


def ensure_sequence(tx: Transaction, key: str, stage: str, track: str) -> int:
    """Return the id of the sequence called `key`, making it where it is new.

    Runs follow a sequence that goes to another track, each where that one is free for its contact;
    others stay in the track they are in until they end.
    """
    row = sequence_by_key(tx, key)
    if row is None:
        statement = sa.insert(S).values(key=key, stage=stage, track=track).returning(S.id)
        return int(tx.execute(statement).scalar_one())
    tx.execute(sa.update(S).where(S.id == row.id).values(stage=stage, track=track))
    if row.track and track and row.track != track:
        _follow(tx, row.id, row.track, track)
    return int(row.id)


def _follow(tx: Transaction, sequence_id: int, before: str, track: str) -> None:
    """Take the runs of a sequence over to another track, those that are over with them.

    Who has left the sequence by an exit has left it in the new track, too.
    """
    e, other = tables.Enrollment, aliased(tables.Enrollment)
    taken = sa.exists().where(
        other.contact_id == e.contact_id, other.track == track, other.ended_at.is_(None)
    )
    tx.execute(
        sa.update(e)
        .where(
            e.sequence_id == sequence_id,
            e.track == before,
            sa.or_(e.ended_at.is_not(None), ~taken),
        )
        .values(track=track)
    )


def add_version(  # noqa: PLR0913 - each is a column of its own
    tx: Transaction,
    sequence_id: int,
    document: Mapping[str, Any],
    digest: str,
    by: str,
    now: datetime,
    origin: str = "admin",
) -> tuple[int, int]:
    """Publish an immutable version and make it the current one; return (id, number)."""
    last = tx.execute(
        sa.select(sa.func.max(V.number)).where(
            V.sequence_id == sequence_id, V.trial.is_(sa.false())
        )
    ).scalar()
    number = (last or 0) + 1
    statement = (
        sa.insert(V)
        .values(
            sequence_id=sequence_id,
            number=number,
            document=document,
            digest=digest,
            published_at=now,
            published_by=by,
            origin=origin,
        )
        .returning(V.id)
    )
    version_id = int(tx.execute(statement).scalar_one())
    tx.execute(sa.update(S).where(S.id == sequence_id).values(current_id=version_id))
    return version_id, number


def save_draft(
    tx: Transaction,
    sequence_id: int,
    document: Mapping[str, Any] | None,
    revision: int,
    by: str,
    now: datetime,
) -> bool:
    """Save a draft over the one read with `revision`; False when somebody saved meanwhile."""
    written = tx.execute(
        sa.update(S)
        .where(S.id == sequence_id, S.draft_revision == revision)
        .values(
            draft=sa.null() if document is None else document,
            draft_revision=revision + 1,
            draft_at=now,
            draft_by=by,
        )
    ).rowcount
    return written == 1


def set_paused(tx: Transaction, sequence_id: int, paused_at: datetime | None, reason: str) -> None:
    """Pause a sequence, or let it go on."""
    tx.execute(
        sa.update(S).where(S.id == sequence_id).values(paused_at=paused_at, pause_reason=reason)
    )


def store_email(
    tx: Transaction, name: str, language: str, digest: str, compiled: Mapping[str, Any],
    now: datetime,
) -> int:  # fmt: skip
    """Return the id of a compiled email, storing it where its digest is new."""
    t = tables.Email
    found = tx.execute(sa.select(t.id).where(t.digest == digest)).scalar()
    if found is not None:
        return int(found)
    statement = (
        sa.insert(t)
        .values(name=name, language=language, digest=digest, compiled=compiled, compiled_at=now)
        .returning(t.id)
    )
    return int(tx.execute(statement).scalar_one())


def attach_emails(tx: Transaction, version_id: int, emails: Sequence[tuple[str, str, int]]) -> None:
    """Say which email each (step, language) of a version sends."""
    bulk.insert(
        tx,
        tables.VersionEmail,
        [
            {"version_id": version_id, "step": step, "language": language, "email_id": email_id}
            for step, language, email_id in emails
        ],
    )


def emails_of(tx: Transaction, version_id: int) -> dict[tuple[str, str], int]:
    """Return the email of every (step, language) of a version."""
    t = tables.VersionEmail
    rows = tx.execute(sa.select(t.step, t.language, t.email_id).where(t.version_id == version_id))
    return {(row.step, row.language): row.email_id for row in rows}


def compiled_email(tx: Transaction, email_id: int) -> dict[str, Any] | None:
    """Return a compiled email as it was stored, or None."""
    t = tables.Email
    return tx.execute(sa.select(t.compiled).where(t.id == email_id)).scalar()


def link_tables(tx: Transaction) -> dict[int, list[Any]]:
    """Return the links of every compiled email, for the redirect to keep in memory."""
    t = tables.Email
    rows = tx.execute(sa.select(t.id, t.compiled["links"]))
    return {row[0]: row[1] for row in rows}
