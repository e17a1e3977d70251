"""`nurture backtest`: what a draft would have changed in the last days, before it is published."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, speaking
from nurture.cli.worlds import drafted, written
from nurture.engine.backtest import BackTest, Differs, backtest
from nurture.engine.simulate import published_world
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext
from nurture.web.names import Names, chosen

FILES = "files"
Rules = Mapping[str, Mapping[str, str]]
MOST_TOLD = 20


@click.command("backtest")
@click.argument("draft", default=FILES)
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 3650))
@LANGUAGE
def backtest_command(draft: str, days: int, language: str) -> None:
    """Tell who would have moved, and how many mails had gone out, under a DRAFT.

    DRAFT is a sequence with a draft in the admin, or `files`: everything as the campaign files
    say. Compared with what is published; nothing is written.
    """
    deps = parts()
    before = published_world(deps)
    after = written(deps) if draft == FILES else drafted(deps, draft)
    length, now = timedelta(days=days), deps.clock.now()
    with click.progressbar(length=1, label="Contacts") as bar:

        def progress(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        found = backtest(deps, before, after, length, now, progress=progress)
    with speaking(deps, language):
        names = Names(after.funnel, {key: one.names for key, one in after.sequences.items()})
        rules = {one.key: one.names for world in (before, after) for one in world.funnel.rules}
        for line in _lines(found, days, names, rules):
            click.echo(line)


def _lines(found: BackTest, days: int, names: Names, rules: Rules) -> Iterator[str]:
    yield ngettext(
        "%(num)s contact over %(time)s; %(differing)s would have fared otherwise.",
        "%(num)s contacts over %(time)s; %(differing)s would have fared otherwise.",
        found.contacts,
        time=ngettext("%(num)s day", "%(num)s days", days),
        differing=found.differing,
    )
    for edge, (was, would) in found.moves.items():
        if was != would:
            yield f"  {_edge(edge, names)}: {was} → {would} ({would - was:+d})"
    was, would = found.mails
    yield "  " + _("Emails") + f": {was} → {would} ({would - was:+d})"
    for stage, (stood, stands) in found.stages.items():
        if stood != stands:
            told = _("%(stage)s at the end", stage=names.stage(stage))
            yield f"  {told}: {stood} → {stands} ({stands - stood:+d})"
    for one in found.told[:MOST_TOLD]:
        yield from _contact(one, names, rules)
    if found.differing > MOST_TOLD:
        yield "  " + _("… and %(count)s more", count=found.differing - MOST_TOLD)


def _contact(one: Differs, names: Names, rules: Rules) -> Iterator[str]:
    yield f"  {one.address}: {names.stage(one.before)} → {names.stage(one.after)}"
    for label, moves in ((_("now"), one.moves_before), (_("draft"), one.moves_after)):
        way = ", ".join(f"{_edge(edge, names)} ({why})" for edge, why in moves) or _("no move")
        yield f"    {label}: {way}"
    mails = _("emails: %(before)s → %(after)s", before=one.mails_before, after=one.mails_after)
    points = "; ".join(
        f"{chosen(rules.get(rule, {}), rule)} {was:g} → {would:g}"
        for rule, (was, would) in one.points.items()
    )
    yield f"    {mails}{'; ' if points else ''}{points}"


def _edge(edge: str, names: Names) -> str:
    start, _arrow, to = edge.partition("→")
    return f"{names.stage(start)} → {names.stage(to)}"
