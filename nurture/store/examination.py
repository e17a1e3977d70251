"""Read-only queries of the doctor: rows that contradict each other, or stand too long."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from nurture.domain.zones import COMPANY_ZONE, zone_named
from nurture.store import bulk, gone, tables, telling
from nurture.store.database import Transaction
from nurture.store.send_states import QUEUED, UNCERTAIN

E, S = tables.Enrollment, tables.Send
OPEN = ("queued", "claimed", "uncertain")


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that is not as it must be: a code, the row's id, and what is seen."""

    code: str
    id: int
    detail: str = ""


def sending_without_send(tx: Transaction, limit: int) -> list[Finding]:
    """Runs that say a send is under way when none is."""
    there = sa.exists().where(S.enrollment_id == E.id, S.step == E.step, S.status.in_(OPEN))
    rows = tx.execute(
        sa.select(E.id, E.step).where(E.state == "sending", ~there).order_by(E.id).limit(limit)
    )
    return [Finding("sending_without_send", row.id, row.step) for row in rows]


def send_without_run(tx: Transaction, limit: int) -> list[Finding]:
    """Sends in the queue whose run is over or waits for something else."""
    rows = tx.execute(
        sa.select(S.id, E.state)
        .join(E, E.id == S.enrollment_id)
        .where(QUEUED, E.state != "sending")
        .order_by(S.id)
        .limit(limit)
    )
    return [Finding("send_without_run", row.id, row.state) for row in rows]


def overdue(tx: Transaction, before: datetime, limit: int) -> list[Finding]:
    """Runs whose timer came long ago and that nobody moved on."""
    rows = tx.execute(
        sa.select(E.id, E.wake_at)
        .where(E.wake_at < before, E.wake_at.is_not(None), E.frozen_at.is_(None))
        .order_by(E.wake_at)
        .limit(limit)
    )
    return [Finding("overdue", row.id, row.wake_at.isoformat()) for row in rows if row.wake_at]


def mailed_after_suppression(
    tx: Transaction, limit: int, since: datetime | None = None
) -> list[Finding]:
    """Sends that were claimed after their contact had been suppressed in a scope they fall in.

    With `since`, only sends that were settled after it.
    """
    t = tables.Suppression
    late = sa.true() if since is None else _settled(since)
    rows = tx.execute(
        sa.select(S.id, t.reason)
        .join(tables.Contact, tables.Contact.id == S.contact_id)
        .join(t, t.address_key == tables.Contact.address_key)
        .where(
            late,
            S.status == "accepted",
            S.claimed_at > t.at,
            sa.or_(t.lifted_at.is_(None), S.claimed_at < t.lifted_at),
            sa.or_(t.scope == "global", t.scope == S.topic),
        )
        .order_by(S.id)
        .limit(limit)
    )
    found = [Finding("mailed_after_suppression", row.id, row.reason) for row in rows]
    erased = gone.mailed(tx, late, limit)
    return found + [Finding("mailed_after_suppression", key, "erasure") for key in erased]


def _settled(since: datetime) -> sa.ColumnElement[bool]:
    # By sequence, because that is how the index of what was settled is ordered.
    return sa.and_(S.sequence_id.in_(sa.select(tables.Sequence.id)), S.settled_at >= since)


def _repeated(tx: Transaction, since: datetime) -> list[int]:
    """Return the contacts who got something after `since` that another run sent them, too."""
    other = aliased(S)
    twin = sa.exists().where(
        other.contact_id == S.contact_id,
        other.content == S.content,
        other.enrollment_id != S.enrollment_id,
        other.status == "accepted",
        other.pass_no == 1,
    )
    statement = sa.select(S.contact_id).distinct()
    late = statement.where(_settled(since), S.status == "accepted", S.pass_no == 1, twin)
    return sorted(tx.execute(late).scalars())


def content_twice(tx: Transaction, limit: int, since: datetime | None = None) -> list[Finding]:
    """Contacts who got the same content from two runs, of which the later was not to repeat it.

    A sequence that starts over may send again what came by itself; `again` of the run says so.
    With `since`, only contacts who were mailed after it.
    """
    v = tables.SequenceVersion
    suspects = None if since is None else _repeated(tx, since)
    if suspects == []:
        return []
    counted = sa.and_(
        S.status == "accepted", S.pass_no == 1, v.id == S.version_id, v.trial.is_(False)
    )
    if suspects is not None:
        counted = sa.and_(counted, bulk.among(tx, S.contact_id, suspects))
    twice = (
        sa.select(S.contact_id, S.content)
        .select_from(S)
        .join(v, counted)
        .group_by(S.contact_id, S.content)
        .having(sa.func.count(sa.distinct(S.enrollment_id)) > 1)
        .subquery()
    )
    rows = tx.execute(
        sa.select(S.contact_id, S.content, S.enrollment_id, E.again)
        .select_from(S)
        .join(v, counted)
        .join(twice, sa.and_(twice.c.contact_id == S.contact_id, twice.c.content == S.content))
        .join(E, E.id == S.enrollment_id)
        .order_by(S.contact_id, S.content, S.settled_at, S.id)
    )
    found: list[Finding] = []
    first: tuple[int, str] | None = None
    for contact_id, content, _, again in rows:
        if (contact_id, content) != first:
            first = (contact_id, content)
        elif content not in again and len(found) < limit:
            found.append(Finding("content_twice", contact_id, content))
    return found


def stage_without_standing(tx: Transaction, programme: str, limit: int) -> list[Finding]:
    """Live stage runs, of whichever track, of contacts who stand in another stage."""
    t = tables.Standing
    rows = tx.execute(
        sa.select(E.id, t.stage)
        .join(t, sa.and_(t.contact_id == E.contact_id, t.track == programme))
        .join(tables.Sequence, tables.Sequence.id == E.sequence_id)
        .where(E.ended_at.is_(None), E.track != "", tables.Sequence.stage != t.stage)
        .limit(limit)
    )
    return [Finding("run_of_another_stage", row.id, row.stage) for row in rows]


def frozen_without_pause(tx: Transaction, before: datetime, limit: int) -> list[Finding]:
    """Live runs that stand still although nobody paused their sequence."""
    t = tables.Sequence
    rows = tx.execute(
        sa.select(E.id, t.key)
        .join(t, t.id == E.sequence_id)
        .where(E.ended_at.is_(None), E.frozen_at < before, t.paused_at.is_(None))
        .order_by(E.id)
        .limit(limit)
    )
    return [Finding("frozen_without_pause", row.id, row.key) for row in rows]


def waiting_for_nothing(tx: Transaction, before: datetime, limit: int) -> list[Finding]:
    """Queued entries whose contact has no run under that key that could end."""
    q = tables.QueuedEntry
    under_way = sa.exists().where(
        E.contact_id == q.contact_id,
        E.sequence_id == q.sequence_id,
        E.entry_key == q.entry_key,
        E.ended_at.is_(None),
    )
    rows = tx.execute(
        sa.select(q.id, q.entry_key).where(q.at < before, ~under_way).order_by(q.id).limit(limit)
    )
    return [Finding("waiting_for_nothing", row.id, row.entry_key) for row in rows]


def stuck_deliveries(tx: Transaction, before: datetime, limit: int) -> list[Finding]:
    """Notices and webhooks whose time came long ago, or that somebody took and never settled."""
    t = tables.Delivery
    rows = tx.execute(
        sa.select(t.id, t.target)
        .where(
            sa.or_(
                sa.and_(t.status == "waiting", t.not_before < before),
                sa.and_(t.status == "claimed", t.claimed_at < before),
            )
        )
        .order_by(t.id)
        .limit(limit)
    )
    return [Finding("stuck_delivery", row.id, row.target) for row in rows]


def mailed_too_often(tx: Transaction, since: datetime, most: int, limit: int) -> list[Finding]:
    """Contacts who got more emails since then than any rule could mean."""
    q = tables.Sequence
    rows = tx.execute(
        sa.select(S.contact_id, sa.func.count().label("many"))
        .select_from(q)
        .join(S, sa.and_(S.sequence_id == q.id, S.settled_at >= since))
        .where(S.status == "accepted")
        .group_by(S.contact_id)
        .having(sa.func.count() > most)
        .limit(limit)
    )
    return [Finding("mailed_too_often", row.contact_id, str(row.many)) for row in rows]


def uncertain(tx: Transaction, limit: int) -> list[Finding]:
    """Sends of which nobody knows whether they arrived."""
    rows = tx.execute(sa.select(S.id, S.detail).where(UNCERTAIN).order_by(S.id).limit(limit))
    return [Finding("uncertain", row.id, row.detail) for row in rows]


def unknown_zones(tx: Transaction, limit: int) -> list[Finding]:
    """Zones that are named for contacts or their companies and do not exist: one line for each.

    The id is that of the first contact concerned.
    """
    c = tables.Contact
    found = []
    for named in (c.timezone, c.fields[COMPANY_ZONE].as_string()):
        first = sa.func.min(c.id)
        rows = tx.execute(
            sa.select(named, first, sa.func.count())
            .where(named.is_not(None), named != "")
            .group_by(named)
            .order_by(first)
        )
        found += [
            Finding("unknown_zone", key, f"{name!r}: {count}")
            for name, key, count in rows
            if zone_named(str(name).strip()) is None
        ]
    return found[:limit]


def decided(
    tx: Transaction, after: int, limit: int, contact_id: int | None = None
) -> list[tuple[int, list[Any]]]:
    """Return (enrollment, all its decisions in order) for enrollments with ids above `after`."""
    statement = sa.select(E.id).where(E.id > after).order_by(E.id).limit(limit)
    if contact_id is not None:
        statement = statement.where(E.contact_id == contact_id)
    ids = list(tx.execute(statement).scalars())
    d = tables.Decision
    found: dict[int, list[Any]] = {key: [] for key in ids}
    for row in tx.execute(
        sa.select(d.enrollment_id, d.decided).where(d.enrollment_id.in_(ids)).order_by(d.id)
    ):
        found[row.enrollment_id or 0].extend(row.decided)
    return list(found.items())


@dataclass(frozen=True, slots=True)
class Shown:
    """The engagement that is shown for a contact, and when it was computed."""

    contact_id: int
    engagement: float
    scored_at: datetime


def standings(tx: Transaction, now: datetime, limit: int) -> Iterator[list[Shown]]:
    """Yield every standing, in pages, but for those that are to be computed anew by `now`."""
    t = tables.Standing
    after, told_to = 0, telling.told_to(tx)
    statement = sa.select(t.contact_id, t.engagement, t.scored_at).where(
        sa.or_(t.crosses_at.is_(None), t.crosses_at > now),
        sa.true() if told_to is None else t.contact_id <= told_to,
    )
    while True:
        page = statement.where(t.contact_id > after).order_by(t.contact_id).limit(limit)
        found = tx.execute(page)
        rows = [Shown(*row) for row in found]
        if not rows:
            return
        yield rows
        after = rows[-1].contact_id


def accepted_sends(tx: Transaction) -> list[int]:
    """Return the ids of all sends that a provider has taken."""
    return list(tx.execute(sa.select(S.id).where(S.status == "accepted")).scalars())
