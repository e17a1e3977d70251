"""The overview: where contacts stand, what is moving, and what needs a person."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, render_template

from nurture.domain.funnel import Funnel
from nurture.engine.definitions import TRACK
from nurture.errors import NotFound
from nurture.store import (
    operations,
    qualification,
    reports_contacts,
    reports_health,
    reports_overview,
    reports_stages,
)
from nurture.web.admin.machine import is_dead
from nurture.web.dependencies import dependencies
from nurture.web.names import Names, chosen

overview = Blueprint("overview", __name__)

WEEK = timedelta(days=7)


@overview.get("/")
def index() -> str:
    """The first page after log-in; its live part asks for itself again."""
    given = dependencies()
    engine, now = given.engine, given.clock.now()
    today = now.astimezone(given.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    with engine.database.read() as tx:
        try:
            catalog = engine.definitions.catalog(tx)
        except NotFound:
            # Nothing was published yet: the page says what to do first.
            return render_template(
                "overview/first.html", anybody=reports_contacts.anybody(tx), now=now
            )
        names = Names(
            catalog.funnel, {key: one.sequence.names for key, one in catalog.current.items()}
        )
        stages = reports_overview.stages(tx, TRACK)
        found = {
            "moves": reports_overview.moves(tx),
            "moved": reports_overview.moved_since(tx, now - WEEK),
            "sent_today": reports_overview.sent_since(tx, today),
            "sent_week": reports_overview.sent_since(tx, now - WEEK),
            "busy": reports_overview.busy_sequences(tx, now - WEEK),
            "matrix": reports_overview.temperatures(tx, TRACK),
            "attention": reports_overview.attention(tx),
            "late": reports_stages.too_long(tx, TRACK, reports_stages.alerts(catalog.funnel, now)),
            "personas": _personas(catalog.funnel, qualification.personas(tx)),
            "carriers": [one for one in reports_health.providers(tx) if one.state != "ok"],
            "dead": _dead(operations.running_workers(tx), given.wall.now()),
        }
    return render_template(
        "overview/index.html",
        names=names,
        funnel=_funnel(catalog.funnel, stages),
        total=sum(stages.values()),
        grades=[letter for letter, _ in catalog.funnel.grades],
        degrees=[warmth.key for warmth in catalog.funnel.warmth],
        **found,
    )


def _funnel(funnel: Funnel, counts: dict[str, int]) -> list[tuple[str, str, int]]:
    """(key, name, contacts) of every stage in order; one that was removed stands at the end."""
    known = [(one.key, chosen(one.names, one.key), counts.get(one.key, 0)) for one in funnel.stages]
    gone = [(key, key, count) for key, count in counts.items() if key not in funnel.order]
    return known + sorted(gone)


def _personas(funnel: Funnel, counts: dict[str, int]) -> list[tuple[str, str, int]]:
    """(key, name, contacts) of every persona of the funnel, in its order."""
    return [
        (one.key, chosen(one.names, one.key), counts.get(one.key, 0)) for one in funnel.personas
    ]


def _dead(workers: Iterable[Any], wall: datetime) -> int:
    return sum(is_dead(worker.beat_at, wall) for worker in workers)
