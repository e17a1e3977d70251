"""What the guards look at: how much was sent, and how it was taken."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.send_states import CLAIMED
from nurture.store.trials import is_counted
from nurture.store.types import Instant

M, S, V = tables.Send, tables.Sequence, tables.SequenceVersion

# What went out, or may have.
OUT = ("claimed", "accepted", "uncertain")
HARD = "hard bounce"


def mailed_since(
    tx: Transaction, contact_ids: Iterable[int], since: datetime, but: Iterable[int]
) -> dict[int, int]:
    """Return how many emails went out to each contact since then, without the sends in `but`.

    Trials of drafts count for nothing.
    """
    given = {
        "ids": bulk.listed(tx, sorted(set(contact_ids))),
        "but": bulk.listed(tx, sorted(but)),
        "since": since,
    }
    rows = tx.execute(_select_mailed(tx.dialect.name), given)
    return {key: count for key, count in rows}  # noqa: C416 - rows are not pairs to mypy


@cache
def _select_mailed(dialect: str) -> sa.Select[int, int]:
    return (
        sa.select(M.contact_id, sa.func.count())
        .where(
            bulk.among_named(dialect, M.contact_id, "ids"),
            M.claimed_at >= sa.bindparam("since", type_=Instant),
            M.status.in_(OUT),
            ~bulk.among_named(dialect, M.id, "but"),
            is_counted(M.version_id),
        )
        .group_by(M.contact_id)
    )


def take_turn(tx: Transaction) -> None:
    """Wait until no other claim is under way, and keep others waiting till this one commits.

    What two claims at once count, neither of them sees of the other. A counter for the day would
    lock its row for just as long, and would have to be put right after every death and refusal.
    """
    f = tables.FunnelVersion
    newest = sa.select(sa.func.max(f.id)).scalar_subquery()
    tx.execute(sa.select(f.id).where(f.id == newest).with_for_update(key_share=True)).all()


def sent_since(tx: Transaction, since: datetime, but: Iterable[int]) -> int:
    """Return how many emails went out in all since then, or may have, without those in `but`.

    What a worker has in hand counts as sent.
    """
    # Sequence by sequence, because that is how the index of what was settled is ordered; as a
    # join SQLite would read all sends there are.
    of_one = sa.select(sa.func.count()).where(
        M.sequence_id == S.id, M.settled_at >= since, M.status.in_(("accepted", "uncertain"))
    )
    settled = sa.select(sa.func.coalesce(sa.func.sum(of_one.scalar_subquery()), 0)).select_from(S)
    in_hand = sa.select(sa.func.count()).where(CLAIMED, ~bulk.among(tx, M.id, sorted(but)))
    # One statement, which sees one moment: a send that is settled between two of them would be
    # counted by neither.
    both = settled.scalar_subquery() + in_hand.scalar_subquery()
    return int(tx.execute(sa.select(both)).scalar_one())


@dataclass(frozen=True, slots=True)
class Watched:
    """A published sequence that runs, and since when a person lets it."""

    sequence_id: int
    key: str
    resumed_at: datetime | None


def watched(tx: Transaction) -> list[Watched]:
    """Return the sequences that are not paused."""
    a = tables.Audit
    resumed = (
        sa.select(a.subject, sa.func.max(a.id).label("last"))
        .where(a.what == "resume")
        .group_by(a.subject)
        .subquery()
    )
    rows = tx.execute(
        sa.select(S.id, S.key, a.at)
        .join(resumed, resumed.c.subject == S.key, isouter=True)
        .join(a, a.id == resumed.c.last, isouter=True)
        .where(S.current_id.is_not(None), S.paused_at.is_(None))
        .order_by(S.id)
    )
    return [Watched(*row) for row in rows]


def latest(
    tx: Transaction, sequence_id: int, since: datetime | None, limit: int
) -> tuple[int, int, int]:
    """Return (sends, complaints, hard bounces) among the latest sends that reached an answer."""
    some = (
        sa.select(M.bounced_at, M.reason, M.complained_at)
        .join(V, V.id == M.version_id)
        .where(
            M.sequence_id == sequence_id,
            M.settled_at.is_not(None),
            M.status.in_(("accepted", "refused")),
            V.trial.is_(False),
        )
        .order_by(M.settled_at.desc())
        .limit(limit)
    )
    if since is not None:
        some = some.where(M.settled_at > since)
    one = some.subquery()
    is_hard = sa.and_(one.c.bounced_at.is_not(None), one.c.reason == HARD)
    counted = sa.select(
        sa.func.count(),
        sa.func.count(one.c.complained_at),
        sa.func.count(sa.case((is_hard, 1))),
    ).select_from(one)
    sent, complaints, bounces = tx.execute(counted).one()
    return sent, complaints, bounces


def sent_between(tx: Transaction, sequence_id: int, start: datetime, end: datetime) -> int:
    """Return how many emails of a sequence were accepted from `start` up to `end`."""
    statement = sa.select(sa.func.count()).where(
        M.sequence_id == sequence_id,
        M.settled_at >= start,
        M.settled_at < end,
        M.status == "accepted",
    )
    return tx.execute(statement).scalar_one()


def first_sent(tx: Transaction, sequence_id: int) -> datetime | None:
    """Return when the first email of a sequence was settled."""
    statement = (
        sa.select(M.settled_at)
        .where(M.sequence_id == sequence_id, M.settled_at.is_not(None))
        .order_by(M.settled_at)
        .limit(1)
    )
    return tx.execute(statement).scalar()
