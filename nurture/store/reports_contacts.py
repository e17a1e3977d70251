"""The list of contacts: searched without accents, a keyset page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from nurture.domain.contact import GLOBAL
from nurture.domain.text import fold
from nurture.store import tables
from nurture.store.database import Transaction
from nurture.store.reports import Page, name_of, paged
from nurture.store.reports_stages import overstayed

C, S = tables.Contact, tables.Standing


@dataclass(frozen=True, slots=True)
class Listed:
    """A contact in the list; `engagement` is as last computed."""

    id: int
    email: str
    name: str
    company: str
    language: str
    stage: str
    engagement: float
    grade: str
    temperature: str
    suppressed: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list is narrowed to; empty texts narrow nothing.

    `late` keeps those who have been in their stage since before its bound.
    """

    search: str = ""
    stage: str = ""
    temperature: str = ""
    grade: str = ""
    persona: str = ""
    late: bool = False
    bounds: Mapping[str, datetime] = field(default_factory=dict)
    track: str = "default"


def page(
    tx: Transaction,
    wanted: Wanted,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> Page[Listed]:
    """Return contacts, the newest first: those before an id, or those after one."""
    suppressed = sa.exists().where(
        tables.Suppression.address_key == C.address_key,
        tables.Suppression.scope == GLOBAL,
        tables.Suppression.lifted_at.is_(None),
    )
    statement = sa.select(
        C.id, C.email, C.fields, C.language, S.stage, S.engagement, S.grade, S.temperature,
        suppressed.label("suppressed"),
    ).join(S, sa.and_(S.contact_id == C.id, S.track == wanted.track), isouter=True)  # fmt: skip
    statement = statement.where(*_narrowed(wanted))
    backwards = after is not None and before is None
    if backwards:
        statement = statement.where(C.id > after).order_by(C.id)
    else:
        if before is not None:
            statement = statement.where(C.id < before)
        statement = statement.order_by(C.id.desc())
    rows = tx.execute(statement.limit(limit + 1)).all()
    listed = [
        Listed(
            id=row.id,
            email=row.email,
            name=name_of(row.fields, row.language),
            company=str(row.fields.get("company") or ""),
            language=row.language,
            stage=row.stage or "",
            engagement=row.engagement or 0.0,
            grade=row.grade or "",
            temperature=row.temperature or "cold",
            suppressed=bool(row.suppressed),
        )
        for row in rows
    ]
    keys = [one.id for one in listed]
    middle = before is not None or after is not None
    return paged(listed, keys, limit, backwards=backwards, middle=middle)


def total(tx: Transaction, wanted: Wanted) -> int:
    """Return how many contacts the list holds on all its pages."""
    place = sa.and_(S.contact_id == C.id, S.track == wanted.track)
    joined = sa.select(sa.func.count()).select_from(C).join(S, place, isouter=True)
    return tx.execute(joined.where(*_narrowed(wanted))).scalar_one()


def _narrowed(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    found = [C.search.contains(word, autoescape=True) for word in fold(wanted.search).split()]
    found.append(C.erased_at.is_(None))
    if wanted.stage:
        found.append(S.stage == wanted.stage)
    if wanted.temperature:
        found.append(S.temperature == wanted.temperature)
    if wanted.grade:
        found.append(S.grade == wanted.grade)
    if wanted.persona:
        found.append(C.persona == wanted.persona)
    if wanted.late:
        found.append(overstayed(wanted.bounds))
    return found


def anybody(tx: Transaction) -> bool:
    """Return whether there is any contact at all."""
    return tx.execute(sa.select(C.id).where(C.erased_at.is_(None)).limit(1)).first() is not None


def erased_at(tx: Transaction, contact_id: int) -> datetime | None:
    """Return when a contact was erased; None for one who was not, and for none."""
    return tx.execute(sa.select(C.erased_at).where(C.id == contact_id)).scalar()


def by_name(tx: Transaction, wanted: str) -> int | None:
    """Return the id of the contact with this id or address, or None."""
    there = sa.select(C.id).where(C.erased_at.is_(None))
    if wanted.isdigit():
        return tx.execute(there.where(C.id == int(wanted))).scalar()
    address = wanted.strip().casefold()
    return tx.execute(there.where(C.address == address)).scalar()
