"""Events whose time cannot be true, with the two buttons that settle each."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.engine.quarantine import accept_quarantined, discard_quarantined
from nurture.errors import Conflict, NotFound
from nurture.store import quarantine as store
from nurture.store.quarantine import Held
from nurture.web.dependencies import dependencies
from nurture.web.formatting import long_time
from nurture.web.i18n import gettext as _
from nurture.web.numbers import id_of
from nurture.web.sessions import current_user

quarantine = Blueprint("quarantine", __name__, url_prefix="/quarantine")

PER_PAGE = 50


@quarantine.get("/")
def index() -> str:
    """The events that wait for a person, the newest first."""
    before = request.args.get("before", type=id_of)
    with dependencies().engine.database.read() as tx:
        page = store.page(tx, before=before, limit=PER_PAGE)
        number = store.waiting(tx)
    return render_template(
        "quarantine/index.html", page=page, number=number, before=before, claimed=_claimed
    )


def _claimed(held: Held) -> str:
    """The instant that an event claims; one beyond the calendar stays as it was told."""
    told = str(held.event.get("at", ""))
    try:
        return long_time(datetime.fromisoformat(told))
    except (ValueError, OverflowError):
        return told


@quarantine.post("/<int:held_id>/accept")
def accept(held_id: int) -> Response:
    """Take an event in."""
    return _settled(accept_quarantined, held_id, _("The event was taken in."))


@quarantine.post("/<int:held_id>/discard")
def discard(held_id: int) -> Response:
    """Leave an event out."""
    return _settled(discard_quarantined, held_id, _("The event stays out."))


def _settled(settle: Callable[..., object], held_id: int, told: str) -> Response:
    given, user = dependencies(), current_user()
    try:
        settle(given.engine, held_id, by=user.email if user else "", now=given.clock.now())
    except NotFound:
        abort(404)
    except Conflict:
        flash(_("This event was settled already."), "warning")
    else:
        flash(told, "done")
    return redirect(url_for("quarantine.index"), 303)
