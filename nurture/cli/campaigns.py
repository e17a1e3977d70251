"""`nurture check`, `apply` and `export`: campaign files checked, published, written back."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import click

from nurture.cli.parts import parts
from nurture.cli.plan import starts_nothing
from nurture.cli.settings import settings
from nurture.cli.speech import LANGUAGE, in_words
from nurture.engine.export import export_files
from nurture.engine.publish import Published, check_files
from nurture.engine.publish import apply as publish
from nurture.engine.segment_building import Progress, Told
from nurture.errors import Invalid, Problem
from nurture.web.formatting import number, percent
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext
from nurture.web.problem_words import sentence


@click.command()
@LANGUAGE
def check(language: str) -> None:
    """Check campaign files and emails; nothing is published."""
    found = settings()
    with in_words(language):
        checked = check_files(found.campaigns, found.templates)
        if checked.problems:
            raise Invalid.because(checked.problems, of="Campaigns cannot be published")
        for line in _warned(checked.warnings):
            click.echo(line)
        if checked.campaigns is not None:
            click.echo(_in_order(len(checked.campaigns.sequences), checked.emails))


def _warned(warnings: Iterable[Problem]) -> Iterator[str]:
    for one in warnings:
        told = replace(one, message=sentence(one.message), remedy=sentence(one.remedy))
        yield _("warning: %(warning)s", warning=told)


def _in_order(sequences: int, emails: Iterable[tuple[str, str]]) -> str:
    keys = set(emails)
    names, languages = {name for name, code in keys}, {code for name, code in keys}
    return _(
        "In order: %(sequences)s, %(emails)s in %(languages)s.",
        sequences=ngettext("%(num)s sequence", "%(num)s sequences", sequences),
        emails=ngettext("%(num)s email", "%(num)s emails", len(names)),
        languages=ngettext("%(num)s language", "%(num)s languages", len(languages)),
    )


@click.command()
@click.option("--by", default="command line", help="Who publishes, for the record.")
@click.option(
    "--take",
    multiple=True,
    help="In a conflict, whose version stands: file:KEY or admin:KEY; KEY or segment:KEY.",
)
@LANGUAGE
def apply(by: str, take: tuple[str, ...], language: str) -> None:
    """Publish campaign files as new immutable versions: all of them or, with a fault, none."""
    deps = parts()
    members: dict[str, int] = {}
    with in_words(language):
        done = publish(deps, by, deps.clock.now(), _chosen(take), _teller(members))
        for line in _done(done, members):
            click.echo(line)


def _done(done: Published, members: Mapping[str, int]) -> Iterator[str]:
    yield from _warned(done.warnings)
    if done.funnel:
        yield _("funnel: version %(number)s published", number=done.funnel)
    for key, number_ in done.sequences:
        yield _("%(key)s: version %(number)s published", key=key, number=number_)
    for key in done.retired:
        yield _("%(key)s: its file is gone; it takes nobody any more", key=key)
    for key in done.kept:
        told = _("%(key)s: the admin's version stands; `nurture export` writes it to the file")
        yield told % {"key": key}
    for key in done.kept_segments:
        told = _("%(key)s: the admin's segment stands; `nurture export` writes it to the file")
        yield told % {"key": key}
    for key in done.segments:
        yield _("%(key)s: segment published", key=key)
        if members.get(key):
            yield f"  {starts_nothing(members[key])}"
    if not (done.funnel or done.sequences or done.retired or done.segments):
        yield _("Nothing changed; nothing was published.")


def _teller(members: dict[str, int]) -> Told:
    """Return what tells how far a build is, each line once: parts are many.

    How many belong to each segment in the end is put down in `members`.
    """
    last = ""

    def tell(progress: Progress) -> None:
        nonlocal last
        share = percent(progress.share)
        line = _("%(key)s: %(share)s of all contacts looked at", key=progress.key, share=share)
        if progress.members is not None:
            members[progress.key] = progress.members
            line += ", " + ngettext(
                "%(num)s belongs", "%(num)s belong", progress.members,
                num=number(progress.members),
            )  # fmt: skip
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
@LANGUAGE
def export(to: Path | None, language: str, *, only_check: bool) -> None:
    """Write what is published back to campaign files, the same bytes for the same campaigns.

    A file that says the same already is left as it is, comments and all.
    """
    deps = parts()
    with in_words(language):
        written = export_files(deps, to or deps.settings.campaigns, write=not only_check)
        told = _("would write") if only_check else _("written")
        for path in written:
            click.echo(f"{told}: {path}")
        if not written:
            click.echo(_("The files say what is published already."))
    sys.exit(1 if only_check and written else 0)
