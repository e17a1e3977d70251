"""`nurture import`: contacts from a CSV file, shown before they go in."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from nurture.cli.import_words import say
from nurture.cli.parts import parts
from nurture.engine.importing import (
    ImportOptions,
    ImportPlan,
    ImportResult,
    Table,
    import_contacts,
    plan_import,
)
from nurture.engine.importing_columns import IGNORED, PARTS
from nurture.engine.importing_plan import Progress as Report
from nurture.engine.importing_plan import went_in

SHOWN = 5
FATES = ("created", "updated", "unchanged", "duplicates", "rejected", "blank")
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def _language(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """Take "vi" or "en"; a locale of the environment in another language means English."""
    told = (value or "").lower()
    is_option = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    if is_option and told not in {"en", "vi"}:
        raise click.BadParameter("choose en or vi")
    return "vi" if told.startswith("vi") else "en"


def _mapping(
    _context: click.Context, _parameter: click.Parameter, told: tuple[str, ...]
) -> dict[str, str]:
    found = {}
    for one in told:
        title, sign, target = one.rpartition("=")
        if not sign or not title.strip() or not target.strip():
            raise click.BadParameter(f"write title=field, not {one!r}")
        found[title.strip()] = target.strip()
    return found


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map",
    "mapping",
    multiple=True,
    callback=_mapping,
    metavar="TITLE=FIELD",
    help="What a column becomes, instead of the guess; '-' leaves it out. May be repeated.",
)
@click.option("--source", default="", help="Where rows without a source of their own come from.")
@click.option(
    "--consent",
    "topics",
    multiple=True,
    metavar="TOPIC",
    help="A topic these people agreed to get mail on (default: marketing). May be repeated.",
)
@click.option("--ignore-unknown", is_flag=True, help="Leave out columns that nobody knows.")
@click.option("--overwrite", is_flag=True, help="Let new values replace what is known already.")
@click.option("--again", is_flag=True, help="Import a file that was imported before.")
@click.option("--dry-run", is_flag=True, help="Show what would happen; write no contact.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where rejected rows go (default: FILE.rejected.csv).",
)
@click.option("--by", default="command line", help="Who imports, for the record.")
@click.option(
    "--language",
    callback=_language,
    envvar=("LC_ALL", "LC_MESSAGES", "LANG"),
    metavar="[en|vi]",
    help="The language of the answers and the reasons.",
)
def import_(  # noqa: PLR0913 - one argument for each option of the command
    *,
    file: Path,
    mapping: dict[str, str],
    source: str,
    topics: tuple[str, ...],
    ignore_unknown: bool,
    overwrite: bool,
    again: bool,
    dry_run: bool,
    yes: bool,
    rejects: Path | None,
    by: str,
    language: str,
) -> None:
    """Import contacts from a CSV FILE: good rows in, bad rows out with the reason."""
    if rejects is None and not dry_run:
        rejects = file.with_name(f"{file.name}.rejected.csv")
    if rejects is not None and rejects.resolve() == file.resolve():
        raise click.BadParameter("choose another file than the one that is imported")
    options = ImportOptions(
        mapping, source.strip(), topics, ignore_unknown, overwrite, again, dry_run, rejects,
        language, by,
    )  # fmt: skip
    deps = parts()
    with file.open("rb") as stream:
        table = Table.open(stream, file.name)
        plan = plan_import(deps, table, options)
        _show_plan(table, plan, options)
        if (again or not plan.is_done) and not yes and not dry_run and sys.stdin.isatty():
            click.confirm(say("go_on", language), abort=True)
        with _progress(language) as report:
            result = import_contacts(deps, table, options, deps.clock.now(), report)
    _show_result(result, options)
    if result.counts["rejected"] and not went_in(result.counts):
        click.echo(say("nothing", language), err=True)
        sys.exit(1)


def _show_plan(table: Table, plan: ImportPlan, options: ImportOptions) -> None:
    language = options.language
    delimiter = say(DELIMITERS[table.delimiter], language)
    source = table.source
    click.echo(
        say("file", language, name=_plain(table.name), size=source.size, encoding=source.encoding,
            delimiter=delimiter)
    )  # fmt: skip
    click.echo(say("columns", language))
    for column in plan.columns:
        target = say("ignored", language) if column.target == IGNORED else column.target
        if column.target not in (*PARTS, IGNORED, *plan.funnel.fields):
            target += f" ({say('new_field', language)})"
        click.echo(f"  {_plain(column.title)} → {target}   {_plain(column.example)}".rstrip())
    has_column = any(column.target in {"source", "consent_source"} for column in plan.columns)
    where = options.source or say("from_column" if has_column else "no_source", language)
    click.echo(say("consent", language, topics=", ".join(plan.topics), source=where))


def _plain(text: str) -> str:
    """Return what a stranger wrote without the signs that steer a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


@contextmanager
def _progress(language: str) -> Iterator[Report]:
    """Show a bar on a terminal; elsewhere a line for each chunk."""
    rows = 0

    def told(result: ImportResult) -> str:
        nonlocal rows
        rows = result.rows
        return say("progress", language, many=rows, rows=rows, rejected=result.counts["rejected"])

    def line(result: ImportResult) -> None:
        if result.resumed_at and result.rows == result.resumed_at:
            click.echo(say("resumed", language, rows=result.resumed_at))
        text = told(result)
        if result.bytes_done:
            click.echo(text)

    try:
        if not sys.stderr.isatty():
            yield line
            return
        bar = Progress(
            BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False),
            TimeRemainingColumn(), console=Console(stderr=True),
        )  # fmt: skip
        with bar:
            task = bar.add_task("", total=None)

            def draw(result: ImportResult) -> None:
                bar.update(
                    task, total=result.size, completed=result.bytes_done, description=told(result)
                )

            yield draw
    except KeyboardInterrupt:
        click.echo("\n" + say("stopped", language, many=rows, rows=rows), err=True)
        sys.exit(130)


def _show_result(result: ImportResult, options: ImportOptions) -> None:
    language = options.language
    if result.already:
        day = result.begun_at.strftime("%Y-%m-%d %H:%M UTC")
        click.echo(say("already", language, at=day))
    if options.dry_run:
        click.echo(say("dry_run", language))
    for fate in FATES:
        if result.counts[fate] or fate == "created":
            count = result.counts[fate]
            click.echo(f"  {count:>7}  {say(fate, language, many=count)}")
    rejected = [
        say("line", language, line=one.row.line, told=one.reason.told(language))
        for one in result.rejected_samples
    ]
    _show_some(rejected, result.counts["rejected"], language)
    if result.warnings:
        count = result.warnings.total()
        click.echo(say("warnings", language, many=count, count=count))
        remarks = [
            say("line", language, line=line, told=remark.told(language))
            for line, remark in result.warning_samples
        ]
        _show_some(remarks, count, language)
    if result.rejects is not None and result.counts["rejected"]:
        click.echo(say("rejects", language, path=result.rejects))
    if options.dry_run:
        click.echo(say("after_dry_run", language))
    elif result.counts["created"] and not result.already:
        click.echo(say("next", language))


def _show_some(lines: list[str], count: int, language: str) -> None:
    for line in lines[:SHOWN]:
        click.echo(f"  {_plain(line)}")
    if lines and count > SHOWN:
        click.echo(f"  {say('more', language, count=count - min(SHOWN, len(lines)))}")
