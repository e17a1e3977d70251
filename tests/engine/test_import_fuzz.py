"""Any bytes at all: an import never crashes, and every row is either in or rejected."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nurture.config import Settings
from nurture.engine.importing_csv import Row, Table
from nurture.errors import Invalid
from tests.engine.importing_world import contacts, import_world, imported, table_of
from tests.engine.sequence_world import World

PIECES = st.sampled_from(
    [
        "a@example.com", "B@Example.com", "c@example.com", "đ@x.vn", "@", "Lan", "Nguyễn", "x" * 50,
        '"', '""', ",", ";", "\t", "\n", "\r\n", "\r", "\0", "\ufeff", "\ufffd", "\u0301", "=1+1",
        "vi", "lead", "mql", "boss", "UTC+7", "Mars", "12", "1,5", "hot", "no", "yes", "{",
        "\x1b[0m", "\u2028", "💖", "\U0010ffff",
    ]
)  # fmt: skip
TITLES = "email,name,stage,language,timezone,seats,renewal,tags,consent,source,products,any\n"
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1258", "cp1252"])
BODIES = st.lists(PIECES, max_size=60).map("".join)


@pytest.fixture
def shop(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[World]:
    """A published funnel for imports, on both databases."""
    made = import_world(settings, database_url, tmp_path)
    yield made
    made.close()


def opened(content: bytes) -> Table | str:
    """The table in `content`, or what to do when there is none."""
    try:
        return table_of(content)
    except Invalid as error:
        return error.remedy


@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_refused(content: bytes) -> None:
    table = opened(content)
    assert table
    if isinstance(table, Table):
        assert all(isinstance(row, Row) for row in table.rows())


@given(BODIES, ENCODINGS)
def test_no_line_of_a_file_is_lost(body: str, encoding: str) -> None:
    content = ("email;note\n" + body).encode(encoding, "ignore")
    table = opened(content)
    if isinstance(table, str):
        return
    lines = [row.line for row in table.rows()]
    assert lines == sorted(set(lines))
    # Rows that were cut at line breaks begin on every line; only quoted breaks join lines.
    if '"' not in body:
        text = content.decode(table.source.encoding, "replace")
        assert len(lines) == len(io.StringIO(text, newline=None).readlines()) - 1


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, encoding=ENCODINGS)
def test_every_row_is_in_or_rejected(shop: World, tmp_path: Path, body: str, encoding: str) -> None:
    rejects = tmp_path / "rejected.csv"
    rejects.unlink(missing_ok=True)
    content = (TITLES + body).encode(encoding, "ignore")
    table = opened(content)
    if isinstance(table, str) or "email" not in table.titles:
        return
    before = len(contacts(shop.deps))
    result = imported(shop.deps, content, rejects=rejects, again=True)
    assert sum(result.counts.values()) == result.rows == len(list(table.rows()))
    assert len(contacts(shop.deps)) == before + result.counts["created"]
    written = 0
    if result.rejects is not None:
        text = rejects.read_bytes().decode("utf-8-sig")
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=table.delimiter)
        written = len(list(lines)) - 1
    assert written == result.counts["rejected"]
