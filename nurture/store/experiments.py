"""Experiments as rows: who was shown which arm, what they did after it, and what was decided."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Transaction

X, R = tables.Exposure, tables.Experiment

PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Exposed:
    """A contact who was shown an arm, when."""

    contact_id: int
    arm: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """What is on record of an experiment."""

    key: str
    started_at: datetime
    looked_at: datetime | None
    stopped_at: datetime | None
    winner: str
    reason: str
    decided_by: str
    result: Mapping[str, Any]


def keys(tx: Transaction) -> list[str]:
    """Return the keys of all experiments that anybody was exposed to, in order."""
    return list(tx.execute(sa.select(X.experiment).distinct().order_by(X.experiment)).scalars())


def is_begun(tx: Transaction, key: str) -> bool:
    """Return whether anybody was exposed to an experiment."""
    return (
        tx.execute(sa.select(X.contact_id).where(X.experiment == key).limit(1)).first() is not None
    )


def exposed(tx: Transaction, key: str) -> Iterator[list[Exposed]]:
    """Yield everybody who was exposed, in pages."""
    after = 0
    while True:
        rows = tx.execute(
            sa.select(X.contact_id, X.arm, X.at)
            .where(X.experiment == key, X.contact_id > after)
            .order_by(X.contact_id)
            .limit(PAGE)
        ).all()
        if not rows:
            return
        yield [Exposed(*row) for row in rows]
        after = rows[-1][0]


def did(
    tx: Transaction, contact_ids: Iterable[int], event: str
) -> list[tuple[int, datetime, dict[str, Any]]]:
    """Return (contact, when, properties) of what people among these contacts did."""
    t = tables.Event
    rows = tx.execute(
        sa.select(t.contact_id, t.occurred_at, t.properties).where(
            bulk.among(tx, t.contact_id, sorted(set(contact_ids))),
            t.name == event,
            t.verdict == "human",
        )
    )
    return [(contact_id, at, properties) for contact_id, at, properties in rows]


def promotions(tx: Transaction, contact_ids: Iterable[int]) -> list[tuple[int, datetime, str]]:
    """Return (contact, when, stage) of every promotion of these contacts."""
    t = tables.StageChange
    rows = tx.execute(
        sa.select(t.contact_id, t.at, t.to).where(
            bulk.among(tx, t.contact_id, sorted(set(contact_ids))),
            t.kind == "promote",
            t.refused == "",
        )
    )
    return [(contact_id, at, to) for contact_id, at, to in rows]


def decided(tx: Transaction, only: Sequence[str] | None = None) -> dict[str, Decided]:
    """Return what is on record, by key."""
    statement = sa.select(
        R.key, R.started_at, R.looked_at, R.stopped_at, R.winner, R.reason, R.decided_by, R.result
    )
    if only is not None:
        statement = statement.where(R.key.in_(only))
    return {row[0]: Decided(*row) for row in tx.execute(statement)}


def first_exposure(tx: Transaction, key: str) -> datetime | None:
    """Return when the first contact was exposed."""
    statement = sa.select(X.at).where(X.experiment == key).order_by(X.at).limit(1)
    return tx.execute(statement).scalar()


def save(tx: Transaction, key: str, started_at: datetime, values: Mapping[str, Any]) -> None:
    """Write what an experiment shows; the row is made where there is none."""
    row = {
        "key": key, "started_at": started_at, "winner": "", "reason": "", "decided_by": "",
        "result": {}, **values,
    }  # fmt: skip
    found = tx.execute(sa.select(R.key).where(R.key == key).with_for_update()).scalar()
    if found is None:
        bulk.insert(tx, R, [row], ignore_conflicts=True)
    else:
        tx.execute(sa.update(R).where(R.key == key).values(**values))


def stop(tx: Transaction, key: str, now: datetime, values: Mapping[str, Any]) -> bool:
    """Stop an experiment that runs; False when it was stopped already."""
    statement = sa.update(R).where(R.key == key, R.stopped_at.is_(None))
    return tx.execute(statement.values(stopped_at=now, **values)).rowcount == 1


def winners(tx: Transaction) -> dict[str, str]:
    """Return the arm that every contact goes by since an experiment stopped, by its key."""
    rows = tx.execute(sa.select(R.key, R.winner).where(R.stopped_at.is_not(None), R.winner != ""))
    return {key: winner for key, winner in rows}  # noqa: C416 - rows are not pairs to mypy
