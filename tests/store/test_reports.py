"""What pages read, on both databases: whole, in order, and in few statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from nurture.engine.dependencies import Dependencies
from nurture.store import (
    operations,
    reports_contact,
    reports_contacts,
    reports_health,
    reports_overview,
    reports_timeline,
    tables,
)
from nurture.store.reports_contacts import Wanted
from tests.web.seed import CONTACTS


@contextmanager
def counted(deps: Dependencies) -> Iterator[list[str]]:
    """The statements that the block sends to the database."""
    seen: list[str] = []

    def see(*event: object) -> None:
        if str(event[2]).startswith("SELECT"):
            seen.append(str(event[2]))

    sa.event.listen(deps.database.engine, "before_cursor_execute", see)
    yield seen
    sa.event.remove(deps.database.engine, "before_cursor_execute", see)


@pytest.mark.parametrize("size", [1, 7, CONTACTS, 100])
def test_pages_of_contacts_hold_everybody_once_forth_and_back(
    anywhere: Dependencies, size: int
) -> None:
    with anywhere.database.read() as tx:
        forth = []
        page = reports_contacts.page(tx, Wanted(), limit=size)
        assert page.newer is None
        while True:
            forth.append([one.id for one in page.rows])
            if page.older is None:
                break
            page = reports_contacts.page(tx, Wanted(), before=page.older, limit=size)
        back = [[one.id for one in page.rows]]
        while page.newer is not None:
            page = reports_contacts.page(tx, Wanted(), after=page.newer, limit=size)
            back.insert(0, [one.id for one in page.rows])
    assert [key for part in forth for key in part] == list(range(CONTACTS, 0, -1))
    assert sorted(key for part in back for key in part) == list(range(1, CONTACTS + 1))


def test_a_page_costs_one_statement_however_many_it_shows(anywhere: Dependencies) -> None:
    for limit in (2, CONTACTS):
        with anywhere.database.read() as tx, counted(anywhere) as statements:
            reports_contacts.page(tx, Wanted("nguyen"), limit=limit)
        assert len(statements) == 1


@pytest.mark.parametrize(
    ("search", "name"),
    [("do khanh", "Đỗ Khánh Ly"), ("ĐỖ KHÁNH", "Đỗ Khánh Ly"), ("lydo@post", "Đỗ Khánh Ly")],
)
def test_a_search_needs_no_accents(anywhere: Dependencies, search: str, name: str) -> None:
    with anywhere.database.read() as tx:
        found = reports_contacts.page(tx, Wanted(search))
    assert [one.name for one in found.rows] == [name]


@pytest.mark.parametrize("search", ["%", "_", "\\", "zzz"])
def test_a_search_takes_signs_literally(anywhere: Dependencies, search: str) -> None:
    with anywhere.database.read() as tx:
        found = reports_contacts.page(tx, Wanted(search + "q"))
    assert found.rows == ()


def test_a_suppressed_contact_is_marked_in_the_list(anywhere: Dependencies) -> None:
    with anywhere.database.read() as tx:
        rows = reports_contacts.page(tx, Wanted(), limit=CONTACTS).rows
    assert [one.id for one in rows if one.suppressed] == [5]


@pytest.mark.parametrize("size", [1, 3, 10])
def test_the_timeline_in_pages_is_the_whole_timeline(anywhere: Dependencies, size: int) -> None:
    # What is written in a transaction that only reads is taken back.
    with anywhere.database.read() as tx:
        at = anywhere.clock.now()
        for what, subject in (("tag", "31"), ("untag", "31"), ("qualify", "31"), ("tag", "3")):
            operations.note(tx, "lan", what, subject, {"tags": ["vip"]}, at)
        whole, more = reports_timeline.timeline(tx, 31, "key-31", limit=1_000)
        assert not more
        parts: list[reports_timeline.Happening] = []
        before = None
        while True:
            page, more = reports_timeline.timeline(tx, 31, "key-31", before=before, limit=size)
            parts += page
            if not more:
                break
            before = page[-1].place
        rows = sum(
            tx.execute(
                sa.select(sa.func.count()).select_from(table).where(table.contact_id == 31)
            ).scalar_one()
            for table in (
                tables.Consent, tables.Suppression, tables.StageChange, tables.Event,
                tables.Send, tables.Decision,
            )
        )  # fmt: skip
    assert parts == whole
    assert len(whole) == rows + 2
    assert [one.facts["by"] for one in whole if one.kind == "tags"] == ["lan", "lan"]
    assert {one.kind for one in whole} >= {"consent", "stage", "event", "send", "decision"}
    assert [one.place for one in whole] == sorted((one.place for one in whole), reverse=True)


def test_the_overview_counts_what_is_there(anywhere: Dependencies) -> None:
    now = anywhere.clock.now()
    with anywhere.database.read() as tx:
        assert sum(reports_overview.stages(tx, "default").values()) == CONTACTS
        assert sum(reports_overview.temperatures(tx, "default").values()) == CONTACTS
        moves = reports_overview.moves(tx, limit=100)
        assert moves == sorted(moves, key=lambda one: one.at, reverse=True)
        everything = reports_overview.moved_since(tx, now - timedelta(days=400))
        assert sum(everything.values()) == len(moves)
        t = tables.Send
        accepted = sa.select(sa.func.count()).select_from(t).where(t.status == "accepted")
        assert (
            reports_overview.sent_since(tx, now - timedelta(days=400))
            == tx.execute(accepted).scalar_one()
        )
        assert reports_overview.sent_since(tx, now + timedelta(days=1)) == 0
        busy = reports_overview.busy_sequences(tx, now - timedelta(days=400), limit=50)
        assert sum(one.sent for one in busy) == tx.execute(accepted).scalar_one()
        attention = reports_overview.attention(tx)
    assert (attention.uncertain, attention.failed_runs, attention.paused) == (1, 1, ())


def test_health_finds_what_is_stuck(anywhere: Dependencies) -> None:
    now = anywhere.clock.now()
    with anywhere.database.read() as tx:
        queue = reports_health.queue(tx, now, now - timedelta(minutes=5))
        assert (queue.ready, queue.overdue_runs) == (0, 0)
        later = now + timedelta(days=60)
        assert reports_health.queue(tx, later, later).overdue_runs > 10
        (doubt,) = reports_health.uncertain(tx)
        assert doubt.person.id == 9
        assert reports_health.uncertain(tx, after=doubt.send_id) == []
        (broken,) = reports_health.failed_runs(tx)
        assert broken.person.id == 10
        assert "cannot be written" in broken.error
        assert reports_health.holders(tx) == []
        assert reports_health.webhooks(tx).unknown == ()
        imported = reports_health.last_import(tx)
    assert imported is not None
    assert (imported.file_name, imported.rejected) == ("audience.csv", 2)


def test_opens_and_clicks_by_machines_do_not_count_as_engaged(anywhere: Dependencies) -> None:
    with anywhere.database.read() as tx:
        t = tables.Event
        machines = [
            key
            for key in tx.execute(sa.select(t.send_id).where(t.verdict == "machine")).scalars()
            if key is not None
        ]
        assert machines
        found = reports_contact.engaged(tx, machines)
    assert all("open" not in names for names in found.values())
