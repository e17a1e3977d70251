"""What the pages' queries share: keyset pages, and a contact as lists show one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from nurture.store import tables

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows of a keyset page, and the keys to ask for the pages before and after it.

    `newer` and `older` are None at the ends. Nothing is counted or skipped, so that the
    thousandth page costs as little as the first.
    """

    rows: tuple[Row, ...]
    newer: int | None = None
    older: int | None = None


def paged(
    found: Sequence[Row], keys: Sequence[int], limit: int, *, backwards: bool, middle: bool
) -> Page[Row]:
    """Make a page, newest first, of up to `limit` + 1 rows read in the direction of travel.

    `backwards` says that they were read oldest first, on the way to newer ones; `middle` that
    the page was asked for by a key, so that there is something on the side it came from.
    """
    more = len(found) > limit
    rows, ids = list(found[:limit]), list(keys[:limit])
    if backwards:
        rows.reverse()
        ids.reverse()
    if not rows:
        return Page(())
    newer, older = (more, middle) if backwards else (middle, more)
    return Page(tuple(rows), ids[0] if newer else None, ids[-1] if older else None)


@dataclass(frozen=True, slots=True)
class Person:
    """Who a row is about; a person without an address was erased."""

    id: int
    email: str
    name: str


def name_of(fields: dict[str, Any], language: str) -> str:
    """Return a contact's name in the order of their language; empty when none is known."""
    first, last = str(fields.get("first_name") or ""), str(fields.get("last_name") or "")
    parts = (last, first) if language == "vi" else (first, last)
    return " ".join(part for part in parts if part)


C = tables.Contact
PERSON = (C.id.label("person_id"), C.email, C.fields, C.language)


def person_of(row: sa.Row[Any]) -> Person:
    """Return the person of a row that selected PERSON."""
    return Person(row.person_id, row.email, name_of(row.fields, row.language))
