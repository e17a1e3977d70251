"""An import that is killed, repeated or run twice at once ends as if nothing had happened."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine import importing
from nurture.engine.importing import ImportResult
from nurture.errors import Refused
from nurture.store import imports, tables
from tests.engine.importing_world import (
    consents,
    contacts,
    import_world,
    imported,
    table_of,
)
from tests.engine.sequence_world import NOW, World

LATER = NOW + timedelta(hours=1)
CHUNK = 7

# Duplicates, rejected rows and empty lines on both sides of the chunks' borders.
ROWS = [
    row
    for n in range(15)
    for row in (
        f"p{n}@example.com,Name {n},t{n}",
        f"P{n}@example.com,,u{n}" if n % 4 == 0 else "",
        f"broken {n},x," if n % 3 == 0 else "",
        f"p{n // 2}@example.com,,again" if n % 5 == 0 else "",
    )
]
FILE = "email,first_name,tags\n" + "\n".join(ROWS) + "\n"
CHUNKS = -(-len(ROWS) // CHUNK)


class Killed(BaseException):
    """Stands for the end of the process."""


class KillAfter:
    """A progress that ends the process after so many chunks."""

    def __init__(self, chunks: int) -> None:
        self.left = chunks

    def __call__(self, _so_far: ImportResult) -> None:
        # The first call comes before the first chunk.
        if self.left == 0:
            raise Killed
        self.left -= 1


@pytest.fixture
def shop(
    settings: Settings, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A published funnel for imports with small chunks, on both databases."""
    monkeypatch.setattr(importing, "CHUNK", CHUNK)
    made = import_world(settings, database_url, tmp_path)
    yield made
    made.close()


def state(shop: World) -> dict[str, Any]:
    """What an import left, without what only tells when it ran."""
    return {
        address: (one["fields"], one["tags"], one["consents"], one["stage"], one["runs"])
        for address, one in contacts(shop.deps).items()
    }


def rejected_rows(path: Path) -> list[list[str]]:
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_an_import_killed_after_every_chunk_ends_like_one_that_was_not(
    shop: World, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejected.csv"
    at = NOW
    for chunk in range(CHUNKS + 1):
        with pytest.raises(Killed):
            imported(shop.deps, FILE, at, KillAfter(0 if chunk == 0 else 1), rejects=rejects)
        at += timedelta(minutes=1)
    result = imported(shop.deps, FILE, at, rejects=rejects)
    assert result.resumed_at == len(ROWS)
    assert result.counts == {
        "created": 15, "duplicates": 7, "rejected": 5, "blank": len(ROWS) - 27,
    }  # fmt: skip
    assert set(state(shop)) == {f"p{n}@example.com" for n in range(15)}
    assert {one["runs"] for one in contacts(shop.deps).values()} == {1}
    assert len(consents(shop.deps)) == 15
    titles, *rows = rejected_rows(rejects)
    assert titles == ["email", "first_name", "tags", "Nurture: line", "Nurture: reason"]
    assert [row[0] for row in rows] == [f"broken {n}" for n in (0, 3, 6, 9, 12)]
    assert [int(row[3]) for row in rows] == [
        number for number, row in enumerate(ROWS, start=2) if row.startswith("broken")
    ]


@pytest.mark.parametrize("kill_after", range(1, CHUNKS + 1))
def test_a_killed_import_goes_on_from_any_chunk(
    shop: World, tmp_path: Path, kill_after: int
) -> None:
    rejects = tmp_path / "rejected.csv"
    with pytest.raises(Killed):
        imported(shop.deps, FILE, NOW, KillAfter(kill_after), rejects=rejects)
    half = len(contacts(shop.deps))
    result = imported(shop.deps, FILE, LATER, rejects=rejects)
    assert result.resumed_at == min(kill_after * CHUNK, len(ROWS))
    assert half <= len(contacts(shop.deps)) == 15
    assert result.counts["rejected"] == 5 == len(rejected_rows(rejects)) - 1
    again = imported(shop.deps, FILE, LATER, rejects=rejects)
    assert again.already
    assert again.counts == result.counts


def test_what_a_killed_process_wrote_beyond_its_last_commit_is_cut_off(
    shop: World, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejected.csv"
    with pytest.raises(Killed):
        imported(shop.deps, FILE, NOW, KillAfter(1), rejects=rejects)
    with rejects.open("ab") as file:
        file.write(b"half a row that no transaction")
    imported(shop.deps, FILE, LATER, rejects=rejects)
    assert [row[0] for row in rejected_rows(rejects)[1:]] == [
        f"broken {n}" for n in (0, 3, 6, 9, 12)
    ]


def test_a_chunk_that_fails_leaves_nothing_half_done(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = imports.note_run

    def fail_in_the_third(*told: Any) -> None:
        noted(*told)
        if told[3]["created"] > 8:
            raise Killed

    monkeypatch.setattr(imports, "note_run", fail_in_the_third)
    with pytest.raises(Killed):
        imported(shop.deps, FILE)
    half = len(contacts(shop.deps))
    assert half == len(consents(shop.deps)) < 15
    monkeypatch.undo()
    imported(shop.deps, FILE, LATER)
    assert len(contacts(shop.deps)) == len(consents(shop.deps)) == 15


def test_the_same_file_again_changes_nothing(shop: World) -> None:
    first = imported(shop.deps, FILE)
    before = state(shop)
    second = imported(shop.deps, FILE, LATER)
    assert (first.already, second.already) == (False, True)
    assert second.counts == first.counts
    assert state(shop) == before


def test_the_same_file_once_more_on_request_finds_everybody_known(shop: World) -> None:
    imported(shop.deps, FILE)
    before = state(shop)
    result = imported(shop.deps, FILE, LATER, again=True)
    assert not result.already
    assert result.counts["unchanged"] == 22
    assert result.counts["rejected"] == 5
    assert state(shop) == before
    assert len(consents(shop.deps)) == 15


def test_an_interrupted_import_is_not_continued_under_other_options(shop: World) -> None:
    with pytest.raises(Killed):
        imported(shop.deps, FILE, NOW, KillAfter(2))
    with pytest.raises(Refused, match="other options") as caught:
        imported(shop.deps, FILE, LATER, source="elsewhere")
    assert "--again" in caught.value.remedy
    result = imported(shop.deps, FILE, LATER, source="elsewhere", again=True)
    assert result.rows == len(ROWS)


def test_two_processes_do_not_import_one_file_side_by_side(shop: World) -> None:
    class Meanwhile:
        calls = 0

        def __call__(self, _so_far: ImportResult) -> None:
            self.calls += 1
            if self.calls == 2:
                imported(shop.deps, FILE, LATER)

    with pytest.raises(Refused, match="another process"):
        imported(shop.deps, FILE, NOW, Meanwhile())
    assert len(contacts(shop.deps)) == len(consents(shop.deps)) == 15


def test_a_contact_whom_somebody_else_creates_meanwhile_is_merged(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(shop.deps, "email,first_name\na@example.com,An\n")
    look = imports.by_address
    blind = [True]

    def overlook_once(*told: Any, **how: Any) -> dict[str, imports.Stored]:
        return {} if blind and blind.pop() else look(*told, **how)

    monkeypatch.setattr(imports, "by_address", overlook_once)
    result = imported(shop.deps, "email,tags\nb@example.com,\na@example.com,x\n", LATER)
    assert not blind
    assert result.counts == {"created": 1, "updated": 1}
    assert contacts(shop.deps)["a@example.com"]["tags"] == ["x"]


def test_the_result_does_not_depend_on_where_chunks_end(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(shop.deps, FILE)
    in_sevens = state(shop)
    with shop.deps.database.begin() as tx:
        for model in (
            tables.Decision, tables.Send, tables.Enrollment, tables.StageChange, tables.Consent,
            tables.Standing, tables.Contact, tables.ImportRun,
        ):  # fmt: skip
            tx.execute(sa.delete(model))
    monkeypatch.setattr(importing, "CHUNK", 1_000)
    imported(shop.deps, FILE)
    assert state(shop) == in_sevens


def test_rejected_rows_can_be_corrected_and_imported(shop: World, tmp_path: Path) -> None:
    rejects = tmp_path / "rejected.csv"
    text = "sep=;\nemail;Tên\n;Lan\nduc@;Đức;extra\n"
    imported(shop.deps, text, rejects=rejects, language="vi")
    content = rejects.read_bytes()
    assert content.decode("utf-8-sig").splitlines() == [
        "email;Tên;Nurture: dòng;Nurture: lý do",
        ";Lan;3;Thiếu địa chỉ email.",
        "duc@;Đức;4;Dòng có nhiều ô hơn số cột.;extra",
    ]
    fixed = content.replace(b"\n;Lan", b"\nlan@example.com;Lan").replace(b"duc@", b"duc@x.test")
    assert table_of(fixed).delimiter == ";"
    result = imported(shop.deps, fixed.replace(b";extra", b""), LATER)
    assert result.counts == {"created": 2}
    assert contacts(shop.deps)["lan@example.com"]["fields"] == {
        "first_name": "Lan", "source": "fair",
    }  # fmt: skip


def test_ten_thousand_rows_go_in(
    settings: Settings, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = import_world(settings, sqlite_url, tmp_path)
    text = "email,name,seats\n" + "".join(
        f"p{n}@example.com,Nguyễn Văn {n},{n}\n" for n in range(10_000)
    )
    seen: list[int] = []
    result = imported(made.deps, text.encode("utf-16"), progress=lambda r: seen.append(r.rows))
    assert result.counts == {"created": 10_000}
    assert seen == list(range(0, 10_001, 1_000))
    assert result.bytes_done == result.size
    with made.deps.database.read() as tx:
        live = sa.select(sa.func.count()).where(tables.Enrollment.ended_at.is_(None))
        assert tx.execute(live).scalar() == 10_000
    made.close()
