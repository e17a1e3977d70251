"""What an import is asked to do, what it would do with each column, and what came of it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from nurture.domain.funnel import Funnel
from nurture.engine.dependencies import Dependencies
from nurture.engine.importing_columns import Column, columns
from nurture.engine.importing_csv import Table
from nurture.engine.importing_rows import Rejected
from nurture.engine.importing_words import Remark
from nurture.errors import Invalid, Problem
from nurture.store import imports
from nurture.store.imports import ImportRun


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be imported.

    `mapping` is title → target and goes before the guess; `source` stands in for an empty cell
    of the source column; `topics` are those that consent is given to (empty: the funnel's
    "marketing", else its first). `rejects` is the file that rejected rows are written to.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    topics: tuple[str, ...] = ()
    ignore_unknown: bool = False
    overwrite: bool = False
    again: bool = False
    dry_run: bool = False
    rejects: Path | None = None
    language: str = "en"
    by: str = ""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do with each column, and whether the file was imported before."""

    columns: tuple[Column, ...]
    topics: tuple[str, ...]
    funnel: Funnel
    run: ImportRun | None
    source: str = ""
    overwrite: bool = False

    def fingerprint(self) -> dict[str, Any]:
        """Return what decides which rows go in and how, as JSON: the same means the same import."""
        return {
            "columns": [[column.title, column.target] for column in self.columns],
            "source": self.source,
            "topics": list(self.topics),
            "overwrite": self.overwrite,
        }

    @property
    def is_done(self) -> bool:
        """Whether the file was imported to its end under the same options and rows went in."""
        run = self.run
        if run is None or run.finished_at is None:
            return False
        is_same = run.details.get("options") == self.fingerprint()
        return is_same and went_in(run.details.get("counts", {})) > 0


@dataclass
class ImportResult:
    """What became of a file; the rows are the sum of all counts.

    `already` says that nothing was done, because the whole file was imported at `begun_at`;
    `resumed_at` is how many rows an earlier, interrupted import had done. `samples` are the
    first of the rejected rows and of the warnings (line, remark).
    """

    counts: Counter[str]
    warnings: Counter[str]
    begun_at: datetime
    rows: int = 0
    already: bool = False
    resumed_at: int = 0
    bytes_done: int = 0
    size: int = 0
    rejects: Path | None = None
    rejected_samples: list[Rejected] = field(default_factory=list)
    warning_samples: list[tuple[int, Remark]] = field(default_factory=list)


# Called with the result so far, at the beginning and after each chunk.
Progress = Callable[[ImportResult], None]


def silent(_so_far: ImportResult) -> None:
    """Show no progress."""


def plan_import(deps: Dependencies, table: Table, options: ImportOptions) -> ImportPlan:
    """Return what would be done with a table; raises Invalid with all that is wrong."""
    with deps.database.read() as tx:
        funnel = deps.definitions.catalog(tx).funnel
        run = imports.find_run(tx, table.source.digest)
    found = columns(table, funnel, options.mapping, ignore_unknown=options.ignore_unknown)
    topics = _topics(funnel, options.topics)
    return ImportPlan(found, topics, funnel, run, options.source, options.overwrite)


def went_in(counts: Mapping[str, int]) -> int:
    """Return how many rows went in: those neither rejected nor empty."""
    return sum(counts.get(fate, 0) for fate in ("created", "updated", "unchanged", "duplicates"))


def _topics(funnel: Funnel, wanted: tuple[str, ...]) -> tuple[str, ...]:
    known = tuple(funnel.topics)
    unknown = [topic for topic in wanted if topic not in known]
    if unknown:
        problems = [
            Problem(f"there is no topic {topic!r}", f"The funnel has {', '.join(known)}.")
            for topic in unknown
        ]
        raise Invalid.because(problems, of="Consent cannot be given")
    return tuple(dict.fromkeys(wanted)) or (("marketing",) if "marketing" in known else known[:1])


def done_before(run: ImportRun, table: Table) -> ImportResult:
    """Return what became of a file that was imported as a whole before."""
    told = run.details
    path = told.get("rejects_path", "")
    return ImportResult(
        Counter(told.get("counts", {})),
        Counter(told.get("warnings", {})),
        run.started_at,
        rows=run.done_rows,
        already=True,
        bytes_done=table.source.size,
        size=table.source.size,
        rejects=Path(path) if path else None,
    )
