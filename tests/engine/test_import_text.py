"""Files as Excel and Vietnamese Windows write them: encodings, delimiters, lines and damage."""

import io
import unicodedata

import pytest

from nurture.engine.importing_csv import MOST_CHARACTERS, Row, Table
from nurture.engine.importing_text import examine
from nurture.errors import Invalid
from tests.engine.importing_world import table_of

VIETNAMESE = "Email;Họ tên\r\nlan@example.com;Nguyễn Thị Lan\r\nduc@example.com;Trần Đình Đức\r\n"


def read(table: Table) -> list[tuple[str, ...]]:
    return [row.cells for row in table.rows() if not row.is_blank]


def cp1258(text: str) -> bytes:
    """Write as Vietnamese Windows does: some letters whole, the tones as marks behind them."""
    written = b""
    for sign in unicodedata.normalize("NFC", text):
        try:
            written += sign.encode("cp1258")
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", sign)
            tone = next(part for part in parts if part in "\u0300\u0301\u0303\u0309\u0323")
            bare = unicodedata.normalize("NFC", parts.replace(tone, ""))
            written += bare.encode("cp1258") + tone.encode("cp1258")
    return written


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (VIETNAMESE.encode(), "utf-8"),
        (VIETNAMESE.encode("utf-8-sig"), "utf-8-sig"),
        (VIETNAMESE.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + VIETNAMESE.encode("utf-16-be"), "utf-16"),
        (VIETNAMESE.encode("utf-16-le"), "utf-16-le"),
        (VIETNAMESE.encode("utf-16-be"), "utf-16-be"),
        (VIETNAMESE.encode("utf-32"), "utf-32"),
        (cp1258(VIETNAMESE), "cp1258"),
    ],
)
def test_every_encoding_gives_the_same_names(content: bytes, encoding: str) -> None:
    table = table_of(content)
    assert table.source.encoding == encoding
    assert table.delimiter == ";"
    found = [tuple(unicodedata.normalize("NFC", cell) for cell in cells) for cells in read(table)]
    assert found == [
        ("lan@example.com", "Nguyễn Thị Lan"),
        ("duc@example.com", "Trần Đình Đức"),
    ]


def test_western_windows_is_told_from_vietnamese() -> None:
    table = table_of("Email;Nom\nzoe@example.com;Zoë Garçon, però così\n".encode("cp1252"))
    assert table.source.encoding == "cp1252"
    assert read(table) == [("zoe@example.com", "Zoë Garçon, però così")]


def test_one_broken_byte_does_not_turn_all_other_names_into_rubbish() -> None:
    rows = "".join(f"p{n}@example.com,Nguyễn {n}\n" for n in range(50))
    table = table_of(("email,name\n" + rows).encode() + b"bad@example.com,Nguy\xff\n")
    assert table.source.encoding == "utf-8"
    *good, last = table.rows()
    assert {row.fault for row in good} == {""}
    assert (last.line, last.fault) == (52, "unreadable")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_although_others_stand_in_the_text(delimiter: str) -> None:
    title = delimiter.join(("email", "company"))
    other = ";" if delimiter == "," else ","
    row = delimiter.join(("a@example.com", f"Phở{other} bún{other} cơm"))
    assert table_of(f"{title}\n{row}\n").delimiter == delimiter


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_first_line_of_excel_tells_the_delimiter_and_counts_as_a_line(first: str) -> None:
    table = table_of(f"{first}\r\nemail;a,b,c\r\nx@example.com;1\r\n")
    assert table.delimiter == ";"
    assert table.titles == ("email", "a,b,c")
    assert [(row.line, row.cells) for row in table.rows()] == [(3, ("x@example.com", "1"))]


def test_a_row_is_known_by_its_first_line_when_its_cells_hold_line_breaks() -> None:
    text = 'email,note\r\na@example.com,"one\r\ntwo\r\nthree"\r\n\r\nb@example.com,four\r\n'
    found = [(row.line, row.cells) for row in table_of(text).rows() if not row.is_blank]
    assert found == [
        (2, ("a@example.com", "one\ntwo\nthree")),
        (6, ("b@example.com", "four")),
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_machine(ending: str) -> None:
    text = ending.join(("email,name", "a@example.com,A", "b@example.com,B"))
    assert [row.line for row in table_of(text).rows()] == [2, 3]


def test_a_quotation_mark_that_nobody_closes_costs_one_row_only() -> None:
    text = 'email,note\na@example.com,"open\nb@example.com,fine\nc@example.com,"also ""fine"""\n'
    assert list(table_of(text).rows()) == [
        Row(2, ('a@example.com,"open',), "quote"),
        Row(3, ("b@example.com", "fine")),
        Row(4, ("c@example.com", 'also "fine"')),
    ]


def test_an_open_quotation_mark_far_from_the_end_costs_one_row_only() -> None:
    many = "".join(f"p{n}@example.com,{'x' * 90}\n" for n in range(3_000))
    found = list(table_of('email,note\na@example.com,"open\n' + many).rows())
    assert [row.line for row in found if row.fault] == [2]
    assert len(found) == 3_001
    assert found[-1].line == 3_002


def test_a_monstrous_line_is_passed_over_without_filling_the_memory() -> None:
    monster = "x" * (MOST_CHARACTERS * 3)
    text = f"email\na@example.com\n{monster}\nb@example.com\n"
    found = [(row.line, row.fault) for row in table_of(text).rows()]
    assert found == [(2, ""), (3, "too_long"), (4, "")]


def test_nul_bytes_and_empty_lines_stop_nothing() -> None:
    text = "email,name\n\n\na@example.com,L\0an\n;;\n,,\n"
    found = list(table_of(text).rows())
    assert [row.line for row in found if row.is_blank] == [2, 3, 6]
    assert ("a@example.com", "L\0an") in [row.cells for row in found]


def test_a_bare_list_of_addresses_needs_no_titles() -> None:
    table = table_of("a@example.com\nb@example.com\n")
    assert not table.has_titles
    assert read(table) == [("a@example.com",), ("b@example.com",)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"%PDF-1.7", "PDF"),
        (b"", "empty"),
        (b"\n\n \r\n", "empty"),
        (("a;" * 400).encode(), "columns"),
    ],
)
def test_what_is_no_table_is_refused_with_a_remedy(content: bytes, told: str) -> None:
    with pytest.raises(Invalid, match=told) as caught:
        table_of(content)
    assert caught.value.remedy


def test_a_stream_that_cannot_be_read_twice_is_refused() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(Invalid, match="twice"):
        examine(Pipe(b"email\n"))


def test_reading_leaves_the_stream_open_for_its_owner() -> None:
    stream = io.BytesIO(b"email\na@example.com\n")
    table = Table.open(stream, "x.csv")
    assert list(table.rows()) == list(table.rows())
    assert not stream.closed
