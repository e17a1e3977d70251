"""Time in stages: how many contacts stand where, for how long, and who stays too long."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from nurture.domain.funnel import Funnel
from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.reports import PERSON, Person, person_of

S = tables.Standing


def alerts(funnel: Funnel, now: datetime) -> dict[str, datetime]:
    """Return since when at the latest a contact must have come not to have stayed too long."""
    return {one.key: now - one.alert_after for one in funnel.stages if one.alert_after is not None}


def overstayed(bounds: Mapping[str, datetime]) -> sa.ColumnElement[bool]:
    """Return the condition that a standing is older than its stage allows."""
    return sa.or_(
        sa.false(), *(sa.and_(S.stage == key, S.since < since) for key, since in bounds.items())
    )


def too_long(tx: Transaction, track: str, bounds: Mapping[str, datetime]) -> dict[str, int]:
    """Return how many contacts have been in each stage for too long; stages without are absent."""
    if not bounds:
        return {}
    statement = (
        sa.select(S.stage, sa.func.count())
        .where(S.track == track, overstayed(bounds))
        .group_by(S.stage)
    )
    return {stage: count for stage, count in tx.execute(statement)}  # noqa: C416 - rows are not pairs to mypy


@dataclass(frozen=True, slots=True)
class InStage:
    """One stage: its contacts, how long half of them have been in it, and who the longest is."""

    contacts: int
    median: timedelta
    longest: Person


def in_stage(tx: Transaction, track: str, stage: str, now: datetime) -> InStage | None:
    """Return the figures of one stage, None when nobody stands in it.

    It sorts everybody in the stage: for somebody who asks, never for a page that renews itself.
    """
    here = (S.track == track, S.stage == stage)
    count = tx.execute(sa.select(sa.func.count()).select_from(S).where(*here)).scalar_one()
    if not count:
        return None
    # Those who came last first, so that of two in the middle the shorter stay counts.
    middle = sa.select(S.since).where(*here).order_by(S.since.desc()).offset((count - 1) // 2)
    since = tx.execute(middle.limit(1)).scalar_one()
    first = tx.execute(
        sa.select(*PERSON)
        .select_from(S)
        .join(tables.Contact, tables.Contact.id == S.contact_id)
        .where(*here)
        .order_by(S.since, S.contact_id)
        .limit(1)
    ).one()
    return InStage(count, now - since, person_of(first))
