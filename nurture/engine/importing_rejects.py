"""The file of rejected rows: as they came, with their line and the reason, for Excel to open."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nurture.engine.importing_columns import IGNORED, OWN_TITLE, Column, is_ours
from nurture.engine.importing_csv import Row, Table
from nurture.engine.importing_rows import Rejected

_BOM = "\ufeff"  # Excel takes a file without it for one in the encoding of the machine.
_TITLES = {"vi": ("dòng", "lý do"), "en": ("line", "reason")}


@dataclass(frozen=True, slots=True)
class RejectFile:
    """Rejected rows of one table, written in `language` to `path`.

    Cells stay as they were, even those that Excel takes for formulas: the file is a part of the
    one that was given, and a corrected copy of it is imported again.
    """

    path: Path
    table: Table
    columns: tuple[Column, ...]
    language: str

    def write(self, at: int, rejected: Sequence[Rejected]) -> int:
        """Write from byte `at` on, cutting off what stood there; return where the file ends.

        Cutting off is what makes an interrupted import write every row once: what it wrote
        beyond the last commit goes. A file that has vanished begins anew.
        """
        if not self.path.exists() or self.path.stat().st_size < at:
            at = 0
        if not rejected:
            if at:
                os.truncate(self.path, at)
            return at
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.table.delimiter, lineterminator="\r\n")
        if at == 0:
            text.write(_BOM)
            writer.writerow(self._titles())
        for one in rejected:
            writer.writerow(self._cells(one))
        with self.path.open("r+b" if at else "wb") as file:
            file.seek(at)
            file.truncate()
            file.write(text.getvalue().encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
            return file.tell()

    def _titles(self) -> list[str]:
        titles = [
            column.title if self.table.has_titles or column.target == IGNORED else column.target
            for column in self._kept
        ]
        line, reason = _TITLES.get(self.language, _TITLES["en"])
        return [*titles, OWN_TITLE + line, OWN_TITLE + reason]

    @property
    def _kept(self) -> list[Column]:
        return [column for column in self.columns if not is_ours(column.title)]

    def _cells(self, rejected: Rejected) -> list[str]:
        row: Row = rejected.row
        cells = [
            row.cells[column.index] if column.index < len(row.cells) else ""
            for column in self._kept
        ]
        # What has no column of its own goes behind the reason, so that nothing is lost.
        more = row.cells[len(self.columns) :]
        return [*cells, str(row.line), rejected.reason.told(self.language), *more]
