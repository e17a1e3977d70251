"""Writing a sequence: its draft, its settings, and publishing it."""

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.campaigns.yaml_writing import dump
from nurture.engine.draft_changes import Changes, changes_between
from nurture.engine.drafts import Draft, DraftMoved, discard, publish_draft, save, start
from nurture.errors import Invalid
from nurture.store import sequence_reports
from nurture.web.admin.sequence_desk import Desk, Faults, desk
from nurture.web.admin.sequence_fields import Document, with_key
from nurture.web.admin.sequence_flow import steps_of
from nurture.web.admin.sequence_names import known, title_of
from nurture.web.admin.sequence_place import by, sequences
from nurture.web.admin.sequence_settings import settings_from
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext

# Buttons of a form that change its rows and save nothing.
MORE = "more"


@sequences.get("/-new")
def create_form() -> str:
    """The form for a new sequence, for the stage that ?stage= names.

    A key begins with a letter or a digit, so that no sequence can take this address.
    """
    stage = request.args.get("stage", "")
    document = {"key": "", "name": {}, "stage": stage, "steps": []}
    return settings_page(_new_desk(document), document, Faults(), None)


@sequences.post("/-new")
def create() -> Response:
    """Make the draft; the form comes back with its values when the key cannot be used."""
    given = dependencies()
    document: Document = settings_from(request.form, {"steps": []})
    if MORE in request.form:
        return make_response(settings_page(_new_desk(document), document, Faults(), None))
    document = with_key(document)
    try:
        draft = start(given.engine, document, by(), given.clock.now())
    except Invalid as error:
        faults = Faults(error.problems)
        page = settings_page(_new_desk(document), document, faults, None)
        return make_response(page, 422)
    flash(_("The draft is there. Now add its steps."), "done")
    return redirect(url_for(".draft", key=draft.key), 303)


@sequences.get("/<key>/draft")
def draft(key: str) -> str:
    """The draft: its steps in their order, and everything that is wrong with it."""
    at = desk(dependencies().engine, key)
    changes = changes_between(at.draft.published, at.draft.document)
    return render_template(
        "sequences/draft.html", at=at, title=title_of(at.draft.document), changes=changes
    )


@sequences.post("/<key>/draft/order")
def reorder(key: str) -> Response:
    """Save the order of the steps; a button may also move one of them up or down."""
    at = desk(dependencies().engine, key, check=False)
    steps = at.steps
    wanted = [int(one) - 1 for one in request.form.getlist("order") if one.isdigit()]
    order = [one for one in dict.fromkeys(wanted) if 0 <= one < len(steps)]
    order += [one for one in range(len(steps)) if one not in order]
    number, _sign, way = request.form.get("move", "").partition(":")
    if number.isdigit() and int(number) - 1 in order:
        here = order.index(int(number) - 1)
        there = here + (-1 if way == "up" else 1)
        if 0 <= there < len(order):
            order[here], order[there] = order[there], order[here]
    document = at.document | {"steps": [steps[one] for one in order]}
    if revision() != at.draft.revision:
        flash(_("Somebody changed the steps meanwhile. Look at them, then order again."), "warning")
    else:
        store(key, document, at.draft.revision)
        flash(_("The order is saved."), "done")
    return redirect(url_for(".draft", key=key), 303)


@sequences.route("/<key>/draft/settings", methods=["GET", "POST"])
def settings(key: str) -> Response:
    """The form for who enters, who leaves and when emails may go."""
    at = desk(dependencies().engine, key)
    if request.method == "GET":
        return make_response(settings_page(at, at.document, at.faults, None))
    document = settings_from(request.form, at.document) | {"key": key}
    if MORE in request.form:
        return make_response(settings_page(at, document, Faults(), None))
    try:
        store(key, document, revision())
    except DraftMoved as moved:
        return make_response(settings_page(at, document, Faults(), moved.theirs), 409)
    wrong = [
        problem
        for problem in desk(dependencies().engine, key).faults.problems
        if not problem.field.startswith("steps")
    ]
    if wrong:
        flash(saved_with(len(wrong)), "warning")
        return redirect(url_for(".settings", key=key), 303)
    flash(_("Saved in the draft."), "done")
    return redirect(url_for(".draft", key=key), 303)


@sequences.post("/<key>/draft/discard")
def discard_it(key: str) -> Response:
    """Throw the draft away; what is published stays."""
    given = dependencies()
    if discard(given.engine, key, by(), given.clock.now()):
        flash(_("The draft is gone; what is published stays as it was."), "done")
        return redirect(url_for(".show", key=key), 303)
    flash(_("The draft is gone."), "done")
    return redirect(url_for(".index"), 303)


@sequences.get("/<key>/draft/publish")
def publish_form(key: str) -> str:
    """What publishing would change, and for whom, before anybody does it."""
    return _publish_page(desk(dependencies().engine, key))


@sequences.post("/<key>/draft/publish")
def publish(key: str) -> Response:
    """Publish the draft that was looked at; refused with every fault, or when it has changed."""
    given = dependencies()
    try:
        number = publish_draft(given.engine, key, revision(), by(), given.clock.now())
    except Invalid:
        return make_response(_publish_page(desk(given.engine, key)), 422)
    except DraftMoved:
        flash(_("The draft changed meanwhile. This is how it is now; look again."), "warning")
        return make_response(_publish_page(desk(given.engine, key)), 409)
    if number is None:
        flash(_("Nothing is different from what is published; the draft is closed."), "done")
    else:
        flash(_("Version %(number)s is published.", number=number), "done")
    return redirect(url_for(".show", key=key), 303)


def revision() -> int:
    """The revision that a form was made from; one that no draft has when it is missing."""
    return request.form.get("revision", -1, type=int)


def store(key: str, document: Document, of: int) -> Draft:
    """Save a document over revision `of`; raises DraftMoved."""
    given = dependencies()
    return save(given.engine, key, document, of, by(), given.clock.now())


def saved_with(number: int) -> str:
    """The note after saving what is not right yet."""
    return ngettext(
        "Saved in the draft. %(num)s thing has to be put right before it can be published.",
        "Saved in the draft. %(num)s things have to be put right before it can be published.",
        number,
    )


def written(document: Any) -> str:
    """A part of a document as a file would show it."""
    return dump(document).rstrip("\n") if isinstance(document, dict) else ""


def _new_desk(document: Document) -> Desk:
    empty = Draft("", document, 0, saved=False, saved_at=None, saved_by="", number=0, published={})
    return Desk(empty, known(dependencies().engine), Faults())


def settings_page(at: Desk, document: Document, faults: Faults, theirs: Draft | None) -> str:
    without_steps = {
        name: value
        for name, value in (theirs.document if theirs else {}).items()
        if name not in ("steps", "notes")
    }
    outside = tuple(one for one in faults.problems if not one.field.startswith("steps"))
    return render_template(
        "sequences/settings.html",
        at=at,
        it=document,
        title=title_of(document),
        faults=Faults(outside),
        theirs=theirs,
        theirs_text=written(without_steps),
        revision=theirs.revision if theirs else at.draft.revision,
        wants_exit=request.form.get(MORE) == "exit+",
    )


def _publish_page(at: Desk) -> str:
    engine = dependencies().engine
    changes: Changes = changes_between(at.draft.published, at.draft.document)
    with engine.database.read() as tx:
        (one,) = sequence_reports.sequences(tx, at.draft.key)
        versions = sequence_reports.versions(tx, one.id)
    flow = at.known.flow()
    titles = {
        str(step.get("key")): flow.title(step)
        for document in (at.draft.published, at.draft.document)
        for step in steps_of(document)
    }
    return render_template(
        "sequences/publish.html",
        at=at,
        title=title_of(at.draft.document),
        changes=changes,
        titles=titles,
        versions=[version for version in versions if version.under_way],
        under_way=sum(version.under_way for version in versions),
        exhausted=sum(version.exhausted for version in versions),
    )
