"""`nurture experiment`: what splits and hold-outs show, and stopping one by hand."""

from collections.abc import Iterator

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, speaking
from nurture.domain.lift import Lift
from nurture.engine.experiments import Report, Shown, report, reports, stop
from nurture.web.formatting import long_time
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked, ngettext

NOBODY = "none"
_OVER = {
    "better": marked("stopped: “%(winner)s” is better"),
    "worse": marked("stopped: nothing is better than “%(winner)s”"),
    "time": marked("stopped: its time is over, and no arm is better"),
}


@click.group()
def experiment() -> None:
    """Look at experiments and hold-outs, and stop them."""


@experiment.command("list")
@LANGUAGE
def list_(language: str) -> None:
    """List every experiment that anybody is in."""
    deps = parts()
    found = reports(deps, deps.clock.now())
    with speaking(deps, language):
        for one in found:
            shown = ", ".join(f"{arm} {count}" for arm, count in one.shown.items())
            click.echo(f"{one.key}: {shown}. {_state(one)}")
        if not found:
            click.echo(_("Nobody is in an experiment yet."))


@experiment.command("show")
@click.argument("key")
@LANGUAGE
def show(key: str, language: str) -> None:
    """Tell what an experiment shows, with intervals."""
    deps = parts()
    found = report(deps, key, deps.clock.now())
    with speaking(deps, language):
        for line in _lines(found):
            click.echo(line)


@experiment.command("stop")
@click.argument("key")
@click.option("--winner", default=NOBODY, help="The arm that everybody goes by now, or none.")
@click.option("--why", default="", help="For whoever reads it later.")
@click.option("--by", default="command line", help="Who stops it, for the record.")
@LANGUAGE
def stop_(key: str, winner: str, why: str, by: str, language: str) -> None:
    """Stop an experiment; with a winner everybody who comes goes its way."""
    deps = parts()
    stop(deps, key, "" if winner == NOBODY else winner, by, why, deps.clock.now())
    with speaking(deps, language):
        click.echo(_("%(key)s is stopped.", key=key))


def _lines(found: Report) -> Iterator[str]:
    place = found.track or f"{found.sequence} / {found.step}"
    yield f"{found.key} ({place}), " + _("since %(day)s", day=long_time(found.started_at))
    yield f"  {_state(found)}"
    for shown in found.measured:
        yield from _measure(shown)


def _measure(shown: Shown) -> Iterator[str]:
    measure, verdict = shown.measure, shown.verdict
    days = measure.within.total_seconds() / 86_400
    time = ngettext("%(num)s day", "%(num)s days", 1 if days == 1 else 2, num=f"{days:g}")
    yield "  " + _("%(event)s within %(time)s", event=measure.metric, time=time)
    for seen, lift in zip(shown.seen, verdict.lifts, strict=True):
        counted = f"{seen.successes}/{seen.contacts}"
        yield f"    {seen.arm}: {counted} = {_percent(lift.share.value)}{_against(lift)}"
    need = shown.measure.minimum
    if verdict.look == 0:
        yield "    " + _("Too few yet: each arm needs %(count)s contacts.", count=need)


def _against(lift: Lift) -> str:
    one = lift.difference
    if one is None:
        return " (" + _("control") + ")"
    relative = "" if lift.relative is None else f", {lift.relative:+.0%}"
    return f", {one.value:+.1%} [{one.low:+.1%} … {one.high:+.1%}]{relative}"


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _state(found: Report) -> str:
    decided = found.decided
    if decided is None or decided.stopped_at is None:
        return _("It is running.")
    words = _OVER.get(decided.reason)
    if words:
        return _(words, winner=decided.winner)
    return _("stopped by %(who)s: %(why)s", who=decided.decided_by, why=decided.reason)
