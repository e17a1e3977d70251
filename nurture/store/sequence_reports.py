"""What the pages about sequences show: read-only, counted by the database."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.trials import is_counted

S, V, E, T = tables.Sequence, tables.SequenceVersion, tables.Enrollment, tables.Send


@dataclass(frozen=True, slots=True)
class Listed:
    """One sequence: what is published of it, what is being written, whether it is paused."""

    id: int
    key: str
    draft: Mapping[str, Any] | None
    draft_at: datetime | None
    draft_by: str
    paused_at: datetime | None
    pause_reason: str
    version_id: int | None
    number: int
    document: Mapping[str, Any] | None
    published_at: datetime | None
    published_by: str

    @property
    def shown(self) -> Mapping[str, Any]:
        """The document that says what this sequence is: the published one, else the draft."""
        return self.document or self.draft or {}


@dataclass(frozen=True, slots=True)
class Reading:
    """How sends were met. Raw counts every trace; a person is who the verdict says is one.

    `measurable` are the accepted sends whose opening could be seen: where only machines fetched
    the pixel, nobody knows whether a person read.
    """

    accepted: int = 0
    opened: int = 0
    opened_raw: int = 0
    clicked: int = 0
    clicked_raw: int = 0
    skipped: int = 0
    bounced: int = 0
    waiting: int = 0

    @property
    def measurable(self) -> int:
        """The denominator of the open rate."""
        return max(self.accepted - max(self.opened_raw - self.opened, 0), 0)

    @property
    def open_rate(self) -> float | None:
        """Persons who opened, of those who could be seen; None when there are none."""
        return min(self.opened / self.measurable, 1.0) if self.measurable else None

    @property
    def click_rate(self) -> float | None:
        """Persons who clicked, of all who got the email; None when there are none."""
        return self.clicked / self.accepted if self.accepted else None


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One published version, how many contacts are in it, and how many of them are exhausted."""

    number: int
    published_at: datetime
    published_by: str
    live: int
    exhausted: int

    @property
    def under_way(self) -> int:
        """How many of them have steps before them, and walk those of this version."""
        return self.live - self.exhausted


_LISTED = (
    S.id, S.key, S.draft, S.draft_at, S.draft_by, S.paused_at, S.pause_reason, S.current_id,
    sa.func.coalesce(V.number, 0), V.document, V.published_at,
    sa.func.coalesce(V.published_by, ""),
)  # fmt: skip


def sequences(tx: Transaction, key: str | None = None) -> list[Listed]:
    """Return every sequence by key, or the one called `key`."""
    there = sa.or_(S.current_id.is_not(None), S.draft.is_not(None))
    statement = sa.select(*_LISTED).outerjoin(V, V.id == S.current_id).where(there).order_by(S.key)
    if key is not None:
        statement = statement.where(S.key == key)
    return [Listed(*row) for row in tx.execute(statement)]


def live_counts(tx: Transaction) -> dict[int, int]:
    """Return how many contacts are under way in each sequence, by its id."""
    statement = (
        sa.select(E.sequence_id, sa.func.count())
        .where(E.ended_at.is_(None), is_counted(E.version_id))
        .group_by(E.sequence_id)
    )
    return {row[0]: row[1] for row in tx.execute(statement)}


def reading(tx: Transaction, since: datetime) -> dict[int, Reading]:
    """Return how what was sent since then was met, by sequence id."""
    counted = is_counted(T.version_id)
    found = _reading(tx, (T.sequence_id,), sa.and_(T.settled_at >= since, counted))
    return {key[0]: one for key, one in found.items()}


def step_reading(tx: Transaction, sequence_id: int) -> dict[str, Reading]:
    """Return how each step's sends were met ever since, all versions together, by step key."""
    counted = is_counted(T.version_id)
    found = _reading(tx, (T.step,), sa.and_(T.sequence_id == sequence_id, counted))
    return {key[0]: one for key, one in found.items()}


def _reading(
    tx: Transaction, by: tuple[Any, ...], where: sa.ColumnElement[bool]
) -> dict[tuple[Any, ...], Reading]:
    taken = T.status == "accepted"
    statement = sa.select(
        *by,
        _count(taken),
        _count(T.status == "skipped"),
        _count(T.bounced_at.is_not(None)),
        _count(T.status.in_(("queued", "claimed", "held"))),
    )
    wide = len(by)
    counts: dict[tuple[Any, ...], dict[str, int]] = {}
    for row in tx.execute(statement.where(where).group_by(*by)):
        names = ("accepted", "skipped", "bounced", "waiting")
        counts[tuple(row[:wide])] = dict(zip(names, row[wide:], strict=True))
    ev, hit = tables.Event, tables.Hit
    for name, field in (("open", "opened"), ("click", "clicked")):
        human = (
            sa.select(*by, sa.func.count(sa.distinct(T.id)))
            .join(ev, ev.send_id == T.id)
            .where(where, taken, ev.name == name, ev.verdict == "human")
        )
        # A trace is a hit as it came in, or an event that somebody else's pixel told us of.
        raw = sa.or_(
            sa.exists().where(hit.send_id == T.id, hit.kind == name),
            sa.exists().where(ev.send_id == T.id, ev.name == name),
        )
        any_trace = sa.select(*by, sa.func.count()).where(where, taken, raw)
        for query, into in ((human, field), (any_trace, f"{field}_raw")):
            for row in tx.execute(query.group_by(*by)):
                counts[tuple(row[:wide])][into] = row[wide]
    return {key: Reading(**one) for key, one in counts.items()}


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def places(tx: Transaction, sequence_id: int) -> dict[str, dict[str, int]]:
    """Return how many contacts stand at each step in each state now: {step: {state: number}}."""
    statement = (
        sa.select(E.step, E.state, sa.func.count())
        .where(E.sequence_id == sequence_id, E.ended_at.is_(None), is_counted(E.version_id))
        .group_by(E.step, E.state)
    )
    found: dict[str, dict[str, int]] = {}
    for step, state, number in tx.execute(statement):
        found.setdefault(step, {})[state] = number
    return found


def endings(tx: Transaction, sequence_id: int, limit: int = 12) -> list[tuple[str, str, int]]:
    """Return (state, reason, number) of runs that are over, the most frequent first."""
    number = sa.func.count()
    statement = (
        sa.select(E.state, E.end_reason, number)
        .where(E.sequence_id == sequence_id, E.ended_at.is_not(None), is_counted(E.version_id))
        .group_by(E.state, E.end_reason)
        .order_by(number.desc(), E.state, E.end_reason)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in tx.execute(statement)]


def versions(tx: Transaction, sequence_id: int) -> list[VersionLine]:
    """Return the published versions, the newest first, with who is in each."""
    live = (
        sa.select(
            E.version_id,
            sa.func.count().label("live"),
            _count(E.state == "exhausted").label("exhausted"),
        )
        .where(E.sequence_id == sequence_id, E.ended_at.is_(None))
        .group_by(E.version_id)
        .subquery()
    )
    statement = (
        sa.select(
            V.number,
            V.published_at,
            V.published_by,
            sa.func.coalesce(live.c.live, 0),
            sa.func.coalesce(live.c.exhausted, 0),
        )
        .outerjoin(live, live.c.version_id == V.id)
        .where(V.sequence_id == sequence_id, V.trial.is_(sa.false()))
        .order_by(V.number.desc())
    )
    return [VersionLine(*row) for row in tx.execute(statement)]


def documents(tx: Transaction, version_ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """Return the documents of versions by their ids, the older first."""
    statement = sa.select(V.id, V.document).where(V.id.in_(version_ids)).order_by(V.id)
    return {row.id: row.document for row in tx.execute(statement)}


def email_subjects(tx: Transaction, version_id: int) -> dict[str, dict[str, str]]:
    """Return the subjects that a version's email steps send: {step: {language: subject}}."""
    t, m = tables.VersionEmail, tables.Email
    statement = (
        sa.select(t.step, t.language, m.compiled)
        .join(m, m.id == t.email_id)
        .where(t.version_id == version_id)
    )
    found: dict[str, dict[str, str]] = {}
    for step, language, compiled in tx.execute(statement):
        found.setdefault(step, {})[language] = str(compiled.get("subject", ""))
    return found


def arm_counts(tx: Transaction, experiments: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return how many contacts came to each arm, by experiment and arm; from one index alone."""
    if not experiments:
        return {}
    t = tables.Exposure
    statement = (
        sa.select(t.experiment, t.arm, sa.func.count())
        .where(t.experiment.in_(experiments))
        .group_by(t.experiment, t.arm)
    )
    found: dict[str, dict[str, int]] = {}
    for experiment, arm, number in tx.execute(statement):
        found.setdefault(experiment, {})[arm] = number
    return found
