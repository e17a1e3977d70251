"""Sends as rows: opened, claimed, settled; each transition a conditional update."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from nurture.domain.enrollment import Enrollment, Send
from nurture.store import bulk, gone, tables
from nurture.store.database import Transaction
from nurture.store.runs import Run
from nurture.store.send_states import CLAIMED, QUEUED
from nurture.store.trials import is_counted
from nurture.store.types import Instant, Key

T = tables.Send
UNSTARTED = ("queued", "held")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A send that is ours to hand over, or to refuse."""

    id: int
    enrollment_id: int
    contact_id: int
    sequence_id: int
    version_id: int
    step: str
    pass_no: int
    content: str
    topic: str
    email_id: int | None
    attempts: int
    created_at: datetime


_CLAIMED = (
    T.id, T.enrollment_id, T.contact_id, T.sequence_id, T.version_id, T.step, T.pass_no,
    T.content, T.topic, T.email_id, T.attempts, T.created_at,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opening:
    """A send to be made: what `Send` decided, with the keys of the rows it belongs to."""

    enrollment_id: int
    contact_id: int
    sequence_id: int
    version_id: int
    step: str
    pass_no: int
    content: str
    topic: str

    @classmethod
    def of(cls, run: Run, after: Enrollment, send: Send) -> "Opening":
        """Return the send that was decided for `run`, which is `after` by then."""
        return cls(
            after.id, after.contact_id, run.sequence_id, run.version_id, send.step, send.pass_no,
            send.template, send.topic,
        )  # fmt: skip


def open_sends(tx: Transaction, openings: Sequence[Opening], batch_id: int, now: datetime) -> None:
    """Put the sends into the queue of `batch_id`, each once for its enrollment, step and pass.

    One that was held goes back to the queue under its old row; one that exists in any other
    state is left alone, which is what keeps a step from being mailed twice.
    """
    keys = [
        {"enrollment_id": one.enrollment_id, "step": one.step, "pass_no": one.pass_no}
        for one in openings
    ]
    held = _held(tx, keys)
    if held:
        tx.execute(
            sa.update(T)
            .where(bulk.among(tx, T.id, held), T.status == "held")
            .values(status="queued", batch_id=batch_id, not_before=None, reason="")
        )
    bulk.insert(
        tx,
        T,
        [
            {
                **key,
                "contact_id": one.contact_id,
                "sequence_id": one.sequence_id,
                "version_id": one.version_id,
                "content": one.content,
                "topic": one.topic,
                "batch_id": batch_id,
                "status": "queued",
                "reason": "",
                "created_at": now,
                "attempts": 0,
                "claimed_by": "",
                "provider": "",
                "provider_message_id": "",
                "code": 0,
                "detail": "",
            }
            for key, one in zip(keys, openings, strict=True)
        ],
        ignore_conflicts=True,
    )


def _held(tx: Transaction, keys: Sequence[Mapping[str, Any]]) -> list[int]:
    ids = bulk.listed(tx, sorted({key["enrollment_id"] for key in keys}))
    rows = tx.execute(_select_held(tx.dialect.name), {"ids": ids}).all()
    wanted = {(key["enrollment_id"], key["step"], key["pass_no"]) for key in keys}
    return [row.id for row in rows if (row.enrollment_id, row.step, row.pass_no) in wanted]


@cache
def _select_held(dialect: str) -> sa.Select[int, int, str, int]:
    return sa.select(T.id, T.enrollment_id, T.step, T.pass_no).where(
        bulk.among_named(dialect, T.enrollment_id, "ids"), T.status == "held"
    )


def claim(tx: Transaction, batch_id: int, worker: str, now: datetime, limit: int) -> list[Claimed]:
    """Take up to `limit` queued sends of a batch for `worker`; nobody else gets them."""
    given = {"batch": batch_id, "worker": worker, "now": now, "limit": limit}
    statement = _claiming(tx.dialect.name)
    return sorted(
        (Claimed(*cast(tuple[Any, ...], row)) for row in tx.execute(statement, given).all()),
        key=lambda one: one.id,
    )


_PAUSED = sa.select(tables.Sequence.id).where(tables.Sequence.paused_at.is_not(None))
_NOW = sa.bindparam("now", type_=Instant)
#: Sends whose sequence stands still wait for a person. A trial of the draft that mends a paused
#: sequence does not stand still with it.
IS_UNDER_WAY = sa.or_(T.sequence_id.not_in(_PAUSED), ~is_counted(T.version_id))
#: The ids of a batch's sends that may be claimed; executed with `batch`, `now` and `limit`.
SELECT_FREE = (
    sa.select(T.id)
    .where(
        T.batch_id == sa.bindparam("batch", type_=Key),
        QUEUED,
        sa.or_(T.not_before.is_(None), T.not_before <= _NOW),
        IS_UNDER_WAY,
    )
    .order_by(T.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
# A CTE is run once. PostgreSQL may run a subquery again for each row of the outer table, and
# since it passes over rows that are locked by then, that takes more than the limit.
_FREE = SELECT_FREE.with_for_update(skip_locked=True).cte("free")


@cache
def _claiming(dialect: str) -> sa.UpdateBase:
    """Return the statement of `claim`. What is free stays so: it is locked, by us."""
    free = sa.select(_FREE.c.id)
    if dialect == "postgresql":
        # By the key, row by row, whatever the server believes about how many are free.
        is_free = T.id == sa.any_(sa.func.array(free.scalar_subquery(), type_=ARRAY(Key)))
    else:
        is_free = T.id.in_(free)
    return (
        sa.update(T)
        .where(is_free)
        .values(
            status="claimed",
            claimed_by=sa.bindparam("worker", type_=sa.String),
            claimed_at=_NOW,
            attempts=T.attempts + 1,
        )
        .returning(*_CLAIMED)
    )


def settle(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
    """Write what became of claimed sends; rows hold id, claimed_by and the columns to set.

    Only a send that is still claimed by the same worker is written, so that a worker believed
    dead cannot overwrite what the reconciler has settled meanwhile. Returns how many were.
    """
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    written = sum(
        bulk.update(tx, T, sorted(group, key=lambda row: row["id"]), match=("id", "claimed_by"))
        for group in groups.values()
    )
    told = [row["id"] for row in rows if row.get("detail") or row["status"] == "failed"]
    gone.quiet_sends(tx, told)
    return written


@dataclass(frozen=True, slots=True)
class Left:
    """Why a run has left a send behind, and the (step, pass) of the send it wants now, if any."""

    reason: str
    keeps: tuple[str, int] | None = None


def cancel_unstarted(tx: Transaction, left: Mapping[int, Left], now: datetime) -> None:
    """Cancel the sends that no worker has taken of enrollments (by id) that were left."""
    if not left:
        return
    found = tx.execute(
        sa.select(T.id, T.enrollment_id, T.step, T.pass_no).where(
            bulk.among(tx, T.enrollment_id, left), T.status.in_(UNSTARTED)
        )
    )
    for row in found.all():
        one = left[row.enrollment_id]
        if one.keeps == (row.step, row.pass_no):
            continue
        tx.execute(
            sa.update(T)
            .where(T.id == row.id, T.status.in_(UNSTARTED))
            .values(status="cancelled", reason=one.reason, settled_at=now)
        )


def claimed_sends(tx: Transaction, worker: str) -> list[Claimed]:
    """Return the sends that a worker has claimed and not settled."""
    statement = sa.select(*_CLAIMED).where(CLAIMED, T.claimed_by == worker)
    rows = tx.execute(statement.order_by(T.id).with_for_update())
    return [Claimed(*cast(tuple[Any, ...], row)) for row in rows]


def uncertain_send(tx: Transaction, send_id: int) -> Claimed | None:
    """Return a send if nobody knows whether it arrived."""
    statement = sa.select(*_CLAIMED).where(T.id == send_id, T.status == "uncertain")
    row = tx.execute(statement.with_for_update()).first()
    return None if row is None else Claimed(*cast(tuple[Any, ...], row))


def reclaim(tx: Transaction, send_id: int, worker: str) -> None:
    """Take an uncertain send in hand, to be settled in the same transaction."""
    tx.execute(
        sa.update(T)
        .where(T.id == send_id, T.status == "uncertain")
        .values(status="claimed", claimed_by=worker)
    )


def close_uncertain(tx: Transaction, send_id: int, reason: str, now: datetime) -> None:
    """Settle an uncertain send as one that did not arrive."""
    tx.execute(
        sa.update(T)
        .where(T.id == send_id, T.status == "uncertain")
        .values(status="failed", reason=reason, settled_at=now)
    )


def back_to_queue(tx: Transaction, ids: Sequence[int], worker: str) -> list[int]:
    """Put claimed sends that were never started back; return the batch of each one."""
    if not ids:
        return []
    statement = (
        sa.update(T)
        .where(bulk.among(tx, T.id, ids), T.status == "claimed", T.claimed_by == worker)
        .values(status="queued", claimed_by="", claimed_at=None)
        .returning(T.batch_id)
    )
    return [batch for batch in tx.execute(statement).scalars() if batch is not None]


def put_back(tx: Transaction, ids: Sequence[int], not_before: datetime) -> None:
    """Put sends back that were claimed in this very transaction: the claim counts for nothing."""
    if not ids:
        return
    tx.execute(
        sa.update(T)
        .where(bulk.among(tx, T.id, ids), T.status == "claimed")
        .values(
            status="queued", claimed_by="", claimed_at=None, not_before=not_before,
            attempts=T.attempts - 1,
        )
    )  # fmt: skip


def in_flight(tx: Transaction, contact_ids: Iterable[int]) -> list[tuple[int, int, str]]:
    """Return (send, contact, content) of what may be reaching these contacts at this moment."""
    wanted = bulk.listed(tx, sorted(set(contact_ids)))
    rows = tx.execute(_select_in_flight(tx.dialect.name), {"ids": wanted}).all()
    return [(send_id, contact_id, content) for send_id, contact_id, content in rows]


@cache
def _select_in_flight(dialect: str) -> sa.Select[int, int, str]:
    return sa.select(T.id, T.contact_id, T.content).where(
        bulk.among_named(dialect, T.contact_id, "ids"), T.status.in_(("claimed", "uncertain"))
    )
