"""Words about an erased contact in tables that are not about contacts: audit, findings, states."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.erasing import Known, sends_of, theirs

A, D, F, L, P, X = (
    tables.Audit, tables.Delivery, tables.Finding, tables.Consent, tables.EndpointState,
    tables.ProviderState,
)  # fmt: skip
BLANK = "…"

# What people did to a contact or to something of theirs, by the words of the audit's lines, and
# what the doctor found of them: those whose words may quote the person.
_ABOUT_CONTACT = ("qualify", "change stage", "accept lead", "tag", "untag")
_ABOUT_HELD = ("accept event", "discard event")
_ABOUT_SUPPRESSION = ("lift suppression",)
_FOUND_OF_CONTACT = ("unknown_zone",)
_FOUND_OF_SEND = ("uncertain",)
_FOUND_OF_QUEUED = ("waiting_for_nothing",)
_REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Traces:
    """By which subjects, and which words, other tables may speak of a contact."""

    subjects: Mapping[tuple[str, ...], frozenset[str]]
    found: Mapping[tuple[str, ...], frozenset[str]]
    refusals: frozenset[str] = field(default_factory=frozenset)


def traces(tx: Transaction, who: Known) -> Traces:
    """Collect them, before the rows that they come from are gone."""
    q, w, t = tables.Quarantined, tables.QueuedEntry, tables.Suppression

    def ids(statement: sa.Select[int]) -> frozenset[str]:
        return frozenset(str(one) for one in tx.execute(statement).scalars())

    refused = sa.select(D.detail).where(D.contact_id == who.id, D.detail != "")
    me = frozenset({str(who.id)})
    return Traces(
        {
            _ABOUT_CONTACT: me,
            _ABOUT_HELD: ids(sa.select(q.id).where(q.contact_id == who.id)),
            _ABOUT_SUPPRESSION: ids(sa.select(t.id).where(theirs(who))),
        },
        {
            _FOUND_OF_CONTACT: me,
            _FOUND_OF_SEND: ids(sends_of(who)),
            _FOUND_OF_QUEUED: ids(sa.select(w.id).where(w.contact_id == who.id)),
        },
        frozenset(tx.execute(refused).scalars()),
    )


def wipe(tx: Transaction, who: Known, found: Traces) -> None:
    """Take what these rows say of the contact out of them; that something was done stays."""
    for deeds, subjects in found.subjects.items():
        about = bulk.among(tx, A.subject, sorted(subjects))
        tx.execute(sa.update(A).where(A.what.in_(deeds), about).values(data={}))
    for kinds, subjects in found.found.items():
        about = bulk.among(tx, F.subject, sorted(subjects))
        tx.execute(sa.update(F).where(F.kind.in_(kinds), about).values(detail=""))
        repaired = bulk.among(tx, A.subject, sorted(subjects))
        code = A.data["code"].as_string()
        mended = sa.and_(A.what == _REPAIR, repaired, code.in_(kinds))
        tx.execute(sa.update(A).where(mended).values(data={}))
    for refusal in sorted(found.refusals):
        # An endpoint's state repeats what it last answered, which may quote what it was told.
        tx.execute(
            sa.update(P).where(P.detail.endswith(refusal, autoescape=True)).values(detail="")
        )
    for column in (A.subject, A.data, F.detail, P.detail, X.detail):
        _replace(tx, column, who.address)
    # Another system tells what somebody agreed to in its own words.
    _replace(tx, L.wording, who.address, L.contact_id == who.id)


def _replace(
    tx: Transaction,
    column: InstrumentedAttribute[Any],
    address: str,
    which: sa.ColumnElement[bool] | None = None,
) -> None:
    """Write BLANK wherever the address stands in a column, in whatever letters."""
    model = column.class_
    keys = list(sa.inspect(model).primary_key)
    spelled = sa.func.lower(sa.cast(column, sa.Text))
    named = spelled.contains(address, autoescape=True)
    wanted = named if which is None else sa.and_(which, named)
    rows = tx.execute(sa.select(*keys, column).where(wanted))
    pattern = re.compile(re.escape(address), re.IGNORECASE)
    for *key, value in rows.all():
        is_text = isinstance(value, str)
        text = pattern.sub(BLANK, value if is_text else json.dumps(value, ensure_ascii=False))
        same = sa.and_(*(one == part for one, part in zip(keys, key, strict=True)))
        changed = text if is_text else json.loads(text)
        tx.execute(sa.update(model).where(same).values({column.key: changed}))
