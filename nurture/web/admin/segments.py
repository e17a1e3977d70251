"""Segments: the list, and who is in one since when."""

from typing import Any

from flask import Blueprint, render_template, request, url_for

from nurture.engine.segment_reports import segment, segments_of
from nurture.engine.segment_reports import segments as listed
from nurture.errors import NotFound
from nurture.web.admin.condition_words import ConditionWords
from nurture.web.admin.sequence_names import known, names_of
from nurture.web.dependencies import dependencies
from nurture.web.names import chosen
from nurture.web.numbers import id_of

segments = Blueprint("segments", __name__, url_prefix="/segments")

PER_PAGE = 50


@segments.get("/")
def index() -> str:
    """Every segment with how many are in it, and its condition in words."""
    found = listed(dependencies().engine)
    words = condition_words() if found else None
    return render_template(
        "segments/index.html",
        found=[
            (one, chosen(names_of(one.document), one.key), _about(one.document), _said(words, one))
            for one in found
        ],
    )


@segments.get("/<key>")
def show(key: str) -> str:
    """One segment: `q` searches its members, `before` pages."""
    search = request.args.get("q", "").strip()
    before = request.args.get("before", type=id_of)
    engine = dependencies().engine
    found = segment(engine, key, search=search, before=before, limit=PER_PAGE + 1)
    page = found.page[:PER_PAGE]
    asked: dict[str, Any] = {"q": search} if search else {}
    older = ""
    if len(found.page) > PER_PAGE:
        older = url_for("segments.show", key=key, before=page[-1].id, **asked)
    return render_template(
        "segments/show.html",
        one=found,
        name=chosen(names_of(found.document), key),
        about=_about(found.document),
        said=_said(condition_words(), found),
        page=page,
        search=search,
        older=older,
        newest=url_for("segments.show", key=key, **asked) if before else "",
    )


def condition_words() -> ConditionWords | None:
    """What says conditions with the names of everything published; None before a funnel is."""
    engine = dependencies().engine
    try:
        words = known(engine).words
    except NotFound:
        return None
    names = {one.key: names_of(one.document) for one in listed(engine)}
    return ConditionWords(words.funnel, words.sequences, names)


def of_contact(contact_id: int) -> list[tuple[str, str]]:
    """The segments a contact is in: (key, name)."""
    found = segments_of(dependencies().engine, contact_id)
    return [(key, chosen(names_of(document), key)) for key, document, _ in found]


def _said(words: ConditionWords | None, one: object) -> str:
    document = getattr(one, "document", {})
    return words.say(document.get("when")) if words else ""


def _about(document: dict[str, object]) -> str:
    told = document.get("description")
    return chosen({str(k): str(v) for k, v in told.items()}, "") if isinstance(told, dict) else ""
