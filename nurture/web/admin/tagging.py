"""Tags that somebody puts on a contact, or takes away, on the contact's page."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from nurture.engine import tagging as engine
from nurture.engine.dependencies import Dependencies
from nurture.errors import Invalid, NotFound
from nurture.web.admin.shown_again import shown_again
from nurture.web.dependencies import dependencies
from nurture.web.error_words import translate_error
from nurture.web.i18n import gettext as _
from nurture.web.sessions import current_user

tagging = Blueprint("tagging", __name__, url_prefix="/contacts")


@tagging.post("/<int:contact_id>/tag")
def tag(contact_id: int) -> Response:
    """Put the tags that are typed in `tags` on the contact."""
    typed = request.form.get("tags", "")

    def do(deps: Dependencies, by: str, now: datetime) -> str:
        new = engine.tag(deps, contact_id, typed, by, now)
        if new:
            return _("Tagged: %(tags)s.", tags=", ".join(new))
        return _("They are tagged so already: nothing changed.")

    return _done(contact_id, do)


@tagging.post("/<int:contact_id>/untag")
def untag(contact_id: int) -> Response:
    """Take the one `tag` away whose button was pressed."""
    name = request.form.get("tag", "")

    def do(deps: Dependencies, by: str, now: datetime) -> str:
        had = engine.untag(deps, contact_id, [name], by, now)
        if had:
            return _("Tags taken away: %(tags)s.", tags=", ".join(had))
        return _("They are not tagged so: nothing changed.")

    return _done(contact_id, do)


def _done(contact_id: int, do: Callable[[Dependencies, str, datetime], str]) -> Response:
    given, user = dependencies(), current_user()
    try:
        told = do(given.engine, user.email if user else "", given.clock.now())
    except NotFound:
        abort(404)
    except Invalid as error:
        translate_error(error)
        why = " ".join(map(str, error.problems)) or error.message
        return shown_again(contact_id, {"tags": why[:1].upper() + why[1:]})
    flash(told, "done")
    return redirect(url_for("contacts.show", contact_id=contact_id, _anchor="tags"), 303)
