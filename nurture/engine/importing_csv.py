"""Rows out of a delimited text: any delimiter, any damage, a line number for each.

A row that cannot be read is handed out as such, with what it was, and reading goes on behind it;
one quotation mark that nobody closed costs one row and not the rest of the file.
"""

import csv
import io
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Self

from nurture.engine.importing_text import Source, decoded, examine
from nurture.errors import Invalid

DELIMITERS = (",", ";", "\t", "|")
MOST_COLUMNS = 300

# The longest row, in characters: with its quoted line breaks, and far above what a sheet holds.
# It stays below the limit of the csv module, which is global to the process.
MOST_CHARACTERS = 100_000
SAMPLE_LINES = 25

# Where a cell of the first row is an address, it is no title.
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file: the line it begins on, its cells, and why it cannot be read.

    `fault` is the code of a reason, empty for a good row. A row with no cell filled is blank.
    """

    line: int
    cells: tuple[str, ...]
    fault: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it."""
        return not self.fault and not any(cell.strip() for cell in self.cells)


class _TooLong(Exception):
    """A row is longer than rows are, perhaps because a quotation mark was not closed."""


@dataclass
class _Lines:
    """Lines with their numbers, which can be pushed back: `taken` are those of this row."""

    text: io.TextIOWrapper
    number: int = 0
    taken: list[str] = field(default_factory=list)
    _back: list[str] = field(default_factory=list)
    _length: int = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else self.text.readline(MOST_CHARACTERS)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._length += len(line)
        if self._length >= MOST_CHARACTERS:
            raise _TooLong
        return line

    def begin(self) -> int:
        """Begin a row; return the number of its first line."""
        self.number += len(self.taken)
        self.taken, self._length = [], 0
        return self.number + 1

    def give_up(self) -> str:
        """Keep only the first line of this row, and read the others again as rows of their own."""
        first = self.taken[0]
        self._back.extend(reversed(self.taken[1:]))
        self.taken = [first]
        if not first.endswith("\n") and not self._back:
            # One monstrous line: passed over piece by piece, so that it never fills the memory.
            while (more := self.text.readline(MOST_CHARACTERS)) and not more.endswith("\n"):
                pass
        return first.rstrip("\n")


def rows(text: io.TextIOWrapper, delimiter: str) -> Iterator[Row]:
    """Yield the rows of `text`, good and unreadable ones, in their order."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _TooLong:
            whole = len(lines.taken[0]) >= MOST_CHARACTERS
            yield Row(line, (lines.give_up(),), "too_long" if whole else "quote")
        except csv.Error:
            yield Row(line, (lines.give_up(),), "quote")
        else:
            yield Row(line, tuple(cells), "unreadable" if _broken(cells) else "")


def _broken(cells: list[str]) -> bool:
    return any("\ufffd" in cell for cell in cells)


@dataclass(frozen=True, slots=True)
class Table:
    """An opened file: its name, what it is, its delimiter, and the titles of its columns.

    `has_titles` is False for a bare list without a first row of titles; its columns are then
    called by their numbers. The stream belongs to whoever opened it and stays open.
    """

    name: str
    stream: BinaryIO
    source: Source
    delimiter: str
    titles: tuple[str, ...]
    has_titles: bool
    sample: tuple[Row, ...]
    skipped: int

    @classmethod
    def open(cls, stream: BinaryIO, name: str) -> Self:
        """Look at a file; raises Invalid, with what to do, when it holds no table."""
        source = examine(stream)
        text = decoded(stream, source.encoding)
        try:
            first = text.readline(MOST_CHARACTERS)
            told = _told_delimiter(first)
            rest = [] if told else [first]
            while len(rest) < SAMPLE_LINES and (line := text.readline(MOST_CHARACTERS)):
                rest.append(line)
        finally:
            text.detach()
        delimiter = told or guess_delimiter([line for line in rest if line.strip()])
        table = cls(
            name, stream, source, delimiter,
            titles=(), has_titles=False, sample=(), skipped=1 if told else 0,
        )  # fmt: skip
        found = table._head()
        if not found:
            raise Invalid("the file is empty", remedy="Give a file with a row of titles and rows.")
        has_titles = not any(_ADDRESS.fullmatch(cell.strip()) for cell in found[0].cells)
        width = max(len(row.cells) for row in found)
        titles = found[0].cells if has_titles else tuple(str(n + 1) for n in range(width))
        if len(titles) > MOST_COLUMNS:
            raise Invalid(
                f"the file has {len(titles)} columns",
                remedy=f"Give one with up to {MOST_COLUMNS}; is the delimiter {delimiter!r} right?",
            )
        sample = tuple(found[1:] if has_titles else found)
        return cls(name, stream, source, delimiter, titles, has_titles, sample, table.skipped)

    def rows(self) -> Generator[Row, None, None]:
        """Yield the rows below the titles, from the beginning of the file."""
        every = self._every()
        if self.has_titles:
            for row in every:
                if not row.is_blank:
                    break
        yield from every

    def position(self) -> int:
        """Return how many bytes have been read so far."""
        return self.stream.tell()

    def _every(self) -> Generator[Row, None, None]:
        self.stream.seek(0)
        text = decoded(self.stream, self.source.encoding)
        try:
            for _ in range(self.skipped):
                text.readline(MOST_CHARACTERS)
            for row in rows(text, self.delimiter):
                yield Row(row.line + self.skipped, row.cells, row.fault)
        finally:
            # Otherwise the wrapper would close a stream that is not ours.
            text.detach()

    def _head(self) -> list[Row]:
        found = []
        for row in self._every():
            if not row.is_blank:
                found.append(row)
            if len(found) > SAMPLE_LINES:
                break
        return found


def _told_delimiter(line: str) -> str:
    """Return the delimiter that Excel's own first line `sep=;` tells, else nothing."""
    bare = line.rstrip("\n").strip('"')
    is_told = len(bare) == len("sep=;") and bare.lower().startswith("sep=")
    return bare[-1] if is_told and bare[-1] in DELIMITERS else ""


def guess_delimiter(lines: list[str]) -> str:
    """Return the delimiter that cuts the title row into most columns, and the others alike."""

    def merit(delimiter: str) -> tuple[bool, int, int]:
        widths = []
        for line in lines:
            try:
                widths.append(len(next(csv.reader([line], delimiter=delimiter))))
            except (csv.Error, StopIteration):
                continue
        if not widths or widths[0] == 1:
            return False, 0, 0
        return True, sum(width == widths[0] for width in widths), widths[0]

    # `max` takes the first of equals, so a comma wins where nothing tells.
    return max(DELIMITERS, key=merit)
