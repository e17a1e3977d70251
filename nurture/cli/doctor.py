"""`nurture doctor`: looks for everything that must never be so, and mends what it safely can."""

import sys
from collections.abc import Iterator

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, contacts_counted, in_words
from nurture.engine.doctor import MEANINGS, Examined, examine
from nurture.engine.repairs import offered, repair_all
from nurture.store import quarantine, reports_deliveries
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext


@click.command()
@LANGUAGE
@click.option("--repair", "mend", is_flag=True, help="Mend what may be mended without a person.")
@click.option("--by", default="command line", help="Who repairs, for the record.")
def doctor(language: str, by: str, *, mend: bool) -> None:
    """Examine the database; ends with status 1 when something is wrong that was not mended."""
    deps = parts()
    with in_words(language):
        if mend:
            done = repair_all(deps, by, deps.clock.now())
            for kept in done.mended:
                meaning = MEANINGS[kept.code][language]
                click.echo(_("mended") + f": {kept.code} {kept.subject}: {meaning}")
        found = examine(deps, deps.clock.now())
        for one in found.findings:
            hint = "  [" + _("--repair mends it") + "]" if offered(one) else ""
            click.echo(f"{one.code} {one.id}: {MEANINGS[one.code][language]}. {one.detail}{hint}")
        with deps.database.read() as tx:
            told, held = reports_deliveries.counts(tx), quarantine.waiting(tx)
        for line in _summed(found, told.failed, held):
            click.echo(line)
    sys.exit(1 if found.violations else 0)


def _summed(found: Examined, failed: int, held: int) -> Iterator[str]:
    runs = ngettext("%(num)s enrollment", "%(num)s enrollments", found.enrollments)
    wrong = ngettext("%(num)s violation", "%(num)s violations", len(found.violations))
    hints = len(found.findings) - len(found.violations)
    settled = ngettext(
        "%(num)s thing for a person to settle", "%(num)s things for a person to settle", hints
    )
    looked = _(
        "%(runs)s and %(contacts)s examined",
        runs=runs, contacts=contacts_counted(found.contacts),
    )  # fmt: skip
    yield f"{looked}: {wrong}, {settled}."
    untold = ngettext(
        "%(num)s notice or webhook failed", "%(num)s notices and webhooks failed", failed
    )
    waiting = ngettext(
        "%(num)s event in quarantine", "%(num)s events in quarantine", held
    )  # fmt: skip
    yield (
        f"{untold} (`nurture delivery list --status failed`),"
        f" {waiting} (`nurture quarantine list`)."
    )
