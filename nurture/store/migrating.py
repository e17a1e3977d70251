"""Runs that are pinned to other versions of their sequence, found and taken over in parts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.sends import UNSTARTED

S, V, T, M = tables.Sequence, tables.SequenceVersion, tables.Enrollment, tables.Send


@dataclass(frozen=True, slots=True)
class Target:
    """The version that runs are taken over to; `version_id` is None where there is none."""

    sequence_id: int
    version_id: int | None
    number: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How many live runs of one other version stand on a step in a state."""

    version_id: int
    number: int
    step: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A live run of another version; `frozen_at` is since when it stands still, if it does."""

    run_id: int
    contact_id: int
    frozen_at: datetime | None


@dataclass(frozen=True, slots=True)
class SendTrace:
    """A send of a run, by the touch that it belongs to."""

    id: int
    step: str
    pass_no: int
    status: str


def target(tx: Transaction, key: str, number: int | None) -> Target | None:
    """Return the version to go to, by default the current one; None for no such sequence."""
    wanted = V.id == S.current_id
    if number is not None:
        wanted = sa.and_(V.sequence_id == S.id, V.number == number, V.trial.is_(sa.false()))
    row = tx.execute(
        sa.select(S.id, V.id, sa.func.coalesce(V.number, 0))
        .join(V, wanted, isouter=True)
        .where(S.key == key)
    ).first()
    return None if row is None else Target(*cast(tuple[Any, ...], row))


def _elsewhere(to: Target) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        T.sequence_id == to.sequence_id,
        T.ended_at.is_(None),
        T.version_id != to.version_id,
        V.trial.is_(sa.false()),
    )


def standing_elsewhere(tx: Transaction, to: Target) -> list[Standing]:
    """Return who stands where on other versions, the oldest version first."""
    statement = (
        sa.select(V.id, V.number, T.step, T.state, sa.func.count())
        .join(V, V.id == T.version_id)
        .where(*_elsewhere(to))
        .group_by(V.id, V.number, T.step, T.state)
        .order_by(V.number, T.step, T.state)
    )
    return [Standing(*row) for row in tx.execute(statement)]


def runs_elsewhere(tx: Transaction, to: Target, after: int, limit: int) -> list[Elsewhere]:
    """Return up to `limit` live runs of other versions with ids above `after`, ascending."""
    statement = (
        sa.select(T.id, T.contact_id, T.frozen_at)
        .join(V, V.id == T.version_id)
        .where(*_elsewhere(to), T.id > after)
        .order_by(T.id)
        .limit(limit)
    )
    return [Elsewhere(*row) for row in tx.execute(statement)]


def sends_of(tx: Transaction, run_ids: Iterable[int]) -> dict[int, list[SendTrace]]:
    """Return every send of these runs, by run."""
    statement = sa.select(M.enrollment_id, M.id, M.step, M.pass_no, M.status).where(
        bulk.among(tx, M.enrollment_id, run_ids)
    )
    found: dict[int, list[SendTrace]] = defaultdict(list)
    for run_id, send_id, step, pass_no, status in tx.execute(statement):
        found[run_id].append(SendTrace(send_id, step, pass_no, status))
    return found


def decisions_of(
    tx: Transaction, run_ids: Iterable[int]
) -> dict[int, list[tuple[datetime, str, list[Any]]]]:
    """Return (when, cause, decisions) of everything decided for these runs, oldest first."""
    d = tables.Decision
    statement = (
        sa.select(d.enrollment_id, d.at, d.cause, d.decided)
        .where(bulk.among(tx, d.enrollment_id, run_ids))
        .order_by(d.id)
    )
    found: dict[int, list[tuple[datetime, str, list[Any]]]] = defaultdict(list)
    for run_id, at, cause, decided in tx.execute(statement):
        found[run_id].append((at, cause, decided))
    return found


def repin(tx: Transaction, run_ids: Sequence[int], version_id: int) -> None:
    """Pin runs to another version; that nobody else changed them is looked at by `runs.save`."""
    if run_ids:
        wanted = bulk.among(tx, T.id, run_ids)
        tx.execute(sa.update(T).where(wanted).values(version_id=version_id))


def readdress(tx: Transaction, sends: Sequence[Mapping[str, Any]]) -> None:
    """Let sends that no worker has taken be those of another version: id, status and columns."""
    unstarted = [row for row in sends if row["status"] in UNSTARTED]
    bulk.update(tx, M, unstarted, match=("id", "status"))


def addresses(tx: Transaction, contact_ids: Iterable[int]) -> dict[int, str]:
    """Return the addresses of contacts, by id."""
    c = tables.Contact
    rows = tx.execute(sa.select(c.id, c.address).where(bulk.among(tx, c.id, contact_ids)))
    return {row.id: row.address for row in rows}
