"""`nurture segment`: which segments there are, and who is in one."""

from collections.abc import Iterator, Mapping

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, contacts_counted, in_words
from nurture.engine.segment_reports import Around, Shown, around, segment, segments
from nurture.engine.segment_uses import By, Use
from nurture.web.formatting import number, percent
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked

_BY: Mapping[By, str] = {
    By.SEQUENCE: marked("sequence"),
    By.VERSION: marked("sequence"),
    By.SEGMENT: marked("segment"),
    By.EDGE: marked("way between stages"),
    By.SCORE: marked("score rule"),
    By.FIT: marked("fit rule"),
    By.PERSONA: marked("persona"),
}


@click.group("segment")
def segment_group() -> None:
    """List segments, and show who is in one."""


@segment_group.command("list")
@LANGUAGE
def list_segments(language: str) -> None:
    """List every segment: how many are in it, and whether everybody was looked at."""
    found = segments(parts())
    wide = max((len(one.key) for one in found), default=0)
    with in_words(language):
        if not found:
            click.echo(
                _("There is no segment yet: write campaigns/segments.yaml, then `nurture apply`.")
            )
        for one in found:
            share = _("still being built: %(share)s looked at", share=percent(one.built))
            state = "" if one.built >= 1 else f"  {share}"
            click.echo(f"{one.key:{wide}}  {contacts_counted(one.members):>19}{state}")


@segment_group.command()
@click.argument("key")
@click.option("--limit", default=20, show_default=True, help="How many contacts to show at most.")
@LANGUAGE
def show(key: str, limit: int, language: str) -> None:
    """Show a segment: its condition, and who is in it since when."""
    deps = parts()
    found = segment(deps, key, limit=limit)
    beside = around(deps, key, deps.clock.now())
    with in_words(language):
        for line in _lines(found, beside):
            click.echo(line)


def _lines(found: Shown, beside: Around) -> Iterator[str]:
    yield f"{found.key}: {contacts_counted(found.members)}"
    yield _("when: %(condition)s", condition=found.condition)
    yield _(
        "in the last 7 days: %(entered)s entered, %(left)s left",
        entered=number(beside.entered), left=number(beside.left),
    )  # fmt: skip
    told = ", ".join(_use(one) for one in beside.uses) or _("nothing")
    yield _("asked for by: %(uses)s", uses=told)
    if found.built < 1:
        yield _(
            "Still being built: %(share)s of all contacts were looked at, and the workers go on"
            " with it.",
            share=percent(found.built),
        )
    for member in found.page:
        yield f"{member.since:%Y-%m-%d %H:%M} UTC  {member.email}  (#{member.id})"
    if found.members > len(found.page):
        yield _("… and %(count)s more", count=number(found.members - len(found.page)))


def _use(one: Use) -> str:
    told = f"{_(_BY[one.by])} {one.key}"
    if one.by is not By.VERSION:
        return told
    live = contacts_counted(one.live)
    older = _("version %(number)s, with %(live)s", number=one.number, live=live)
    return f"{told} ({older})"
