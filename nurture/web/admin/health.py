"""The health of the machine: queues, workers, providers, stuck things, and what settles them."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.engine.desk import resume_provider, settle_uncertain
from nurture.engine.doctor import MEANINGS
from nurture.engine.repairs import offered, repair
from nurture.errors import Conflict, NotFound, Refused
from nurture.store import (
    findings,
    operations,
    quarantine,
    reports_deliveries,
    reports_health,
    reports_overview,
    telling,
)
from nurture.web.admin.machine import (
    OVERDUE,
    OVERDUE_ON_A_FAST_CLOCK,
    is_dead,
    process_word,
)
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import language
from nurture.web.names import Names
from nurture.web.numbers import id_of
from nurture.web.sessions import current_user

health = Blueprint("health", __name__, url_prefix="/health")

_PER_PAGE = 25


@health.get("/")
def index() -> str:
    """Everything that can be stuck, with what a person can do about it."""
    given = dependencies()
    engine, now, wall = given.engine, given.clock.now(), given.wall.now()
    patience = OVERDUE_ON_A_FAST_CLOCK if given.settings.clock else OVERDUE
    after = request.args.get("after", 0, type=id_of)
    with engine.database.read() as tx:
        try:
            catalog = engine.definitions.catalog(tx)
        except NotFound:
            catalog = None
        workers = operations.running_workers(tx)
        doubts = reports_health.uncertain(tx, after=after, limit=_PER_PAGE + 1)
        found = {
            "queue": reports_health.queue(tx, now, now - patience),
            "holders": {one.name: one for one in reports_health.holders(tx)},
            "broken": reports_health.failed_runs(tx),
            "paused": reports_overview.attention(tx).paused,
            "carriers": reports_health.providers(tx),
            "webhooks": reports_health.webhooks(tx),
            "imported": reports_health.last_import(tx),
            "told": reports_deliveries.counts(tx),
            "quarantined": quarantine.waiting(tx),
            "findings": findings.standing(tx),
            "told_of_funnel": telling.share(tx),
        }
    return render_template(
        "health/index.html",
        meaning=lambda code: MEANINGS[code][language()] if code in MEANINGS else code,
        offered=offered,
        process=process_word,
        names=Names.published(catalog),
        workers=[(worker, is_dead(worker.beat_at, wall)) for worker in workers],
        wall=wall,
        depth=given.queue.depth(),
        sender=engine.provider.name,
        doubts=doubts[:_PER_PAGE],
        next_doubt=doubts[_PER_PAGE - 1].send_id if len(doubts) > _PER_PAGE else None,
        after=after,
        **found,
    )


@health.post("/findings/<int:finding_id>")
def mend(finding_id: int) -> Response:
    """A person lets the safe repair of a finding be done."""
    given = dependencies()
    try:
        repair(given.engine, finding_id, _me(), given.clock.now())
    except (NotFound, Refused):
        flash(_("This was settled already, or only a person can settle it."), "warning")
    else:
        flash(_("It is mended."), "done")
    return redirect(url_for("health.index", _anchor="findings"), 303)


@health.post("/uncertain/<int:send_id>")
def settle(send_id: int) -> Response:
    """A person says whether an uncertain send arrived: `arrived` is yes or no."""
    given = dependencies()
    arrived = request.form.get("arrived") == "yes"
    try:
        settle_uncertain(given.engine, send_id, arrived=arrived, by=_me(), now=given.clock.now())
    except Conflict:
        flash(_("This email was settled already."), "warning")
    else:
        told = _("Noted: it arrived.") if arrived else _("Noted: it did not arrive.")
        flash(told, "done")
    return redirect(url_for("health.index", _anchor="uncertain"), 303)


@health.post("/providers/<provider>/resume")
def resume(provider: str) -> Response:
    """Let a provider send again."""
    given = dependencies()
    try:
        resume_provider(given.engine, provider, by=_me(), now=given.clock.now())
    except Conflict:
        flash(_("%(provider)s takes mail already.", provider=provider), "warning")
    else:
        flash(_("%(provider)s sends again; what waits goes next.", provider=provider), "done")
    return redirect(url_for("health.index"), 303)


def _me() -> str:
    user = current_user()
    return user.email if user else ""
