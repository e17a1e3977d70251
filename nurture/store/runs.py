"""Enrollments as rows: opening, finding what is due, saving under compare-and-set."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, assert_never

import sqlalchemy as sa

from nurture.domain import enrollment as e
from nurture.domain.enrollment import Enrollment, State
from nurture.errors import Conflict
from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.types import Instant

NO_GAP = timedelta()


@dataclass(frozen=True, slots=True)
class Run:
    """An enrollment with the keys of its row."""

    enrollment: Enrollment
    sequence_id: int
    version_id: int
    track: str = ""
    frozen: bool = False

    def at(self, enrollment: Enrollment) -> "Run":
        """Return the same run as it is at another moment."""
        return Run(enrollment, self.sequence_id, self.version_id, self.track, self.frozen)


def dump_state(state: State) -> dict[str, Any]:
    """Return what a state holds besides its name and its instants with columns, as JSON."""
    match state:
        case e.Waiting() | e.Exhausted():
            return {}
        case e.Awaiting(since=since):
            return {"since": since.isoformat()}
        case e.Holding(reason=reason, since=begun):
            return {"reason": reason} | ({"since": begun.isoformat()} if begun else {})
        case e.Completed(reason=reason) | e.Exited(reason=reason):
            return {"reason": reason}
        case e.Sending(step, pass_no):
            return {"step": step, "pass": pass_no}
        case e.Moved(to):
            return {"to": to}
        case e.Failed(error):
            return {"error": error}
        case _:
            assert_never(state)


def load_state(
    name: str, data: Mapping[str, Any], wake_at: datetime | None, exhausted_at: datetime | None
) -> State:
    """Return the state that `dump_state` wrote."""
    since = datetime.fromisoformat(data["since"]) if "since" in data else None
    if wake_at is not None:
        if name == "waiting":
            return e.Waiting(wake_at)
        if name == "holding":
            return e.Holding(data["reason"], wake_at, since)
        return e.Awaiting(wake_at, since or wake_at)
    if name == "exhausted" and exhausted_at is not None:
        return e.Exhausted(exhausted_at)
    over: dict[str, State] = {
        "completed": e.Completed(data.get("reason", "")),
        "exited": e.Exited(data.get("reason", "")),
        "moved": e.Moved(data.get("to", "")),
        "failed": e.Failed(data.get("error", "")),
        "sending": e.Sending(data.get("step", ""), data.get("pass", 1)),
    }
    return over[name]


def end_reason(state: State) -> str:
    """Return why a run is over, in one word or the error; empty while it lives."""
    match state:
        case e.Completed(reason) | e.Exited(reason):
            return reason
        case e.Moved(to):
            return to
        case e.Failed(error):
            return error
        case _:
            return ""


T = tables.Enrollment
_COLUMNS = (
    T.id, T.contact_id, T.sequence_id, T.version_id, T.track, T.entry_key, T.state, T.state_data,
    T.step, T.wake_at, T.frozen_at, T.passes, T.accepted, T.properties, T.entered_at, T.revision,
    T.again, T.began_at, T.gap_seconds, T.exhausted_at,
    tables.Sequence.key, tables.SequenceVersion.number,
)  # fmt: skip


_SELECT = (
    sa.select(*_COLUMNS)
    .join(tables.Sequence, tables.Sequence.id == T.sequence_id)
    .join(tables.SequenceVersion, tables.SequenceVersion.id == T.version_id)
)


def _run(row: Sequence[Any]) -> Run:
    # Taken apart at once, because asking a row for each column by its name takes far longer.
    (
        id_, contact_id, sequence_id, version_id, track, entry_key, state, state_data, step,
        wake_at, frozen_at, passes, accepted, properties, entered_at, revision, again,
        began_at, gap_seconds, exhausted_at, key, number,
    ) = row  # fmt: skip
    instants = {name: datetime.fromisoformat(at) for name, at in accepted.items()}
    return Run(
        Enrollment(
            contact_id=contact_id,
            sequence=key,
            version=number,
            state=load_state(state, state_data, wake_at, exhausted_at),
            entered_at=entered_at,
            step=step,
            passes=MappingProxyType(passes),
            accepted=MappingProxyType(instants),
            entry_key=entry_key,
            properties=MappingProxyType(properties),
            id=id_,
            revision=revision,
            again=frozenset(again),
            began=began_at,
            gap=timedelta(seconds=gap_seconds) if gap_seconds else NO_GAP,
        ),
        sequence_id,
        version_id,
        track,
        frozen_at is not None,
    )


_IS_DUE = sa.and_(
    T.wake_at <= sa.bindparam("now", type_=Instant), T.wake_at.is_not(None), T.frozen_at.is_(None)
)
_LIMIT = sa.bindparam("limit", type_=sa.Integer)
# Built once, like the statement of `by_ids`: building takes longer than executing.
_SELECT_DUE = (
    _SELECT.where(_IS_DUE)
    .order_by(T.wake_at, T.id)
    .limit(_LIMIT)
    .with_for_update(of=T, skip_locked=True)
)


def due(
    tx: Transaction, now: datetime, limit: int, *, among: Iterable[int] | None = None
) -> list[Run]:
    """Return up to `limit` runs whose timer has come, the longest due first, locked for us.

    Rows that another scheduler holds are passed over (PostgreSQL); on SQLite the transaction
    itself is the lock. With `among` only runs with these ids are looked at.
    """
    statement = _SELECT_DUE
    if among is not None:
        statement = statement.where(bulk.among(tx, T.id, among))
    return [_run(row) for row in tx.execute(statement, {"now": now, "limit": limit}).all()]


def due_ids(tx: Transaction, now: datetime, limit: int) -> list[int]:
    """Return the ids of the runs that `due` would return, without reading or locking them."""
    statement = sa.select(T.id).where(_IS_DUE).order_by(T.wake_at, T.id).limit(_LIMIT)
    return list(tx.execute(statement, {"now": now, "limit": limit}).scalars())


def count_due(tx: Transaction, now: datetime, ids: Iterable[int]) -> int:
    """Return how many of these runs are due."""
    statement = sa.select(sa.func.count()).where(_IS_DUE, bulk.among(tx, T.id, ids))
    return int(tx.execute(statement, {"now": now}).scalar_one())


def fail(tx: Transaction, run_id: int, error: str, now: datetime) -> int | None:
    """End a live run as failed without reading it; return its contact, None if it was over."""
    state = e.Failed(error)
    statement = (
        sa.update(T)
        .where(T.id == run_id, T.ended_at.is_(None))
        .values(
            state=e.STATE_NAMES[e.Failed],
            state_data=dump_state(state),
            wake_at=None,
            exhausted_at=None,
            ended_at=now,
            end_reason=error[:500],
            revision=T.revision + 1,
        )
        .returning(T.contact_id)
    )
    return tx.execute(statement).scalar_one_or_none()


def by_ids(tx: Transaction, ids: Iterable[int], *, lock: bool = False) -> dict[int, Run]:
    """Return the runs with these ids, by id."""
    statement = _select_by_ids(tx.dialect.name, lock=lock)
    rows = tx.execute(statement, {"ids": bulk.listed(tx, ids)}).all()
    return {row[0]: _run(row) for row in rows}


@cache
def _select_by_ids(dialect: str, *, lock: bool) -> sa.Select[Any]:
    statement = _SELECT.where(bulk.among_named(dialect, T.id, "ids")).order_by(T.id)
    return statement.with_for_update(of=T) if lock else statement


def live_of(tx: Transaction, contact_ids: Iterable[int]) -> list[Run]:
    """Return the live runs of these contacts."""
    statement = _SELECT.where(bulk.among(tx, T.contact_id, contact_ids), T.ended_at.is_(None))
    return [_run(row) for row in tx.execute(statement.order_by(T.id))]


def live_ids(tx: Transaction, contact_ids: Iterable[int]) -> list[int]:
    """Return the ids of the live runs of these contacts, without reading anything else of them."""
    statement = sa.select(T.id).where(bulk.among(tx, T.contact_id, contact_ids))
    return list(tx.execute(statement.where(T.ended_at.is_(None)).order_by(T.id)).scalars())


def open_runs(tx: Transaction, runs: Sequence[Run], *, frozen: frozenset[int]) -> list[int]:
    """Insert new runs; return for each its id, or 0 where a live one stood in the way.

    `frozen` are the ids of paused sequences: a run in one is opened, and stands still.
    """
    inserted = bulk.insert(
        tx,
        T,
        [
            {
                **_values(run.enrollment),
                "contact_id": run.enrollment.contact_id,
                "sequence_id": run.sequence_id,
                "version_id": run.version_id,
                "track": run.track,
                "entry_key": run.enrollment.entry_key,
                "properties": dict(run.enrollment.properties),
                "again": sorted(run.enrollment.again),
                "entered_at": run.enrollment.entered_at,
                "began_at": run.enrollment.began,
                "frozen_at": run.enrollment.entered_at if run.sequence_id in frozen else None,
                "ended_at": None,
                "end_reason": "",
                "revision": 0,
            }
            for run in runs
        ],
        ignore_conflicts=True,
        returning=("id", "contact_id", "sequence_id", "entry_key", "ended_at"),
    )
    found = {(row.contact_id, row.sequence_id, row.entry_key): row.id for row in inserted}
    return [
        found.get((run.enrollment.contact_id, run.sequence_id, run.enrollment.entry_key), 0)
        for run in runs
    ]


def _values(run: Enrollment) -> dict[str, Any]:
    return {
        "state": e.STATE_NAMES[type(run.state)],
        "state_data": dump_state(run.state),
        "step": run.step,
        "wake_at": e.wakes_at(run.state),
        "exhausted_at": run.state.since if isinstance(run.state, e.Exhausted) else None,
        "passes": dict(run.passes),
        "accepted": {step: at.isoformat() for step, at in run.accepted.items()},
        "gap_seconds": int(run.gap.total_seconds()) if run.gap else 0,
    }


def _end(run: Enrollment, now: datetime) -> dict[str, Any]:
    return {"ended_at": now, "end_reason": end_reason(run.state)[:500]}


def save(tx: Transaction, changed: Sequence[Enrollment], now: datetime) -> None:
    """Write runs back, each only if its revision is still the one it was read with.

    Raises Conflict when somebody else was first with any of them; the caller reads again.
    """
    ordered = sorted(changed, key=lambda run: run.id)
    rows = [{"id": run.id, "revision": run.revision, **_values(run)} for run in ordered]
    # A run that goes on has not ended before either. SQLite writes every index anew that has to do
    # with a column that is named, whatever its value: those of the live runs are three.
    live = [row for row, run in zip(rows, ordered, strict=True) if run.is_live]
    over = [row | _end(run, now) for row, run in zip(rows, ordered, strict=True) if not run.is_live]
    written = sum(
        bulk.update(tx, T, some, match=("id", "revision"), bump="revision") for some in (live, over)
    )
    if written != len(rows):
        raise Conflict(f"{len(rows) - written} enrollments changed meanwhile")
