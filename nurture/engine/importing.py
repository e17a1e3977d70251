"""Importing contacts from a table: planned, taken in chunks, resumed where it was interrupted.

Each chunk is one transaction that also writes how far the file has come. Whatever ends the
process, the next run of the same file goes on behind the last chunk that was committed, and no
row goes in twice.
"""

from collections import Counter
from contextlib import closing
from datetime import datetime
from functools import partial
from itertools import islice

from nurture.engine.addresses import AddressKeys
from nurture.engine.dependencies import Dependencies
from nurture.engine.importing_chunk import Taken, Terms, consider, take
from nurture.engine.importing_csv import Row, Table
from nurture.engine.importing_plan import (
    ImportOptions,
    ImportPlan,
    ImportResult,
    Progress,
    done_before,
    plan_import,
    silent,
)
from nurture.engine.importing_rejects import RejectFile
from nurture.engine.importing_rows import Draft, Drafting, Rejected
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Refused
from nurture.store import imports, operations

__all__ = [
    "ImportOptions",
    "ImportPlan",
    "ImportResult",
    "Progress",
    "Table",
    "import_contacts",
    "plan_import",
]

# Rows in one transaction: few enough that nobody waits long for the database.
CHUNK = 1_000
SAMPLES = 20


def import_contacts(
    deps: Dependencies,
    table: Table,
    options: ImportOptions,
    now: datetime,
    progress: Progress = silent,
) -> ImportResult:
    """Import a table; return what became of its rows.

    A file is known by its digest: imported a second time under the same options it changes
    nothing, unless `options.again` or no row went in; interrupted, it is continued. Raises
    Invalid for columns or topics that make no sense, Refused when it was begun under other
    options or is being imported by somebody else, and Retryable when the database is away:
    run it again then.
    """
    plan = plan_import(deps, table, options)
    run = plan.run
    if run is not None and plan.is_done and not options.again and not options.dry_run:
        return done_before(run, table)
    return _Import(deps, table, options, plan, now).all(progress)


class _Import:
    """One call of `import_contacts`."""

    def __init__(
        self,
        deps: Dependencies,
        table: Table,
        options: ImportOptions,
        plan: ImportPlan,
        now: datetime,
    ) -> None:
        self._deps, self._table, self._options, self._plan = deps, table, options, plan
        self._now = now
        self._drafting = Drafting(plan.columns, plan.funnel, options.source)
        path = options.rejects
        self._rejects = (
            RejectFile(path, table, plan.columns, options.language) if path is not None else None
        )
        self._rejects_end = 0
        self._seen: set[str] = set()
        self._result, self._run_id = self._begin()
        self._result.size = table.source.size
        self._terms = Terms(
            plan.funnel,
            AddressKeys(deps.secrets),
            plan.topics,
            options.overwrite,
            table.name,
            options.by,
            self._result.begun_at,
        )

    def all(self, progress: Progress) -> ImportResult:
        result = self._result
        progress(result)
        with closing(self._table.rows()) as rows:
            for _ in islice(rows, result.resumed_at):
                pass
            while chunk := list(islice(rows, CHUNK)):
                self._chunk(chunk)
                result.bytes_done = self._table.position()
                progress(result)
        self._finish()
        return result

    def _begin(self) -> tuple[ImportResult, int]:
        run, options = self._plan.run, self._options
        fresh = ImportResult(Counter(), Counter(), self._now)
        if options.dry_run:
            return fresh, 0
        terms = self._plan.fingerprint()
        if run is not None and not run.finished_at and not options.again:
            if run.details.get("options") != terms:
                raise Refused(
                    f"{run.done_rows} rows of this file went in under other options",
                    remedy="Use the same options as then, or --again to begin anew.",
                )
            same_path = run.details.get("rejects_path") == str(options.rejects or "")
            self._rejects_end = run.details.get("rejects_end", 0) if same_path else 0
            resumed = ImportResult(
                Counter(run.details["counts"]),
                Counter(run.details["warnings"]),
                run.started_at,
                rows=run.done_rows,
                resumed_at=run.done_rows,
            )
            resumed.rejects = options.rejects if self._rejects_end else None
            return resumed, run.id
        details = {"options": terms, "counts": {}, "warnings": {}}
        with self._deps.database.begin() as tx:
            name, digest = self._table.name, self._table.source.digest
            is_known = run is not None
            run_id = imports.begin_run(tx, digest, name, details, self._now, anew=is_known)
        if run_id is None:
            raise _busy()
        return fresh, run_id

    def _chunk(self, chunk: list[Row]) -> None:
        rejected: list[Rejected] = []
        drafts: list[Draft] = []
        blank = 0
        for row in chunk:
            if row.is_blank:
                blank += 1
                continue
            found = self._drafting.draft(row)
            if isinstance(found, Rejected):
                rejected.append(found)
            else:
                drafts.append(found)
        before = Counter(rejected=len(rejected), blank=blank)
        if self._options.dry_run:
            with self._deps.database.read() as tx:
                taken = consider(tx, drafts, self._terms, lock=False)
            self._recall(taken)
            end = self._write(rejected, taken)
        else:
            body = partial(
                self._body, drafts=drafts, rejected=rejected, before=before, rows=len(chunk)
            )
            taken, end = committed(self._deps, self._now, body)
        result = self._result
        result.rows += len(chunk)
        result.counts += before + taken.fates
        result.warnings += taken.codes()
        result.rejected_samples += taken.with_rejected(rejected)[
            : SAMPLES - len(result.rejected_samples)
        ]
        result.warning_samples += taken.warnings[: SAMPLES - len(result.warning_samples)]
        self._rejects_end = end
        result.rejects = self._options.rejects if end else None

    def _body(
        self,
        work: Work,
        drafts: list[Draft],
        rejected: list[Rejected],
        before: Counter[str],
        rows: int,
    ) -> tuple[Taken, int]:
        """Take a chunk in; done again from the start when somebody else was first."""
        done = self._result.rows
        if not imports.advance_run(work.tx, self._run_id, done, done + rows):
            raise _busy()
        taken = take(work, drafts, self._terms)
        counts = self._result.counts + before + taken.fates
        end = self._write(rejected, taken)
        imports.note_run(
            work.tx,
            self._run_id,
            {
                "options": self._plan.fingerprint(),
                "counts": dict(counts),
                "warnings": dict(self._result.warnings + taken.codes()),
                "rejects_end": end,
                "rejects_path": str(self._options.rejects or ""),
            },
            counts,
        )
        return taken, end

    def _recall(self, taken: Taken) -> None:
        """Count as duplicates those whom a dry run, which writes nothing, has met before."""
        created = {address for address, person in taken.people.items() if not person.id}
        again = len(created & self._seen)
        taken.fates["created"] -= again
        taken.fates["duplicates"] += again
        self._seen |= created

    def _write(self, rejected: list[Rejected], taken: Taken) -> int:
        if self._rejects is None:
            return 0
        return self._rejects.write(self._rejects_end, taken.with_rejected(rejected))

    def _finish(self) -> None:
        if self._options.dry_run:
            return
        result = self._result
        with self._deps.database.begin() as tx:
            imports.finish_run(tx, self._run_id, self._now)
            operations.note(
                tx, self._options.by, "import", self._table.name, dict(result.counts), self._now
            )


def _busy() -> Refused:
    return Refused(
        "another process is importing this file",
        remedy="Wait until it is done; if it was stopped, import the file again.",
    )
