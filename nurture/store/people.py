"""What the rules want to know about contacts, read for many contacts at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from nurture.domain.contact import Contact, Occurrence, Standing, Value, Verdict
from nurture.domain.zones import COMPANY_ZONE
from nurture.store import bulk, tables
from nurture.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Need:
    """Which costly facts the rules at hand ask for; the cheap ones are always read."""

    history: bool = False
    received: bool = True
    sequences: bool = False
    track: str = "default"


def contacts(tx: Transaction, ids: Iterable[int], need: Need) -> dict[int, Contact]:
    """Return the contacts with these ids, by id; unknown ids are absent."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    c, s = tables.Contact, tables.Standing
    rows = tx.execute(
        sa.select(
            c.id, c.address, c.address_key, c.language, c.timezone, c.fields, c.tags, c.consents,
            c.persona, s.stage, s.highest, s.since, s.rests_until, s.engagement, s.fit, s.grade,
            s.temperature,
        )
        .join(s, sa.and_(s.contact_id == c.id, s.track == need.track), isouter=True)
        .where(bulk.among(tx, c.id, wanted))
    ).all()  # fmt: skip
    scopes = _suppressions(tx, {row.address_key for row in rows})
    received = _received(tx, wanted) if need.received else {}
    histories = history(tx, wanted) if need.history else {}
    members = _sequences(tx, wanted) if need.sequences else {}
    found = {}
    # Rows are taken apart at once: asking one for each column by its name takes far longer.
    for (
        id_, address, address_key, language, timezone, fields, tags, consents,
        persona, stage, highest, since, rests_until, engagement, fit, grade, temperature,
    ) in rows:  # fmt: skip
        found[id_] = Contact(
            id=id_,
            address=address,
            language=language,
            timezone=timezone,
            fields=MappingProxyType(_values(fields)),
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
            company_timezone=company_zone(fields),
            history=tuple(histories.get(id_, ())),
        )
    return found


def company_zone(fields: Mapping[str, Any]) -> str:
    """Return the time zone of a contact's company, as their fields name it."""
    named = fields.get(COMPANY_ZONE)
    return named.strip() if isinstance(named, str) else ""


def _values(fields: dict[str, Any]) -> dict[str, Value]:
    return {
        key: tuple(str(one) for one in value) if isinstance(value, list) else value
        for key, value in fields.items()
        if not isinstance(value, dict)
    }


def _suppressions(tx: Transaction, keys: Iterable[str]) -> dict[str, frozenset[str]]:
    t = tables.Suppression
    found: dict[str, set[str]] = defaultdict(set)
    statement = sa.select(t.address_key, t.scope).where(
        bulk.among(tx, t.address_key, keys), t.lifted_at.is_(None)
    )
    for key, scope in tx.execute(statement):
        found[key].add(scope)
    return {key: frozenset(scopes) for key, scopes in found.items()}


def _received(tx: Transaction, ids: list[int]) -> dict[int, frozenset[str]]:
    t = tables.Received
    found: dict[int, set[str]] = defaultdict(set)
    for contact_id, content in tx.execute(
        sa.select(t.contact_id, t.content).where(bulk.among(tx, t.contact_id, ids))
    ):
        found[contact_id].add(content)
    return {key: frozenset(contents) for key, contents in found.items()}


def _sequences(tx: Transaction, ids: list[int]) -> dict[int, frozenset[str]]:
    t = tables.Enrollment
    found: dict[int, set[str]] = defaultdict(set)
    statement = (
        sa.select(t.contact_id, tables.Sequence.key)
        .join(tables.Sequence, tables.Sequence.id == t.sequence_id)
        .where(bulk.among(tx, t.contact_id, ids), t.ended_at.is_(None))
    )
    for contact_id, key in tx.execute(statement):
        found[contact_id].add(key)
    return {key: frozenset(keys) for key, keys in found.items()}


def history(tx: Transaction, ids: Iterable[int]) -> dict[int, list[Occurrence]]:
    """Return the occurrences of each contact, oldest first."""
    t = tables.Event
    found: dict[int, list[Occurrence]] = defaultdict(list)
    statement = (
        sa.select(t.contact_id, t.id, t.name, t.occurred_at, t.verdict, t.properties, t.dedupe_key)
        .where(bulk.among(tx, t.contact_id, ids))
        .order_by(t.occurred_at, t.id)
    )
    for row in tx.execute(statement):
        found[row.contact_id].append(
            Occurrence(
                row.name,
                row.occurred_at,
                MappingProxyType(_values(row.properties)),
                Verdict(row.verdict),
                row.id,
                row.dedupe_key,
            )
        )
    return found


def lock(tx: Transaction, ids: Iterable[int]) -> None:
    """Hold these contacts, in one order for everybody, until the transaction ends.

    Rows that refer to a contact may still be inserted meanwhile: a receipt that adds to the
    content ledger while it holds a run must not wait for whoever holds the contact and wants the
    run. SQLite needs no lock: its writing transactions run one at a time.
    """
    if tx.dialect.name == "postgresql":
        t = tables.Contact
        tx.execute(
            sa.select(t.id)
            .where(bulk.among(tx, t.id, sorted(set(ids))))
            .order_by(t.id)
            .with_for_update(key_share=True)
        )


def lock_free(tx: Transaction, ids: Iterable[int]) -> set[int]:
    """Hold those of these contacts whom nobody else holds just now, and return them.

    It never waits, so whoever holds other rows already can ask for it.
    """
    wanted = set(ids)
    if tx.dialect.name != "postgresql":
        return wanted
    t = tables.Contact
    statement = sa.select(t.id).where(bulk.among(tx, t.id, sorted(wanted))).order_by(t.id)
    return set(tx.execute(statement.with_for_update(key_share=True, skip_locked=True)).scalars())


@dataclass(frozen=True, slots=True)
class Addressee:
    """What an email needs of a contact beyond the rules: their name and all their fields."""

    id: int
    email: str
    language: str
    fields: dict[str, Any]
    persona: str = ""


def addressees(tx: Transaction, ids: Iterable[int]) -> dict[int, Addressee]:
    """Return the contacts with these ids as addressees, by id."""
    t = tables.Contact
    statement = sa.select(t.id, t.email, t.language, t.fields, t.persona).where(
        bulk.among(tx, t.id, sorted(set(ids)))
    )
    return {row[0]: Addressee(*row) for row in tx.execute(statement).all()}


def ids_by_address(tx: Transaction, addresses: Iterable[str]) -> dict[str, int]:
    """Return the ids of the contacts with these normalised addresses."""
    t = tables.Contact
    rows = tx.execute(sa.select(t.address, t.id).where(bulk.among(tx, t.address, addresses)))
    return {address: key for address, key in rows}  # noqa: C416 - rows are not pairs to mypy
