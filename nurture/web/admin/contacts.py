"""Contacts: the list, and one contact with everything explained."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for

from nurture.domain.funnel import Funnel
from nurture.domain.zones import unknown_zones
from nurture.engine.explain import engagements, explain
from nurture.store import reports_contacts, reports_stages, reports_timeline
from nurture.store.reports_contacts import Wanted
from nurture.store.reports_timeline import KINDS, Happening
from nurture.web import stage_words
from nurture.web.admin.qualification import qualified
from nurture.web.admin.segments import of_contact
from nurture.web.admin.step_names import with_steps
from nurture.web.ahead import coming_icon, coming_title, depends, in_line_told, zone_line
from nurture.web.dependencies import dependencies
from nurture.web.names import Names, chosen
from nurture.web.numbers import id_of
from nurture.web.reasons import detail, path, reason
from nurture.web.story import occurrence_title, scene
from nurture.web.telling import because, foreseen, fork, outcome, short, way

contacts = Blueprint("contacts", __name__, url_prefix="/contacts")

PER_PAGE = 50
TIMELINE_PAGE = 25
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contacts.get("/")
def index() -> str:
    """The list: `q` searches, `stage` and `temperature` narrow, `before` and `after` page."""
    given = dependencies()
    engine = given.engine
    wanted = Wanted(
        request.args.get("q", "").strip(),
        request.args.get("stage", ""),
        request.args.get("temperature", ""),
        request.args.get("grade", ""),
        request.args.get("persona", ""),
        late=bool(request.args.get("late")),
    )
    with engine.database.read() as tx:
        if wanted.late:
            known = engine.definitions.catalog(tx).funnel
            wanted = replace(wanted, bounds=reports_stages.alerts(known, given.clock.now()))
        page = reports_contacts.page(
            tx,
            wanted,
            before=request.args.get("before", type=id_of),
            after=request.args.get("after", type=id_of),
            limit=PER_PAGE,
        )
        total = reports_contacts.total(tx, wanted)
        anybody = bool(page.rows) or reports_contacts.anybody(tx)
        funnel = engine.definitions.catalog(tx).funnel if anybody else None
    people = [one.id for one in page.rows]
    scores = engagements(engine, people, given.clock.now()) if people else {}

    def link(**changes: Any) -> str:
        kept = {
            "q": wanted.search, "stage": wanted.stage, "temperature": wanted.temperature,
            "grade": wanted.grade, "persona": wanted.persona, "late": "1" if wanted.late else "",
        }  # fmt: skip
        return url_for("contacts.index", **{k: v for k, v in (kept | changes).items() if v})

    return render_template(
        "contacts/index.html",
        page=page,
        total=total,
        wanted=wanted,
        anybody=anybody,
        names=Names(funnel),
        stages=[(one.key, chosen(one.names, one.key)) for one in funnel.stages] if funnel else [],
        degrees=[one.key for one in funnel.warmth] if funnel else [],
        grades=[letter for letter, _least in funnel.grades] if funnel else [],
        personas=_personas(funnel) if funnel else [],
        scores=scores,
        link=link,
    )


def _personas(funnel: Funnel) -> list[tuple[str, str]]:
    return [(one.key, chosen(one.names, one.key)) for one in funnel.personas]


@contacts.get("/<int:contact_id>")
def show(contact_id: int, faults: Mapping[str, str] = MappingProxyType({})) -> str:
    """One contact, explained; of somebody who was erased, since when they are.

    `faults` say what was wrong with the fields of a form that was refused.
    """
    given = dependencies()
    with given.engine.database.read() as tx:
        erased_at = reports_contacts.erased_at(tx, contact_id)
    if erased_at is not None:
        return render_template("contacts/erased.html", erased_at=erased_at)
    told = explain(given.engine, contact_id, given.clock.now())
    names = with_steps(given.engine, told, Names.of(told))
    with given.engine.database.read() as tx:
        happenings, more = reports_timeline.timeline(
            tx, contact_id, told.profile.address_key, limit=TIMELINE_PAGE
        )
    known = qualified(told)
    return render_template(
        "contacts/show.html",
        told=told,
        names=names,
        scenes=[scene(one, names) for one in happenings],
        older=_key(happenings[-1]) if more else "",
        segments=of_contact(contact_id),
        faults=faults,
        sequence_of={run.id: run.sequence for run in told.runs},
        zone=str(given.zone),
        because=because,
        outcome=outcome,
        fork=fork,
        way=way,
        unknown_zones=unknown_zones(told.contact),
        zone_line=zone_line,
        coming_icon=coming_icon,
        coming_title=coming_title,
        depends=depends,
        in_line_told=in_line_told,
        foreseen=foreseen,
        chosen=chosen,
        reason=reason,
        detail=detail,
        path=path,
        short=short,
        occurrence_title=occurrence_title,
        known=known,
        stage_words=stage_words,
    )


@contacts.get("/<int:contact_id>/timeline")
def timeline(contact_id: int) -> str:
    """Older happenings, for the end of the timeline: `before` is what `show` gave."""
    given = dependencies()
    told = explain(given.engine, contact_id, given.clock.now())
    names = with_steps(given.engine, told, Names.of(told))
    with given.engine.database.read() as tx:
        happenings, more = reports_timeline.timeline(
            tx,
            contact_id,
            told.profile.address_key,
            before=_place(request.args.get("before", "")),
            limit=TIMELINE_PAGE,
        )
    return render_template(
        "contacts/timeline.html",
        told=told,
        names=names,
        scenes=[scene(one, names) for one in happenings],
        older=_key(happenings[-1]) if more else "",
        zone=str(given.zone),
    )


def _key(one: Happening) -> str:
    at, rank, key = one.place
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}.{rank}.{key}"


def _place(text: str) -> tuple[datetime, int, int]:
    parts = text.split(".")
    try:
        at, rank, key = (id_of(part) for part in parts)
        place = (_EPOCH + timedelta(microseconds=at), rank, key)
    except (ValueError, OverflowError):
        abort(404)
    if rank not in range(len(KINDS)):
        abort(404)
    return place
