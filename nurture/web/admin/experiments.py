"""Experiments and hold-outs: what each shows, how sure that is, and the button that stops one."""

from dataclasses import dataclass

from babel.numbers import format_percent
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.domain.durations import format_duration
from nurture.domain.lift import Lift, Seen
from nurture.engine.experiments import PROGRESS, Report, Shown, reports, stop
from nurture.errors import Invalid, NotFound, Refused
from nurture.web.admin.condition_words import duration_words
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import language, marked
from nurture.web.names import Names
from nurture.web.sessions import current_user
from nurture.web.words import arm_word, event_word, hold_out_word

experiments = Blueprint("experiments", __name__, url_prefix="/experiments")

LONGEST_WHY = 300

_OVER = {
    "better": marked("“%(winner)s” is better: everybody goes its way."),
    "worse": marked("Nothing is better than “%(winner)s”: everybody goes its way."),
    "time": marked("Its time is over, and no arm is better."),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One arm as a table shows it; `tone` colours what is sure."""

    arm: str
    is_control: bool
    seen: Seen
    share: str
    interval: str
    difference: str
    tone: str


@experiments.get("/")
def index() -> str:
    """Every experiment that anybody is in, those that run first."""
    given = dependencies()
    engine = given.engine
    try:
        found = reports(engine, given.clock.now())
        with engine.database.read() as tx:
            names = Names.published(engine.definitions.catalog(tx))
    except NotFound:
        found, names = (), Names()
    ordered = sorted(found, key=lambda one: (one.is_over, bool(one.track), one.key))
    return render_template(
        "experiments/index.html",
        found=ordered,
        names=names,
        title=lambda one: _title(one, names),
        state=_state,
        measure=_measure,
        rows=_rows,
        arm=arm_word,
        arms=_arms,
    )


@experiments.post("/<path:key>/stop")
def stop_one(key: str) -> Response:
    """A person stops an experiment; `winner` is an arm or empty."""
    given = dependencies()
    winner, why = _said("winner"), _said("why")[:LONGEST_WHY]
    user = current_user()
    by = user.email if user else ""
    try:
        stop(given.engine, key, winner, by, why, given.clock.now())
    except NotFound:
        flash(_("There is no such experiment."), "warning")
    except (Invalid, Refused):
        flash(_("It is over already, or it has no such arm."), "warning")
    else:
        flash(_("The experiment is stopped."), "done")
    return redirect(url_for("experiments.index", _anchor=key), 303)


def _said(word: str) -> str:
    """What a form says; its fields are numbered, because a page holds several of them."""
    found = (text for name, text in request.form.items() if name.partition("-")[0] == word)
    return next(found, "").replace("\0", "").strip()


def _arms(one: Report) -> list[tuple[str, str]]:
    return [("", _("All of them, as before")), *((key, arm_word(key)) for key in one.shown)]


def _title(one: Report, names: Names) -> str:
    if one.track:
        return hold_out_word(one.track)
    return names.sequence(one.sequence) if one.sequence else one.key


def _state(one: Report) -> str:
    decided = one.decided
    if decided is None or decided.stopped_at is None:
        if one.track:
            return _("Goes on as long as the funnel says so.")
        return "" if one.measured else _("It only divides: nothing is measured.")
    words = _OVER.get(decided.reason)
    if words:
        return _(words, winner=arm_word(decided.winner))
    return _("Stopped by %(who)s: %(why)s", who=decided.decided_by, why=decided.reason)


def _measure(shown: Shown) -> str:
    metric = shown.measure.metric
    event = _("went a stage further") if metric == PROGRESS else event_word(metric)
    within = duration_words(format_duration(shown.measure.within))
    told = _("%(event)s within %(time)s", event=event, time=within)
    return told[:1].upper() + told[1:]


def _rows(shown: Shown) -> list[Row]:
    rows = []
    for seen, lift in zip(shown.seen, shown.verdict.lifts, strict=True):
        is_control = lift.difference is None
        counted = seen.contacts > 0
        rows.append(
            Row(
                arm_word(seen.arm), is_control, seen,
                _percent(lift.share.value) if counted else "–",
                f"{_percent(lift.share.low)} – {_percent(lift.share.high)}" if counted else "",
                _against(lift) if counted and not is_control else "–",
                "leaf" if lift.is_better else "coral" if lift.is_worse else "",
            )
        )  # fmt: skip
    return rows


def _against(lift: Lift) -> str:
    one = lift.difference
    if one is None:
        return ""
    sign = "+" if one.value > 0 else ""
    return f"{sign}{_percent(one.value)} ({_percent(one.low)} … {_percent(one.high)})"


def _percent(share: float) -> str:
    return str(format_percent(share, format="#,##0.0%", locale=language()))
