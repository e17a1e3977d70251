"""Going on after a pause, migrating who is under way, and trying a draft with test contacts."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.domain.durations import parse_duration
from nurture.domain.migrating import EXIT, STAY, Choices, Waits, Why
from nurture.domain.resuming import How, Resumption
from nurture.engine import migrating, trials
from nurture.engine.dependencies import Dependencies
from nurture.engine.drafts import load
from nurture.engine.migration_tally import Migration, Overview
from nurture.engine.pausing import resume, standstill
from nurture.engine.trial_ends import STOPPED, end_trials
from nurture.errors import Invalid, Refused
from nurture.store import sequence_reports
from nurture.web.admin.sequence_names import known, title_of
from nurture.web.admin.sequence_place import by, sequences
from nurture.web.admin.sequence_views import detail
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked, ngettext
from nurture.web.problem_words import tell

Chosen = TypeVar("Chosen", bound=StrEnum)

OVER = ("15m", "1h", "4h", "1d")
GAPS = ("12h", "1d", "2d", "7d")

_STAYS: Mapping[Why, str] = {
    Why.CHOSEN: marked("stay on their version, as chosen"),
    Why.UNDECIDED: marked("stand on a removed step that has no choice yet"),
    Why.UNDER_WAY: marked("have an email under way; migrate again when it has arrived"),
    Why.PASSES: marked("have met their step more often than the new version allows"),
    Why.MAILED: marked("were mailed at their step before"),
}


@sequences.get("/<key>/resume")
def resume_form(key: str) -> str:
    """The three ways to go on, each with what it means for how many."""
    given = dependencies()
    found = standstill(given.engine, key, given.clock.now())
    shown = detail(given.engine, key)
    return render_template(
        "sequences/resume.html", it=shown, found=found, over=spans(OVER), gaps=spans(GAPS)
    )


@sequences.post("/<key>/resume")
def resume_it(key: str) -> Response:
    """Let it go on; somebody who was faster is no error."""
    given = dependencies()
    how = _chosen("how", How, How.SHIFT)
    plan = Resumption(how, _duration("over", OVER, "1h"), _duration("gap", GAPS, "1d"))
    try:
        number = resume(given.engine, key, by(), given.clock.now(), plan)
    except Refused:
        flash(_("It was not paused any more."), "warning")
    else:
        flash(
            ngettext(
                "Going on. %(num)s contact continues.",
                "Going on. %(num)s contacts continue.",
                number,
            ),
            "done",
        )
    return redirect(url_for(".show", key=key), 303)


@sequences.get("/<key>/migrate")
def migrate_form(key: str) -> str:
    """Who stands where on older versions, and where they would go."""
    return _migrate_page(migrating.overview(dependencies().engine, key), Choices(), None)


@sequences.post("/<key>/migrate")
def migrate(key: str) -> Response:
    """Count what would happen, or do it."""
    given = dependencies()
    now = given.clock.now()
    found = migrating.overview(given.engine, key)
    choices = Choices(
        {
            step: request.form[f"step.{step}"]
            for step in found.removed
            if request.form.get(f"step.{step}")
        },
        _chosen("waits", Waits, Waits.KEEP),
        _duration("over", OVER, "1h"),
    )
    try:
        if request.form.get("do") != "go":
            dry = migrating.forecast(given.engine, key, choices, now)
            return make_response(_migrate_page(found, choices, dry))
        done = migrating.carry_out(given.engine, key, choices, by(), now)
    except Invalid as error:
        told = [tell(problem) for problem in error.problems]
        return make_response(_migrate_page(found, choices, None, told), 422)
    except Refused:
        told = [_("These versions are entered in different ways: their contacts stay apart.")]
        return make_response(_migrate_page(found, choices, None, told), 422)
    for line in done_told(done):
        flash(line, "done")
    for line in stays_told(done):
        flash(line, "warning")
    return redirect(url_for(".show", key=key), 303)


@sequences.get("/<key>/draft/try")
def try_form(key: str) -> str:
    """Who may walk the draft, and who does."""
    return _try_page(key, ())


@sequences.post("/<key>/draft/try")
def try_it(key: str) -> Response:
    """Let test contacts walk the draft as it is now."""
    given = dependencies()
    addresses = [one for one in request.form.getlist("contact") if one]
    addresses += request.form.get("more", "").replace(",", " ").split()
    way = trials.Way(fast="fast" in request.form)
    try:
        begun = trials.try_draft(given.engine, key, addresses, by(), given.clock.now(), way)
    except Invalid as error:
        return make_response(_try_page(key, [tell(one) for one in error.problems], addresses), 422)
    names = ", ".join(begun.addresses)
    flash(_("The trial has begun: the emails of the draft go to %(names)s.", names=names), "done")
    return redirect(url_for(".try_form", key=key), 303)


@sequences.post("/<key>/draft/try/stop")
def stop_trying(key: str) -> Response:
    """End the trials of the draft."""
    given = dependencies()
    number = end_trials(given.engine, key, STOPPED, given.clock.now())
    flash(
        ngettext("%(num)s trial is ended.", "%(num)s trials are ended.", number), "done"
    )  # fmt: skip
    return redirect(url_for(".try_form", key=key), 303)


def done_told(done: Migration) -> list[str]:
    """Who went on in the new version, and who left because their step is gone."""
    goes = ngettext(
        "%(num)s contact goes on in version %(version)s.",
        "%(num)s contacts go on in version %(version)s.",
        done.goes,
        version=done.to,
    )
    left = ngettext(
        "%(num)s contact left the sequence.", "%(num)s contacts left the sequence.", done.leaves
    )
    return [line for line, number in ((goes, done.goes), (left, done.leaves)) if number] or [goes]


def stays_told(done: Migration) -> list[str]:
    """Who stays on an older version, and why, in words."""
    lines = []
    for why, number in done.stays.items():
        who = ngettext("%(num)s contact", "%(num)s contacts", number)
        lines.append(f"{who}: {_(_STAYS[why])}")
    return lines


def spans(codes: tuple[str, ...]) -> list[tuple[str, str]]:
    """Durations to choose from, with their words."""
    return [(code, _span(int(code[:-1]), code[-1])) for code in codes]


def _span(number: int, unit: str) -> str:
    if unit == "m":
        return ngettext("%(num)s minute", "%(num)s minutes", number)
    if unit == "h":
        return ngettext("%(num)s hour", "%(num)s hours", number)
    return ngettext("%(num)s day", "%(num)s days", number)


def _migrate_page(
    found: Overview, choices: Choices, dry: Migration | None, wrong: list[str] | None = None
) -> str:
    given = dependencies()
    shown = detail(given.engine, found.key)
    new = found.definition.sequence
    titles = {one.step.key: f"{one.step.number}. {one.step.title}" for one in shown.places}
    titles |= _gone(given.engine, found)
    ways = [("", _("Choose…")), (EXIT, _("they leave")), (STAY, _("they stay on their version"))]
    ways += [(key, titles.get(key, key)) for key in new.by_key]
    return render_template(
        "sequences/migrate.html",
        it=shown, found=found, choices=choices, dry=dry, wrong=wrong or [], titles=titles,
        ways=ways, over=spans(OVER), stays=stays_told(dry) if dry else [],
    )  # fmt: skip


def _gone(engine: Dependencies, found: Overview) -> dict[str, str]:
    """What the steps that the new version has no more were called in the version before."""
    with engine.database.read() as tx:
        documents = sequence_reports.documents(tx, {one.version_id for one in found.standing})
    flow = known(engine).flow()
    return {
        step.key: step.title
        for document in documents.values()
        for step in flow.steps(document)
        if step.key in found.removed
    }


def _try_page(key: str, wrong: Sequence[str], named: Sequence[str] = ()) -> str:
    given = dependencies()
    testers = trials.marked(given.engine)
    draft = load(given.engine, key)
    flow = known(given.engine).flow().steps(draft.document)
    titles = {one.key: f"{one.number}. {one.title}" for one in flow}
    return render_template(
        "sequences/try.html",
        draft=draft, title=title_of(draft.document) or key, testers=testers, named=named,
        fast=request.form.get("fast"), typed=" ".join(one for one in named if one not in testers),
        walks=trials.walking(given.engine, key), titles=titles, wrong=wrong,
    )  # fmt: skip


def _duration(name: str, offered: tuple[str, ...], usual: str) -> timedelta:
    given = request.form.get(name, usual)
    return parse_duration(given if given in offered else usual)


def _chosen(name: str, offered: type[Chosen], usual: Chosen) -> Chosen:
    given = request.form.get(name, usual.value)
    return offered(given) if given in {one.value for one in offered} else usual
