"""Writing a segment: its draft, whom it would bring in and take out, publishing, taking it away."""

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.campaigns.yaml_writing import dump
from nurture.engine.drafts import Draft, DraftMoved
from nurture.engine.segment_drafts import (
    InUse,
    check,
    discard,
    load,
    publish_draft,
    remove,
    save,
    start,
)
from nurture.engine.segment_effect import Effect, effect
from nurture.engine.segment_reports import around
from nurture.errors import Invalid, NotFound
from nurture.web.admin.segment_desk import SegmentDesk, document_from, new_desk, segment_desk
from nurture.web.admin.segment_place import segments
from nurture.web.admin.segment_words import uses_in_words
from nurture.web.admin.sequence_desk import Faults
from nurture.web.admin.sequence_fields import Document, with_key
from nurture.web.admin.sequence_names import known, title_of
from nurture.web.admin.sequence_place import by
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext
from nurture.web.numbers import id_of

# A button of the form that adds a row and saves nothing; and one that saves, then leads on.
MORE, THEN = "more", "then"


@segments.get("/-new")
def create_form() -> str:
    """The form for a new segment.

    A key begins with a letter or a digit, so that no segment can take this address.
    """
    return _form(new_desk({"key": "", "name": {}}))


@segments.post("/-new")
def create() -> Response:
    """Make the draft; the form comes back with its values when the key cannot be used."""
    given = dependencies()
    document = document_from(request.form, {})
    if MORE in request.form:
        return make_response(_form(new_desk(document)))
    document = with_key(document)
    try:
        draft = start(given.engine, document, by(), given.clock.now())
    except Invalid as error:
        return make_response(_form(new_desk(document, Faults(error.problems))), 422)
    return _saved(draft.key)


@segments.get("/<key>/draft")
def draft(key: str) -> str:
    """The form of a segment, with everything that is wrong with its draft."""
    return _form(segment_desk(key))


@segments.post("/<key>/draft")
def edit(key: str) -> Response:
    """Save the draft; the form comes back when somebody else saved meanwhile."""
    given = dependencies()
    at = segment_desk(key)
    document = document_from(request.form, at.document) | {"key": key}
    if MORE in request.form:
        return make_response(_form(at, document))
    try:
        save(given.engine, key, document, _revision(), by(), given.clock.now())
    except DraftMoved as moved:
        return make_response(_form(at, document, moved.theirs), 409)
    return _saved(key)


@segments.post("/<key>/draft/discard")
def discard_it(key: str) -> Response:
    """Throw the draft away; what is published stays."""
    given = dependencies()
    if discard(given.engine, key, by(), given.clock.now()):
        flash(_("The draft is gone; what is published stays as it was."), "done")
        return redirect(url_for(".show", key=key), 303)
    flash(_("The draft is gone."), "done")
    return redirect(url_for(".index"), 303)


@segments.get("/<key>/draft/publish")
def publish_form(key: str) -> str:
    """What publishing would change, and for whom, before anybody does it."""
    return _publish_page(segment_desk(key))


@segments.get("/<key>/draft/count")
def count(key: str) -> str:
    """The count of the page before, gone on with; the address holds what was counted so far."""
    given = dependencies()
    names = ("entering", "leaving", "staying", "looked_at", "after")
    numbers = [request.args.get(name, 0, type=id_of) for name in names]
    found = check(given.engine, load(given.engine, key).document)
    counted = None
    if found.segment is not None and not found.problems:
        counted = effect(given.engine, found.segment, given.clock.now(), Effect(*numbers))
    return render_template("segments/count.html", key=key, counted=counted)


@segments.post("/<key>/draft/publish")
def publish(key: str) -> Response:
    """Publish the draft that was looked at; refused with every fault, or when it has changed."""
    given = dependencies()
    try:
        changed = publish_draft(given.engine, key, _revision(), by(), given.clock.now())
    except Invalid:
        return make_response(_publish_page(segment_desk(key)), 422)
    except DraftMoved:
        flash(_("The draft changed meanwhile. This is how it is now; look again."), "warning")
        return make_response(_publish_page(segment_desk(key)), 409)
    if changed:
        flash(_("The segment is published. The workers now look at everybody once."), "done")
    else:
        flash(_("Nothing is different from what is published; the draft is closed."), "done")
    return redirect(url_for(".show", key=key), 303)


@segments.get("/<key>/delete")
def delete_form(key: str) -> str:
    """What would be lost, or what still asks for it."""
    return _delete_page(key)


@segments.post("/<key>/delete")
def delete(key: str) -> Response:
    """Take the segment away; the page comes back with what asks for it by now."""
    given = dependencies()
    try:
        remove(given.engine, key, by(), given.clock.now())
    except InUse:
        return make_response(_delete_page(key), 409)
    flash(_("The segment is gone. Nobody was mailed for it, and nothing begins by it."), "done")
    return redirect(url_for(".index"), 303)


def is_draft(key: str) -> bool:
    """Whether a segment is only a draft so far."""
    try:
        return load(dependencies().engine, key).number == 0
    except NotFound:
        return False


def _form(at: SegmentDesk, document: Document | None = None, theirs: Draft | None = None) -> str:
    shown = at.document if document is None else document
    # What is typed but not saved has not been checked: faults of the saved text would mislead.
    fresh = document is not None
    return render_template(
        "segments/draft.html",
        at=at,
        it=shown,
        title=title_of(shown),
        faults=Faults() if fresh else at.faults,
        when_error="" if fresh else at.when_error,
        told=[] if fresh else at.told,
        said=at.known.words.outline(at.document.get("when")),
        theirs=theirs,
        theirs_text=dump(dict(theirs.document)).rstrip("\n") if theirs else "",
        revision=theirs.revision if theirs else at.draft.revision,
    )


def _saved(key: str) -> Response:
    wrong = len(segment_desk(key).faults.told)
    if wrong:
        told = ngettext(
            "Saved in the draft. %(num)s thing has to be put right before it can be published.",
            "Saved in the draft. %(num)s things have to be put right before it can be published.",
            wrong,
        )
        flash(told, "warning")
        return redirect(url_for(".draft", key=key), 303)
    flash(_("Saved in the draft."), "done")
    return redirect(url_for(".publish_form" if THEN in request.form else ".draft", key=key), 303)


def _publish_page(at: SegmentDesk) -> str:
    given = dependencies()
    found = check(given.engine, at.document)
    counted = None
    if found.segment is not None and not found.problems:
        counted = effect(given.engine, found.segment, given.clock.now())
    before, after = at.draft.published, at.document
    uses = around(given.engine, at.draft.key, given.clock.now()).uses if before else ()
    return render_template(
        "segments/publish.html",
        at=at,
        key=at.draft.key,
        title=title_of(after),
        changed=[
            name for name in ("name", "description", "when") if before.get(name) != after.get(name)
        ],
        before=before,
        after=after,
        say=at.known.words.say,
        words=at.known.words,
        counted=counted,
        uses=uses_in_words(uses, at.known.words),
    )


def _delete_page(key: str) -> str:
    given = dependencies()
    found = load(given.engine, key)
    beside = around(given.engine, key, given.clock.now()) if found.number else None
    names = known(given.engine)
    return render_template(
        "segments/delete.html",
        key=key,
        title=title_of(found.document),
        uses=uses_in_words(beside.uses if beside else (), names.words),
    )


def _revision() -> int:
    return request.form.get("revision", -1, type=int)
