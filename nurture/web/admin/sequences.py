"""Sequences: the list, the page of one, pausing it and letting it go on."""

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from nurture.campaigns.documents import write_sequence
from nurture.engine.drafts import load
from nurture.engine.pausing import LONGEST_REASON, pause
from nurture.errors import NotFound

# The other pages of this place register themselves with the blueprint.
from nurture.web.admin import (
    sequence_drafts,
    sequence_forecast,
    sequence_paper,
    sequence_preview,
    sequence_steps,
    sequence_versions,
)
from nurture.web.admin.sequence_place import by, sequences
from nurture.web.admin.sequence_views import detail, listing
from nurture.web.admin.ways_in import ways_in
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext

__all__ = [
    "sequence_drafts",
    "sequence_forecast",
    "sequence_paper",
    "sequence_preview",
    "sequence_steps",
    "sequence_versions",
    "sequences",
]


@sequences.get("/")
def index() -> str:
    """All sequences by stage; an empty page that teaches while nothing is published."""
    given = dependencies()
    try:
        groups = listing(given.engine, given.clock.now())
    except NotFound:
        groups = ()
    return render_template("sequences/list.html", groups=groups)


@sequences.get("/<key>")
def show(key: str) -> str:
    """One sequence: its flow with who stands where, versions, and what can be done."""
    found = detail(dependencies().engine, key)
    return render_template(
        "sequences/detail.html", it=found, longest=LONGEST_REASON, ways_in=ways_in(found.document)
    )


@sequences.get("/<key>/file")
def as_file(key: str) -> Response:
    """The sequence as its campaign file would be written; with ?draft=1 its draft."""
    draft = load(dependencies().engine, key)
    document = draft.document if request.args.get("draft") or not draft.number else draft.published
    return Response(write_sequence(document), mimetype="text/plain")


@sequences.post("/<key>/pause")
def pause_it(key: str) -> AnyResponse:
    """Pause for a reason; without one the page comes back and says so."""
    given = dependencies()
    why = request.form.get("reason", "").strip()
    if not why:
        flash(_("Say why it is paused, so that colleagues know."), "error")
        return redirect(url_for(".show", key=key, pausing=1), 303)
    done = pause(given.engine, key, why, by(), given.clock.now())
    flash(
        ngettext(
            "Paused. %(num)s contact stays where it is, and nothing is sent.",
            "Paused. %(num)s contacts stay where they are, and nothing is sent.",
            done.stopped,
        ),
        "done",
    )
    return redirect(url_for(".show", key=key), 303)
