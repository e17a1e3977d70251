"""Many rows in one statement mean the same on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.store import bulk, tables
from nurture.store.database import Database
from tests.store.rows import NOW, contact, run, sequence

C, E = tables.Contact, tables.Enrollment


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


def read(database: Database, *columns: Any, order: Any = C.id) -> list[tuple[Any, ...]]:
    with database.read() as tx:
        return [tuple(row) for row in tx.execute(sa.select(*columns).order_by(order))]


def test_nothing_to_write_is_no_statement(database: Database) -> None:
    with database.begin() as tx:
        assert bulk.insert(tx, C, []) == []
        assert bulk.insert(tx, C, [], returning=("id",)) == []
        assert bulk.update(tx, C, []) == 0


def test_documents_texts_and_instants_come_back_as_they_went(database: Database) -> None:
    saigon = timezone(timedelta(hours=7))
    moment = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=saigon)
    fields = {"tên": 'Nguyễn "Lan" O\'Neill {1,2}', "n": 1.5, "list": ["a", None], "none": None}
    with database.begin() as tx:
        bulk.insert(
            tx, C,
            [
                contact("ana", fields=fields, tags=["a,b", 'c"d'], created_at=moment),
                contact("bo", source="back\\slash\nline\t, {}", fields={}),
            ],
        )  # fmt: skip
    ana, bo = read(database, C.fields, C.tags, C.created_at, C.source)
    assert ana == (fields, ["a,b", 'c"d'], moment, "")
    assert ana[2].tzinfo is UTC
    assert bo[3] == "back\\slash\nline\t, {}"


def test_nulls_stay_nulls(database: Database) -> None:
    with database.begin() as tx:
        (row,) = bulk.insert(tx, C, [contact("ana")], returning=("id",))
        keys = sequence(tx)
        bulk.insert(
            tx, E,
            [
                run(row.id, *keys, wake_at=NOW, state="waiting", track=""),
                run(row.id, *keys, wake_at=None, entry_key="b", track=""),
            ],
        )  # fmt: skip
    assert read(database, E.wake_at, order=E.id) == [(NOW,), (None,)]
    with database.begin() as tx:
        found = list(tx.execute(sa.select(E.id, E.state).order_by(E.id)))
        rows = [
            {"id": found[0].id, "state": "sending", "wake_at": None},
            {"id": found[1].id, "state": "waiting", "wake_at": NOW},
        ]
        assert bulk.update(tx, E, rows) == 2
    assert read(database, E.wake_at, order=E.id) == [(None,), (NOW,)]


def test_rows_that_are_there_are_passed_over_and_only_new_ones_come_back(
    database: Database,
) -> None:
    with database.begin() as tx:
        first = bulk.insert(tx, C, [contact("ana")], returning=("id", "address"))
        again = bulk.insert(
            tx, C, [contact("ana"), contact("bo"), contact("bo")],
            ignore_conflicts=True, returning=("id", "address"),
        )  # fmt: skip
    assert [row.address for row in first] == ["ana@example.com"]
    assert [row.address for row in again] == ["bo@example.com"]
    assert len(read(database, C.id)) == 2


def test_a_thousand_rows_keep_their_own_values(database: Database) -> None:
    with database.begin() as tx:
        bulk.insert(tx, C, [contact(f"p{n}", soft_bounces=n) for n in range(1_000)])
        rows = list(tx.execute(sa.select(C.id, C.soft_bounces)))
        changed = [{"id": row.id, "soft_bounces": row.soft_bounces * 2} for row in rows]
        assert bulk.update(tx, C, changed) == 1_000
        wrong = sa.select(sa.func.count()).where(C.address != sa.literal("p") + "x")
        assert tx.execute(wrong).scalar_one() == 1_000
    found = read(database, C.address, C.soft_bounces)
    assert all(bounces == 2 * int(address[1:].partition("@")[0]) for address, bounces in found)


def test_compare_and_set_writes_only_what_is_still_as_it_was_read(database: Database) -> None:
    with database.begin() as tx:
        (row,) = bulk.insert(tx, C, [contact("ana")], returning=("id",))
        keys = sequence(tx)
        first, second = bulk.insert(
            tx, E,
            [run(row.id, *keys, revision=3, track="", entry_key=key) for key in "ab"],
            returning=("id",),
        )  # fmt: skip
    rows = [
        {"id": first.id, "revision": 3, "step": "new"},
        {"id": second.id, "revision": 2, "step": "new"},
        {"id": 404, "revision": 3, "step": "new"},
    ]
    with database.begin() as tx:
        assert bulk.update(tx, E, rows, match=("id", "revision"), bump="revision") == 1
    found = dict(read(database, E.id, E.step, order=E.id))
    assert found == {first.id: "new", second.id: "hello"}
    assert dict(read(database, E.id, E.revision, order=E.id)) == {first.id: 4, second.id: 3}


def test_rows_are_put_over_those_that_are_there_and_deleted_by_what_they_hold(
    database: Database,
) -> None:
    r = tables.SegmentRecheck
    with database.begin() as tx:
        people = bulk.insert(tx, C, [contact("ana"), contact("bo")], returning=("id",))
        ana, bo = sorted(row.id for row in people)
        shared = {"document": {}, "digest": "", "published_at": NOW, "published_by": "test"}
        rows = [{"key": key, **shared} for key in "ab"]
        a, b = sorted(row.id for row in bulk.insert(tx, tables.Segment, rows, returning=("id",)))
        later = NOW + timedelta(days=1)

        def places(*some: tuple[int, int]) -> list[dict[str, Any]]:
            return [{"segment_id": one, "contact_id": key} for one, key in some]

        first = places((a, ana), (a, bo), (b, ana))
        bulk.put(tx, r, [{**one, "at": NOW} for one in first])
        bulk.put(tx, r, [{**one, "at": later} for one in places((a, bo), (b, bo))])
        bulk.put(tx, r, [])
        bulk.delete(tx, r, places((a, ana), (b, bo)))
        bulk.delete(tx, r, [])
    found = read(database, r.segment_id, r.contact_id, r.at, order=r.segment_id)
    assert found == [(a, bo, later), (b, ana, NOW)]
