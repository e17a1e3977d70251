"""`nurture sequence`: which there are, pausing one and letting it go on, and its versions."""

from collections.abc import Iterator
from typing import Any

import click

from nurture.cli.parts import parts
from nurture.cli.sequence_versions import migrate, try_it
from nurture.cli.sequence_words import BY, DURATION
from nurture.cli.speech import LANGUAGE, contacts_counted, in_words
from nurture.domain.resuming import How, Resumption
from nurture.engine.pausing import pause as pause_sequence
from nurture.engine.pausing import resume as resume_sequence
from nurture.engine.pausing import standstill
from nurture.store import sequence_reports
from nurture.store.sequence_reports import Listed
from nurture.web.formatting import number
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext
from nurture.web.reasons import reason


@click.group()
def sequence() -> None:
    """List sequences, pause one and let it go on, migrate contacts, and try drafts."""


@sequence.command("list")
@LANGUAGE
def list_sequences(language: str) -> None:
    """List every sequence: its version, whether it is paused, and the contacts in it."""
    with parts().database.read() as tx:
        found = sequence_reports.sequences(tx)
        live = sequence_reports.live_counts(tx)
    wide = max((len(one.key) for one in found), default=0)
    with in_words(language):
        if not found:
            click.echo(_("There is no sequence yet: run `nurture apply`."))
        for one in found:
            contacts = contacts_counted(live.get(one.id, 0))
            click.echo(f"{one.key:{wide}}  {contacts:>17}  {', '.join(_states(one))}")


def _states(one: Listed) -> Iterator[str]:
    yield _("version %(number)s", number=one.number) if one.number else _("never published")
    if one.shown.get("track"):
        yield _("track %(key)s", key=one.shown["track"])
    if one.draft is not None:
        yield _("draft by %(who)s", who=one.draft_by) if one.draft_by else _("draft")
    if one.paused_at is not None:
        since = f"{one.paused_at:%Y-%m-%d %H:%M} UTC"
        yield _("paused since %(since)s: %(why)s", since=since, why=reason(one.pause_reason))


@sequence.command()
@click.argument("key")
@click.option("--reason", "why", required=True, help="Why, for whoever reads it later.")
@BY
@LANGUAGE
def pause(key: str, why: str, by: str, language: str) -> None:
    """Pause a sequence: nobody in it is mailed until it goes on."""
    deps = parts()
    done = pause_sequence(deps, key, why, by, deps.clock.now())
    with in_words(language):
        told = ngettext(
            "%(key)s is paused; %(num)s contact stays where they are.",
            "%(key)s is paused; %(num)s contacts stay where they are.",
            done.stopped, num=number(done.stopped), key=key,
        )  # fmt: skip
        click.echo(told)


@sequence.command()
@click.argument("key")
@click.option(
    "--how", type=click.Choice([one.value for one in How]), default=How.SHIFT.value,
    show_default=True,
    help=(
        "shift: every wait continues where it stopped. catch_up: what was missed is made up for,"
        " one email at a time. expire: what was missed is passed over."
    ),
)  # fmt: skip
@click.option(
    "--over", type=DURATION, default="1h", show_default=True,
    help="Spread whoever is due at once over so long.",
)  # fmt: skip
@click.option(
    "--gap", type=DURATION, default="1d", show_default=True,
    help="With catch_up: so long between two emails to one contact.",
)  # fmt: skip
@BY
@LANGUAGE
def resume(key: str, by: str, language: str, **chosen: Any) -> None:
    """Let a paused sequence go on; nothing bursts."""
    deps = parts()
    now = deps.clock.now()
    due = standstill(deps, key, now)
    how = How(chosen["how"])
    let_go = resume_sequence(deps, key, by, now, Resumption(how, chosen["over"], chosen["gap"]))
    with in_words(language):
        told = ngettext(
            "%(key)s goes on; %(num)s contact continues (%(how)s).",
            "%(key)s goes on; %(num)s contacts continue (%(how)s).",
            let_go, num=number(let_go), key=key, how=how.value,
        )  # fmt: skip
        click.echo(told)
        many = due.due + due.queued
        if many:
            told = ngettext(
                "%(num)s of them was due and takes a turn, or is passed over.",
                "%(num)s of them were due and take turns, or are passed over.",
                many, num=number(many),
            )  # fmt: skip
            click.echo(told)


sequence.add_command(migrate)
sequence.add_command(try_it)
