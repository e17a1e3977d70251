"""Where what is published came from: the file, or somebody in the admin."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

S, V = tables.Sequence, tables.SequenceVersion
FILE, ADMIN = "file", "admin"
# The states of a send that may still leave.
_OPEN = ("queued", "claimed", "held")


@dataclass(frozen=True, slots=True)
class Origin:
    """A sequence as it is published: `document`, and `file`, what was last applied from a file.

    `seen` is what the file said when somebody chose the admin's version over it, if they did.
    `emails` are (step, language, digest) of the current version.
    """

    number: int
    document: Mapping[str, Any] | None
    from_file: bool
    file: Mapping[str, Any] | None
    retired: bool
    emails: frozenset[tuple[str, str, str]]
    seen: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Live:
    """The live runs of a sequence, as what they are.

    Those under way are counted by `steps` and by `versions`. `exhausted` ones stand in front of no
    step and follow what is published; `trials` walk a draft.
    """

    steps: Counter[str] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    exhausted: int = 0
    trials: int = 0


def sequences(tx: Transaction) -> dict[str, Origin]:
    """Return every sequence that was ever published, by key."""
    emails = _emails(tx)
    files = _last_files(tx)
    rows = tx.execute(
        sa.select(S.id, S.key, S.retired_at, V.id, V.number, V.document, V.origin, S.file)
        .join(V, V.id == S.current_id)
        .order_by(S.key)
    )
    return {
        key: Origin(
            number, document, origin == FILE, files.get(sequence_id), retired_at is not None,
            frozenset(emails.get(version_id, ())), seen,
        )
        for sequence_id, key, retired_at, version_id, number, document, origin, seen in rows
    }  # fmt: skip


def _last_files(tx: Transaction) -> dict[int, Mapping[str, Any]]:
    latest = (
        sa.select(sa.func.max(V.number))
        .where(V.sequence_id == S.id, V.origin == FILE, V.trial.is_(False))
        .correlate(S)
        .scalar_subquery()
    )
    rows = tx.execute(
        sa.select(S.id, V.document).join(V, sa.and_(V.sequence_id == S.id, V.number == latest))
    )
    return {sequence_id: document for sequence_id, document in rows}  # noqa: C416 - rows to mypy


def _emails(tx: Transaction) -> dict[int, list[tuple[str, str, str]]]:
    t, m = tables.VersionEmail, tables.Email
    found: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
    rows = tx.execute(
        sa.select(t.version_id, t.step, t.language, m.digest)
        .join(m, m.id == t.email_id)
        .join(S, S.current_id == t.version_id)
    )
    for version_id, step, language, digest in rows:
        found[version_id].append((step, language, digest))
    return found


def live_counts(tx: Transaction) -> dict[str, Live]:
    """Return who lives in each sequence that anybody is in, by key."""
    e = tables.Enrollment
    found: dict[str, Live] = defaultdict(Live)
    exhausted = sa.case((e.state == "exhausted", 1), else_=0)
    rows = tx.execute(
        sa.select(S.key, V.number, V.trial, exhausted, e.step, sa.func.count())
        .select_from(e)
        .join(S, S.id == e.sequence_id)
        .join(V, V.id == e.version_id)
        .where(e.ended_at.is_(None))
        .group_by(S.key, V.number, V.trial, exhausted, e.step)
    )
    for key, number, trial, waits, step, count in rows:
        live = found[key]
        if trial:
            live.trials += count
        elif waits:
            live.exhausted += count
        else:
            live.steps[step] += count
            live.versions[number] += count
    return found


def compiled_emails(tx: Transaction, digests: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Return compiled emails as they are stored, by digest."""
    t = tables.Email
    statement = sa.select(t.digest, t.compiled).where(bulk.among(tx, t.digest, sorted(digests)))
    return {digest: compiled for digest, compiled in tx.execute(statement)}  # noqa: C416 - to mypy


def to_come(
    tx: Transaction, steps: Mapping[str, Collection[str]], otherwise: str
) -> dict[tuple[str, str], Counter[str]]:
    """Return how many live runs have not been sent the emails of `steps`, by (sequence, step).

    They are told apart by the language in which they are written to, which is `otherwise` for a
    contact whose own is not among those of the email. A run whose version has no such email, one
    that is exhausted and one of a trial are not counted.
    """
    e, t, m, c = tables.Enrollment, tables.Send, tables.VersionEmail, tables.Contact
    found: dict[tuple[str, str], Counter[str]] = {}
    for key, wanted in steps.items():
        known = (
            sa.select(m.version_id, m.step)
            .join(V, V.id == m.version_id)
            .join(S, S.id == V.sequence_id)
            .where(S.key == key, V.trial.is_(False), m.step.in_(sorted(wanted)))
            .distinct()
            .subquery()
        )
        settled = sa.exists().where(
            t.enrollment_id == e.id, t.step == known.c.step, t.status.not_in(_OPEN)
        )
        rows = tx.execute(
            sa.select(known.c.step, m.language, sa.func.count())
            .select_from(e)
            .join(known, known.c.version_id == e.version_id)
            .join(c, c.id == e.contact_id)
            .outerjoin(
                m,
                sa.and_(
                    m.version_id == e.version_id,
                    m.step == known.c.step,
                    m.language == c.language,
                ),
            )
            .where(e.ended_at.is_(None), e.state != "exhausted", ~settled)
            .group_by(known.c.step, m.language)
        )
        for step, word, count in rows:
            found.setdefault((key, step), Counter())[word or otherwise] += count
    return found


def funnel_document(tx: Transaction) -> Mapping[str, Any] | None:
    """Return the document of the funnel that is published, None before the first."""
    t = tables.FunnelVersion
    return tx.execute(sa.select(t.document).order_by(t.number.desc()).limit(1)).scalar()


def retire(tx: Transaction, key: str, now: datetime | None) -> None:
    """Let a sequence take nobody any more, or (None) take contacts again.

    The runs that are under way go on to their ends.
    """
    statement = sa.update(S).where(S.key == key)
    if now is None:
        statement = statement.where(S.retired_at.is_not(None))
    tx.execute(statement.values(retired_at=now))


def caught_up(tx: Transaction, key: str) -> None:
    """Say that the file holds what is published, whoever published it."""
    current = sa.select(S.current_id).where(S.key == key).scalar_subquery()
    tx.execute(sa.update(V).where(V.id == current, V.origin != FILE).values(origin=FILE))
    set_seen(tx, key, None)


def set_seen(tx: Transaction, key: str, document: Mapping[str, Any] | None) -> None:
    """Remember what the file says over which the admin's version was chosen; None forgets it."""
    if document is None:
        forgotten = sa.update(S).where(S.key == key, S.file.is_not(None))
        tx.execute(forgotten.values(file=sa.null()))
    else:
        tx.execute(sa.update(S).where(S.key == key).values(file=dict(document)))
