"""A contact's timeline: eight kinds of rows merged by time, a keyset page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

import sqlalchemy as sa

from nurture.domain.contact import Fact
from nurture.store import tables
from nurture.store.database import Transaction

# The order in which happenings of the same instant are shown, the later one first.
KINDS = ("consent", "suppression", "stage", "event", "send", "delivery", "decision", "tags")
# What somebody did to a contact's tags, by the words of the audit's lines.
_TAGGING = (Fact.TAG.value, Fact.UNTAG.value)


@dataclass(frozen=True, slots=True)
class Happening:
    """One row of the timeline: `kind` is one of KINDS, `facts` are its table's columns."""

    kind: str
    id: int
    at: datetime
    facts: Mapping[str, Any]

    @property
    def place(self) -> tuple[datetime, int, int]:
        """Where it stands; later ones are greater."""
        return self.at, KINDS.index(self.kind), self.id


def _sources(contact_id: int, address_key: str) -> dict[str, sa.Select[Any]]:
    c, s, g = tables.Consent, tables.Suppression, tables.StageChange
    e, d, t = tables.Event, tables.Decision, tables.Send
    q, v, a = tables.Sequence, tables.Delivery, tables.Audit
    return {
        "consent": sa.select(
            c.id, c.at.label("at"), c.topic, c.granted, c.asked, c.source, c.wording, c.by, c.ip
        ).where(c.contact_id == contact_id),
        "suppression": sa.select(
            s.id, s.at.label("at"), s.scope, s.reason, s.source, s.detail, s.lifted_at, s.lifted_by
        ).where(s.address_key == address_key),
        "stage": sa.select(
            g.id, g.at.label("at"), g.start, g.to, g.kind, g.refused, g.actor, g.why,
            g.reason, g.by,
        ).where(g.contact_id == contact_id),
        "event": sa.select(
            e.id, e.occurred_at.label("at"), e.name, e.verdict, e.source, e.properties, e.send_id
        ).where(e.contact_id == contact_id),
        "send": sa.select(
            t.id, sa.func.coalesce(t.settled_at, t.created_at).label("at"), t.status, t.reason,
            t.step, t.content, t.email_id, t.delivered_at, t.bounced_at, t.complained_at, t.code,
            t.detail, q.key.label("sequence"),
        )
        .join(q, q.id == t.sequence_id)
        .where(t.contact_id == contact_id),
        "delivery": sa.select(
            v.id, sa.func.coalesce(v.settled_at, v.created_at).label("at"), v.status, v.kind,
            v.target, v.step, v.reason, v.code, v.detail, v.payload, v.enrollment_id,
            q.key.label("sequence"),
        )
        .join(tables.SequenceVersion, tables.SequenceVersion.id == v.version_id)
        .join(q, q.id == tables.SequenceVersion.sequence_id)
        .where(v.contact_id == contact_id),
        "decision": sa.select(
            d.id, d.at.label("at"), d.cause, d.decided, d.enrollment_id, q.key.label("sequence")
        )
        .join(tables.Enrollment, tables.Enrollment.id == d.enrollment_id, isouter=True)
        .join(q, q.id == tables.Enrollment.sequence_id, isouter=True)
        .where(d.contact_id == contact_id),
        "tags": sa.select(a.id, a.at.label("at"), a.what, a.by, a.data).where(
            a.subject == str(contact_id), a.what.in_(_TAGGING)
        ),
    }  # fmt: skip


def timeline(
    tx: Transaction,
    contact_id: int,
    address_key: str,
    *,
    before: tuple[datetime, int, int] | None = None,
    limit: int = 40,
) -> tuple[list[Happening], bool]:
    """Return a contact's happenings, the newest first, and whether there are older ones.

    `before` is the place of the last one shown. Each kind is asked for no more rows than the
    page holds, so that a page costs eight short queries however long the story is.
    """
    lists = []
    for kind, statement in _sources(contact_id, address_key).items():
        at, key = statement.selected_columns["at"], statement.selected_columns["id"]
        if before is not None:
            statement = statement.where(_older(at, key, kind, before))
        rows = tx.execute(statement.order_by(at.desc(), key.desc()).limit(limit + 1))
        lists.append([Happening(kind, row.id, row.at, _facts(row)) for row in rows])
    merged = merge(*lists, key=lambda one: one.place, reverse=True)
    found = list(islice(merged, limit + 1))
    return found[:limit], len(found) > limit


def _older(
    at: Any, key: Any, kind: str, before: tuple[datetime, int, int]
) -> sa.ColumnElement[bool]:
    moment, rank, last = before
    own = KINDS.index(kind)
    older: sa.ColumnElement[bool] = at < moment
    if own < rank:
        return sa.or_(older, at == moment)
    if own == rank:
        return sa.or_(older, sa.and_(at == moment, key < last))
    return older


def _facts(row: sa.Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in ("id", "at")}  # noqa: SLF001 - SQLAlchemy's public name for it
