"""One contact: who they are, and the rows that tell what was decided and sent, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa

from nurture.domain.consent import Act
from nurture.store import consents, tables
from nurture.store.database import Transaction
from nurture.store.reports import name_of

C, D, T = tables.Contact, tables.Decision, tables.Send


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a contact is, as they were imported or signed up.

    `asked` are the topics that wait for the mailbox to confirm them, with when it was asked.
    """

    id: int
    email: str
    name: str
    language: str
    timezone: str
    source: str
    fields: Mapping[str, Any]
    tags: tuple[str, ...]
    consents: Mapping[str, bool]
    address_key: str
    created_at: datetime
    asked: Mapping[str, datetime]


def profile(tx: Transaction, contact_id: int) -> Profile | None:
    """Return who a contact is, or None; nobody knows who somebody erased was."""
    row = tx.execute(
        sa.select(
            C.id, C.email, C.language, C.timezone, C.source, C.fields, C.tags, C.consents,
            C.address_key, C.created_at,
        ).where(C.id == contact_id, C.erased_at.is_(None))
    ).first()  # fmt: skip
    if row is None:
        return None
    return Profile(
        id=row.id,
        email=row.email,
        name=name_of(row.fields, row.language),
        language=row.language,
        timezone=row.timezone,
        source=row.source,
        fields=row.fields,
        tags=tuple(row.tags),
        consents=row.consents,
        address_key=row.address_key,
        created_at=row.created_at,
        asked=consents.waiting(consents.log(tx, contact_id)),
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """One line of the log of decisions; `decided` is as `nurture.engine.trail` wrote it."""

    id: int
    enrollment_id: int | None
    at: datetime
    cause: str
    event_id: int | None
    send_id: int | None
    decided: tuple[Mapping[str, Any], ...]


def decisions(
    tx: Transaction, contact_id: int, *, until: datetime, before: int | None, limit: int
) -> list[Decided]:
    """Return the newest decisions for a contact up to `until`, the newest first."""
    statement = sa.select(
        D.id, D.enrollment_id, D.at, D.cause, D.event_id, D.send_id, D.decided
    ).where(D.contact_id == contact_id, D.at <= until)
    if before is not None:
        statement = statement.where(D.id < before)
    rows = tx.execute(statement.order_by(D.id.desc()).limit(limit))
    return [
        Decided(
            row.id, row.enrollment_id, row.at, row.cause, row.event_id, row.send_id,
            tuple(row.decided),
        )
        for row in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """One send as it stands."""

    id: int
    enrollment_id: int
    step: str
    pass_no: int
    content: str
    email_id: int | None
    status: str
    reason: str
    created_at: datetime
    not_before: datetime | None
    settled_at: datetime | None
    delivered_at: datetime | None
    bounced_at: datetime | None
    complained_at: datetime | None
    attempts: int
    code: int
    detail: str


_SENT = (
    T.id, T.enrollment_id, T.step, T.pass_no, T.content, T.email_id, T.status, T.reason,
    T.created_at, T.not_before, T.settled_at, T.delivered_at, T.bounced_at, T.complained_at,
    T.attempts, T.code, T.detail,
)  # fmt: skip


def sends(tx: Transaction, contact_id: int, *, until: datetime, limit: int) -> list[Sent]:
    """Return the newest sends to a contact made up to `until`, the newest first."""
    statement = sa.select(*_SENT).where(T.contact_id == contact_id, T.created_at <= until)
    rows = tx.execute(statement.order_by(T.id.desc()).limit(limit))
    return [Sent(*cast(tuple[Any, ...], row)) for row in rows]


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a contact, live or over, by its row's keys."""

    id: int
    sequence: str
    version_id: int
    version: int
    state: str
    entered_at: datetime
    ended_at: datetime | None
    end_reason: str
    frozen: bool
    properties: Mapping[str, Any]


def runs(tx: Transaction, contact_id: int) -> list[Ran]:
    """Return every run of a contact, the newest first."""
    e, s, v = tables.Enrollment, tables.Sequence, tables.SequenceVersion
    rows = tx.execute(
        sa.select(
            e.id, s.key, e.version_id, v.number, e.state, e.entered_at, e.ended_at, e.end_reason,
            e.frozen_at.is_not(None), e.properties,
        )
        .join(s, s.id == e.sequence_id)
        .join(v, v.id == e.version_id)
        .where(e.contact_id == contact_id)
        .order_by(e.id.desc())
    )  # fmt: skip
    return [Ran(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Said:
    """The last line of the log of consent on one topic: since when, where it was said, by whom."""

    topic: str
    act: Act
    at: datetime
    source: str
    by: str


def said(tx: Transaction, contact_id: int, until: datetime) -> dict[str, Said]:
    """Return what a contact said last on each topic up to `until`."""
    t = tables.Consent
    rows = tx.execute(
        sa.select(t.topic, t.granted, t.asked, t.at, t.source, t.by)
        .where(t.contact_id == contact_id, t.at <= until)
        .order_by(t.id)
    )
    return {
        topic: Said(topic, consents.act(granted, asked), at, source, by)
        for topic, granted, asked, at, source, by in rows
    }


@dataclass(frozen=True, slots=True)
class Barred:
    """A suppression of a contact's address that stands."""

    id: int
    scope: str
    reason: str
    source: str
    detail: str
    at: datetime


def suppressions(tx: Transaction, address_key: str) -> list[Barred]:
    """Return the suppressions of an address that stand, the newest first."""
    t = tables.Suppression
    statement = (
        sa.select(t.id, t.scope, t.reason, t.source, t.detail, t.at)
        .where(t.address_key == address_key, t.lifted_at.is_(None))
        .order_by(t.id.desc())
    )
    return [Barred(*row) for row in tx.execute(statement)]


def engaged(tx: Transaction, send_ids: list[int]) -> dict[int, frozenset[str]]:
    """Return which of opens and clicks by people each send brought."""
    t = tables.Event
    found: dict[int, set[str]] = {}
    statement = sa.select(t.send_id, t.name).where(
        t.send_id.in_(send_ids), t.verdict == "human", t.name.in_(("open", "click"))
    )
    for send_id, name in tx.execute(statement):
        if send_id is not None:
            found.setdefault(send_id, set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}


def subjects(tx: Transaction, email_ids: set[int]) -> dict[int, tuple[str, str, str]]:
    """Return (name, template of the subject, language) of emails without reading their bodies."""
    t = tables.Email
    rows = tx.execute(
        sa.select(t.id, t.name, t.compiled["subject"].as_string(), t.language).where(
            t.id.in_(email_ids)
        )
    )
    return {row[0]: (row[1], row[2] or "", row[3]) for row in rows}


def subjects_by_name(tx: Transaction, names: set[str]) -> list[tuple[str, str, str]]:
    """Return (name, template of the subject, language) of these emails, the newest last."""
    t = tables.Email
    if not names:
        return []
    rows = tx.execute(
        sa.select(t.name, t.compiled["subject"].as_string(), t.language)
        .where(t.name.in_(names))
        .order_by(t.id)
    )
    return [(row[0], row[1] or "", row[2]) for row in rows]


def stages_taken(tx: Transaction, contact_id: int, track: str) -> list[tuple[str, str, datetime]]:
    """Return (from, to, when) of every change of stage that took place, oldest first."""
    t = tables.StageChange
    statement = sa.select(t.start, t.to, t.at).where(
        t.contact_id == contact_id, t.track == track, t.refused == ""
    )
    rows = tx.execute(statement.order_by(t.id)).all()
    return [(start, to, at) for start, to, at in rows]
