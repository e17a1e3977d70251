"""Notices and webhooks: what waits, what was told, what failed, and the button to try again."""

import json

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.engine.deliveries import retry_delivery
from nurture.engine.endpoints import Listed as Endpoint
from nurture.engine.endpoints import list_endpoints, open_endpoint
from nurture.errors import Conflict, NotFound
from nurture.store import reports_deliveries
from nurture.store.reports_deliveries import KINDS, STATUSES
from nurture.web.delivery_words import (
    delivery_reason,
    delivery_state,
    delivery_target,
    last_answer,
    stood_in,
)
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.names import Names
from nurture.web.numbers import id_of
from nurture.web.sessions import current_user

deliveries = Blueprint("deliveries", __name__, url_prefix="/deliveries")

PER_PAGE = 50


@deliveries.app_context_processor
def words() -> dict[str, object]:
    """Give templates the words for deliveries."""
    return {
        "delivery_state": delivery_state,
        "delivery_target": delivery_target,
        "delivery_reason": delivery_reason,
        "last_answer": last_answer,
    }


@deliveries.get("/")
def index() -> str:
    """The list, the newest first, narrowed by `status` and `kind`; and the endpoints."""
    engine = dependencies().engine
    status, kind = request.args.get("status", ""), request.args.get("kind", "")
    if status not in ("", *STATUSES) or kind not in ("", *KINDS):
        abort(404)
    before = request.args.get("before", type=id_of)
    after = request.args.get("after", type=id_of)
    with engine.database.read() as tx:
        page = reports_deliveries.page(
            tx, status=status, kind=kind, before=before, after=after, limit=PER_PAGE
        )
        counts = reports_deliveries.counts(tx)
    return render_template(
        "deliveries/index.html",
        names=_names(),
        page=page,
        counts=counts,
        endpoints=_endpoints(),
        status=status,
        kind=kind,
        statuses=("waiting", "delivered", "failed"),
        kinds=KINDS,
        link=lambda **more: url_for(
            "deliveries.index",
            **{key: one for key, one in {"status": status, "kind": kind, **more}.items() if one},
        ),
    )


@deliveries.get("/<int:delivery_id>")
def show(delivery_id: int) -> str:
    """One delivery: what is told, and the last answer."""
    with dependencies().engine.database.read() as tx:
        one = reports_deliveries.delivery(tx, delivery_id)
    if one is None:
        abort(404)
    return render_template(
        "deliveries/show.html",
        names=_names(),
        one=one,
        stood_in=stood_in(dict(one.payload)),
        told=json.dumps(one.payload.get("data"), ensure_ascii=False, indent=2),
    )


@deliveries.post("/<int:delivery_id>/retry")
def retry(delivery_id: int) -> Response:
    """Have a delivery tried again now."""
    given = dependencies()
    try:
        retry_delivery(given.engine, delivery_id, by=_me(), now=given.clock.now())
    except NotFound:
        abort(404)
    except Conflict:
        flash(_("It is delivered already, or being told right now."), "warning")
    else:
        flash(_("It is tried again now, with all its tries."), "done")
    return redirect(url_for("deliveries.show", delivery_id=delivery_id), 303)


@deliveries.post("/endpoints/<key>/open")
def open_again(key: str) -> Response:
    """Let an endpoint be called again."""
    given = dependencies()
    try:
        open_endpoint(given.engine, key, by=_me(), now=given.clock.now())
    except Conflict:
        flash(_("%(key)s is called already.", key=key), "warning")
    else:
        flash(_("%(key)s is called again; what waits goes next.", key=key), "done")
    return redirect(url_for("deliveries.index"), 303)


def _endpoints() -> list[Endpoint]:
    try:
        return list_endpoints(dependencies().engine)
    except NotFound:
        return []


def _names() -> Names:
    engine = dependencies().engine
    with engine.database.read() as tx:
        try:
            return Names.published(engine.definitions.catalog(tx))
        except NotFound:
            return Names.published(None)


def _me() -> str:
    user = current_user()
    return user.email if user else ""
