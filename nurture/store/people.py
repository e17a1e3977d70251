"""What the rules want to know about contacts, read for many contacts at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from nurture.domain.contact import Contact, Occurrence, Standing, Value, Verdict
from nurture.domain.zones import COMPANY_ZONE
from nurture.store import bulk, tables
from nurture.store.database import Transaction
from nurture.store.each import Rows, each_named
from nurture.store.trials import is_counted


@dataclass(frozen=True, slots=True)
class Need:
    """Which costly facts the rules at hand ask for; the cheap ones are always read."""

    history: bool = False
    received: bool = True
    sequences: bool = False
    segments: bool = False
    track: str = "default"


@dataclass(frozen=True, slots=True)
class Addressee:
    """What an email needs of a contact beyond the rules: their name and all their fields."""

    id: int
    email: str
    language: str
    fields: dict[str, Any]
    persona: str = ""


def contacts(tx: Transaction, ids: Iterable[int], need: Need) -> dict[int, Contact]:
    """Return the contacts with these ids, by id; unknown and erased ones are absent."""
    return {key: contact for key, (contact, _) in with_addressees(tx, ids, need).items()}


def with_addressees(
    tx: Transaction, ids: Iterable[int], need: Need
) -> dict[int, tuple[Contact, Addressee]]:
    """Return what the rules and what an email want to know of these contacts, read at once."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    statement = _select(tx.dialect.name, need.track)
    rows = tx.execute(statement, {"ids": bulk.listed(tx, wanted)}).all()
    # The address key is the last column but one.
    scopes = _suppressions(tx, {row[-2] for row in rows})
    received = _received(tx, wanted) if need.received else {}
    histories = history(tx, wanted) if need.history else {}
    members = _sequences(tx, wanted) if need.sequences else {}
    segments = segments_of(tx, wanted) if need.segments else {}
    found = {}
    # Rows are taken apart at once: asking one for each column by its name takes far longer.
    for (
        id_, address, language, timezone, fields, tags, consents, persona,
        stage, highest, since, rests_until, engagement, fit, grade, temperature,
        address_key, email,
    ) in rows:  # fmt: skip
        contact = Contact(
            id=id_,
            address=address,
            language=language,
            timezone=timezone,
            fields=MappingProxyType(values(fields)),
            tags=frozenset(tags),
            standing=Standing(stage, highest, since, rests_until) if stage else None,
            engagement=engagement or 0.0,
            fit=fit or 0.0,
            grade=grade or "D",
            temperature=temperature or "cold",
            persona=persona,
            bant=MappingProxyType(fields.get("bant") or {}),
            consents=MappingProxyType(consents),
            suppressions=scopes.get(address_key, frozenset()),
            received=received.get(id_, frozenset()),
            sequences=members.get(id_, frozenset()),
            segments=segments.get(id_, frozenset()),
            company_timezone=company_zone(fields),
            history=tuple(histories.get(id_, ())),
        )
        found[id_] = contact, Addressee(id_, email, language, fields, persona)
    return found


# Statements that are executed for every part of a batch are built once for each database, since
# building one takes longer than the database needs to answer it.
@cache
def _select(dialect: str, track: str) -> sa.Select[Any]:
    c, s = tables.Contact, tables.Standing
    return (
        sa.select(
            c.id, c.address, c.language, c.timezone, c.fields, c.tags, c.consents, c.persona,
            s.stage, s.highest, s.since, s.rests_until, s.engagement, s.fit, s.grade,
            s.temperature, c.address_key, c.email,
        )
        .join(s, sa.and_(s.contact_id == c.id, s.track == track), isouter=True)
        # Who was erased is nobody whom a rule or an email could be about.
        .where(bulk.among_named(dialect, c.id, "ids"), c.erased_at.is_(None))
    )  # fmt: skip


def company_zone(fields: Mapping[str, Any]) -> str:
    """Return the time zone of a contact's company, as their fields name it."""
    named = fields.get(COMPANY_ZONE)
    return named.strip() if isinstance(named, str) else ""


def values(fields: dict[str, Any]) -> dict[str, Value]:
    """Return what rules may look at in a document: values, and lists as texts; no groups."""
    return {
        key: tuple(str(one) for one in value) if isinstance(value, list) else value
        for key, value in fields.items()
        if not isinstance(value, dict)
    }


@cache
def _select_suppressions(dialect: str) -> sa.Select[str, str]:
    t = tables.Suppression
    return sa.select(t.address_key, t.scope).where(
        bulk.among_named(dialect, t.address_key, "keys"), t.lifted_at.is_(None)
    )


def _suppressions(tx: Transaction, keys: Iterable[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    statement = _select_suppressions(tx.dialect.name)
    for key, scope in tx.execute(statement, {"keys": bulk.listed(tx, keys)}).all():
        found[key].add(scope)
    return {key: frozenset(scopes) for key, scopes in found.items()}


@cache
def _select_received(dialect: str) -> Rows:
    t = tables.Received
    return each_named(
        dialect,
        "ids",
        lambda wanted: sa.select(t.contact_id, t.content).where(wanted(t.contact_id)),
    )


def _received(tx: Transaction, ids: list[int]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    statement = _select_received(tx.dialect.name)
    for contact_id, content in tx.execute(statement, {"ids": bulk.listed(tx, ids)}).all():
        found[contact_id].add(content)
    return {key: frozenset(contents) for key, contents in found.items()}


def _sequences(tx: Transaction, ids: list[int]) -> dict[int, frozenset[str]]:
    t = tables.Enrollment
    found: dict[int, set[str]] = defaultdict(set)
    statement = (
        sa.select(t.contact_id, tables.Sequence.key)
        .join(tables.Sequence, tables.Sequence.id == t.sequence_id)
        .where(bulk.among(tx, t.contact_id, ids), t.ended_at.is_(None), is_counted(t.version_id))
    )
    for contact_id, key in tx.execute(statement):
        found[contact_id].add(key)
    return {key: frozenset(keys) for key, keys in found.items()}


def segments_of(tx: Transaction, ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """Return the keys of the segments that each contact is in."""
    t = tables.SegmentMember
    found: dict[int, set[str]] = defaultdict(set)
    statement = (
        sa.select(t.contact_id, tables.Segment.key)
        .join(tables.Segment, tables.Segment.id == t.segment_id)
        .where(bulk.among(tx, t.contact_id, ids))
    )
    for contact_id, key in tx.execute(statement):
        found[contact_id].add(key)
    return {key: frozenset(keys) for key, keys in found.items()}


@cache
def _select_history(dialect: str) -> sa.Select[Any]:
    t = tables.Event
    return (
        sa.select(t.contact_id, t.id, t.name, t.occurred_at, t.verdict, t.properties, t.dedupe_key)
        .where(bulk.among_named(dialect, t.contact_id, "ids"))
        .order_by(t.occurred_at, t.id)
    )


def history(tx: Transaction, ids: Iterable[int]) -> dict[int, list[Occurrence]]:
    """Return the occurrences of each contact, oldest first."""
    found: dict[int, list[Occurrence]] = defaultdict(list)
    rows = tx.execute(_select_history(tx.dialect.name), {"ids": bulk.listed(tx, ids)}).all()
    for contact_id, id_, name, at, verdict, properties, dedupe_key in rows:
        found[contact_id].append(
            Occurrence(
                name,
                at,
                MappingProxyType(values(properties)),
                Verdict(verdict),
                id_,
                dedupe_key,
            )
        )
    return found


@cache
def _select_lock(dialect: str, *, free: bool) -> sa.Select[Any]:
    t = tables.Contact
    statement = sa.select(t.id).where(bulk.among_named(dialect, t.id, "ids")).order_by(t.id)
    return statement.with_for_update(key_share=True, skip_locked=free)


def lock(tx: Transaction, ids: Iterable[int]) -> None:
    """Hold these contacts, in one order for everybody, until the transaction ends.

    Rows that refer to a contact may still be inserted meanwhile: a receipt that adds to the
    content ledger while it holds a run must not wait for whoever holds the contact and wants the
    run. SQLite needs no lock: its writing transactions run one at a time.
    """
    wanted = sorted(set(ids))
    if wanted and tx.dialect.name == "postgresql":
        statement = _select_lock(tx.dialect.name, free=False)
        tx.execute(statement, {"ids": bulk.listed(tx, wanted)})


def lock_next(tx: Transaction, after: int, size: int) -> list[int]:
    """Hold the next `size` contacts with ids above `after`; return them, ascending."""
    t = tables.Contact
    there = sa.select(t.id).where(t.id > after, t.erased_at.is_(None))
    statement = there.order_by(t.id).limit(size)
    return list(tx.execute(statement.with_for_update(key_share=True)).scalars())


def lock_free(tx: Transaction, ids: Iterable[int]) -> set[int]:
    """Hold those of these contacts whom nobody else holds just now, and return them.

    It never waits, so whoever holds other rows already can ask for it.
    """
    wanted = set(ids)
    if tx.dialect.name != "postgresql":
        return wanted
    statement = _select_lock(tx.dialect.name, free=True)
    return set(tx.execute(statement, {"ids": bulk.listed(tx, sorted(wanted))}).scalars())


def addressees(tx: Transaction, ids: Iterable[int]) -> dict[int, Addressee]:
    """Return the contacts with these ids as addressees, by id."""
    t = tables.Contact
    statement = sa.select(t.id, t.email, t.language, t.fields, t.persona).where(
        bulk.among(tx, t.id, sorted(set(ids))), t.erased_at.is_(None)
    )
    return {row[0]: Addressee(*row) for row in tx.execute(statement).all()}


def ids_by_address(tx: Transaction, addresses: Iterable[str]) -> dict[str, int]:
    """Return the ids of the contacts with these normalised addresses."""
    t = tables.Contact
    rows = tx.execute(sa.select(t.address, t.id).where(bulk.among(tx, t.address, addresses)))
    return {address: key for address, key in rows}  # noqa: C416 - rows are not pairs to mypy
