"""Segments: the list, who is in one since when, and who came and went."""

from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.engine.segment_reports import around, lines, segment, segments_of
from nurture.errors import NotFound

# The other pages of this place register themselves with the blueprint.
from nurture.web.admin import segment_drafts
from nurture.web.admin.condition_rows import written
from nurture.web.admin.condition_words import ConditionWords
from nurture.web.admin.segment_place import segments, spoken
from nurture.web.admin.segment_words import uses_in_words
from nurture.web.admin.sequence_names import known, names_of
from nurture.web.dependencies import dependencies
from nurture.web.names import chosen
from nurture.web.numbers import id_of

__all__ = ["segment_drafts", "segments"]

PER_PAGE = 50


@segments.get("/")
def index() -> str:
    """Every segment and draft: who is in it, how many, what a week brought, what asks for it."""
    given = dependencies()
    words = condition_words()
    found = [
        {
            "line": line,
            "name": chosen(names_of(line.document), line.key),
            "about": spoken(line.document.get("description")),
            "said": words.say(line.document.get("when")) if words else "",
            "uses": uses_in_words(line.uses, words),
        }
        for line in lines(given.engine, given.clock.now())
    ]
    return render_template("segments/index.html", found=found, may_write=words is not None)


@segments.get("/<key>")
def show(key: str) -> str | Response:
    """One segment: `q` searches its members, `before` pages. A mere draft shows its form."""
    search = request.args.get("q", "").strip()
    before = request.args.get("before", type=id_of)
    given = dependencies()
    try:
        found = segment(given.engine, key, search=search, before=before, limit=PER_PAGE + 1)
    except NotFound:
        if not segment_drafts.is_draft(key):
            raise
        return redirect(url_for(".draft", key=key), 303)
    beside = around(given.engine, key, given.clock.now())
    words = condition_words()
    page = found.page[:PER_PAGE]
    asked: dict[str, Any] = {"q": search} if search else {}
    older = ""
    if len(found.page) > PER_PAGE:
        older = url_for("segments.show", key=key, before=page[-1].id, **asked)
    return render_template(
        "segments/show.html",
        one=found,
        beside=beside,
        name=chosen(names_of(found.document), key),
        about=spoken(found.document.get("description")),
        said=words.outline(found.document.get("when")) if words else None,
        text=written(found.document["when"]),
        uses=uses_in_words(beside.uses, words),
        page=page,
        search=search,
        older=older,
        newest=url_for("segments.show", key=key, **asked) if before else "",
    )


def condition_words() -> ConditionWords | None:
    """What says conditions with the names of everything published; None before a funnel is."""
    try:
        return known(dependencies().engine).words
    except NotFound:
        return None


def of_contact(contact_id: int) -> list[tuple[str, str]]:
    """The segments a contact is in: (key, name)."""
    found = segments_of(dependencies().engine, contact_id)
    return [(key, chosen(names_of(document), key)) for key, document, _ in found]
