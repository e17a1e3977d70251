"""`nurture check`, `apply` and `export`: campaign files checked, published, written back."""

import sys
from pathlib import Path

import click

from nurture.cli.parts import parts, settings
from nurture.engine.export import export_files
from nurture.engine.publish import apply as publish
from nurture.engine.publish import check_files
from nurture.engine.segment_building import Progress, Told
from nurture.errors import Invalid


@click.command()
def check() -> None:
    """Check campaign files and emails; nothing is published."""
    found = settings()
    checked = check_files(found.campaigns, found.templates)
    if checked.problems:
        raise Invalid.because(checked.problems, of="Campaigns cannot be published")
    for warning in checked.warnings:
        click.echo(f"warning: {warning}")
    if checked.campaigns is not None:
        click.echo(
            f"{len(checked.campaigns.sequences)} sequences and {len(checked.emails)} emails"
            " are in order."
        )


@click.command()
@click.option("--by", default="command line", help="Who publishes, for the record.")
@click.option(
    "--take",
    multiple=True,
    help="In a conflict, whose version stands: file:KEY or admin:KEY; KEY or segment:KEY.",
)
def apply(by: str, take: tuple[str, ...]) -> None:
    """Publish campaign files as new immutable versions: all of them or, with a fault, none."""
    deps = parts()
    done = publish(deps, by, deps.clock.now(), _chosen(take), _teller())
    for warning in done.warnings:
        click.echo(f"warning: {warning}")
    if done.funnel:
        click.echo(f"funnel: version {done.funnel} published")
    for key, number in done.sequences:
        click.echo(f"{key}: version {number} published")
    for key in done.retired:
        click.echo(f"{key}: its file is gone; it takes nobody any more")
    for key in done.kept:
        click.echo(f"{key}: the admin's version stands; `nurture export` writes it to the file")
    for key in done.kept_segments:
        click.echo(f"{key}: the admin's segment stands; `nurture export` writes it to the file")
    for key in done.segments:
        click.echo(f"{key}: segment published")
    if not (done.funnel or done.sequences or done.retired or done.segments):
        click.echo("Nothing changed; nothing was published.")


def _teller() -> Told:
    """Return what tells how far a build is, each line once: parts are many."""
    last = ""

    def tell(progress: Progress) -> None:
        nonlocal last
        line = f"{progress.key}: {progress.share:.0%} of all contacts looked at"
        if progress.members is not None:
            line += f", {progress.members:,} belong"
        if line != last:
            click.echo(line, err=True)
        last = line

    return tell


def _chosen(take: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in take:
        side, _colon, key = one.partition(":")
        if side not in ("file", "admin") or not key:
            raise Invalid(f"{one!r} chooses nothing", remedy="Write file:KEY or admin:KEY.")
        found[key] = side
    return found


@click.command()
@click.option("--to", type=click.Path(path_type=Path), help="Another folder than the campaigns'.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; status 1 if it would.")
def export(to: Path | None, *, only_check: bool) -> None:
    """Write what is published back to campaign files, the same bytes for the same campaigns.

    A file that says the same already is left as it is, comments and all.
    """
    deps = parts()
    written = export_files(deps, to or deps.settings.campaigns, write=not only_check)
    for path in written:
        click.echo(f"{'would write' if only_check else 'written'}: {path}")
    if not written:
        click.echo("The files say what is published already.")
    sys.exit(1 if only_check and written else 0)
