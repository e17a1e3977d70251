"""For whom time alone may change the answer of a condition: all whom it may, and few others."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from nurture.domain.conditions import Compare, Condition, Did, walk
from nurture.domain.turning import looks_at_clock
from nurture.store import condition_postgres, condition_sqlite
from nurture.store.condition_bounds import Truth
from nurture.store.condition_sql import Asking, C, E, S


def may_turn(asking: Asking, condition: Condition) -> Truth:
    """Return for whom time alone may change the answer: all whom it may, and few others."""
    return sa.or_(sa.false(), *_turning(asking, condition))


def _turning(asking: Asking, condition: Condition) -> Iterator[Truth]:
    for part in walk(condition):
        match part:
            case Did(event, _, within):
                since = asking.now if within is None else asking.now - within
                yield sa.exists().where(
                    E.contact_id == C.id, E.name == event, E.occurred_at > since
                )
            case Compare(subject) if subject.kind == "hours_in_stage":
                yield _not_yet(part, asking.now)
            case Compare(subject) if subject.kind == "field" and looks_at_clock(part):
                yield _holds_date(asking, subject.name)
            case _:
                pass


def _holds_date(asking: Asking, name: str) -> Truth:
    if not asking.in_postgres:
        return condition_sqlite.dated(C.fields.expression, name)
    written = condition_postgres.written(C.fields.expression, name)
    return sa.func.coalesce(written.op("~")(r"^[0-9]{4}[-W0-9]"), sa.false())


def _not_yet(compare: Compare, now: datetime) -> Truth:
    value = compare.value
    try:
        since = now - timedelta(hours=float(str(value)), seconds=1)
    except (ValueError, OverflowError):
        return sa.true()
    return S.since > since
