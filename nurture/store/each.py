"""Rows of many numbered things, found by an index for each of them."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import InstrumentedAttribute

from nurture.store.bulk import UNSAID, among_named

Rows = sa.Select[*tuple[Any, ...]] | sa.CompoundSelect[*tuple[Any, ...]]
Wanted = Callable[[InstrumentedAttribute[Any]], sa.ColumnElement[bool]]


def each_named(
    dialect: str,
    name: str,
    of: Callable[[Wanted], Rows],
) -> Rows:
    """Return the rows that `of` selects for the numbers that `listed` returns, given for `name`.

    `of` is told how to say that a column is one of them. On PostgreSQL they are taken one by one,
    so that the index is used even by a plan that was made, and kept, while the table was empty:
    reading all of it for each of them would be a hundred times the work.
    """
    if dialect != "postgresql":
        return of(lambda column: among_named(dialect, column, name))
    ids = sa.cast(sa.bindparam(name, type_=UNSAID), postgresql.ARRAY(sa.BigInteger))
    unnested = sa.func.unnest(ids).table_valued(sa.column("id", sa.BigInteger), name="wanted")
    wanted = unnested.render_derived()
    each = of(lambda column: column == wanted.c.id).offset(sa.literal_column("0")).lateral("each")
    return sa.select(*each.c).select_from(wanted.join(each, sa.true()))
