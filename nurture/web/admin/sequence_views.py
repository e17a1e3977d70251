"""What the list of sequences and the page of one show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nurture.engine.dependencies import Dependencies
from nurture.errors import NotFound
from nurture.store import sequence_reports
from nurture.store.sequence_reports import Listed, Reading, VersionLine
from nurture.web.admin.sequence_flow import Flow, FlowStep, experiments_of, steps_of
from nurture.web.admin.sequence_names import Known, known, published_subjects, title_of
from nurture.web.admin.sequence_settings import USUAL
from nurture.web.admin.sequence_words import reasons_of, spoken
from nurture.web.i18n import gettext as _
from nurture.web.names import chosen
from nurture.web.reasons import reason

RECENT = timedelta(days=30)
NOTHING = Reading()


@dataclass(frozen=True, slots=True)
class Line:
    """One sequence in the list."""

    listed: Listed
    title: str
    steps: int
    live: int
    reading: Reading
    event: str = ""
    track: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The sequences of one stage (`place` counts from 1), or the triggered ones (`place` 0)."""

    key: str
    name: str
    place: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One step of the flow with who stands there and how its emails were met."""

    step: FlowStep
    here: Mapping[str, int]
    reading: Reading | None
    arms: Mapping[str, int] = field(default_factory=dict)

    @property
    def contacts(self) -> int:
        """How many contacts stand here now."""
        return sum(self.here.values())


@dataclass(frozen=True)
class Detail:
    """The page of one sequence."""

    listed: Listed
    title: str
    stage: str
    stage_place: int
    entry: str
    exits: tuple[tuple[str, str], ...]
    places: tuple[Place, ...]
    elsewhere: int
    live: int
    reading: Reading
    versions: tuple[VersionLine, ...]
    endings: tuple[tuple[str, str, int], ...]
    document: Mapping[str, Any] = field(default_factory=dict)
    track: str = ""


def listing(engine: Dependencies, now: datetime) -> tuple[Group, ...]:
    """The sequences by stage in the funnel's order, the triggered ones last.

    Raises NotFound before a funnel is published.
    """
    found = known(engine)
    with engine.database.read() as tx:
        live = sequence_reports.live_counts(tx)
        reading = sequence_reports.reading(tx, now - RECENT)
    lines = [
        Line(
            one,
            title_of(one),
            len(steps_of(one.shown)),
            live.get(one.id, 0),
            reading.get(one.id, NOTHING),
            _event(one.shown),
            _track(one.shown),
        )
        for one in found.listed
    ]
    groups = [
        Group(
            stage.key,
            chosen(stage.names, stage.key),
            place,
            _ordered(line for line in lines if line.listed.shown.get("stage") == stage.key),
        )
        for place, stage in enumerate(found.funnel.stages, 1)
    ]
    known_stages = set(found.funnel.order)
    rest = _ordered(line for line in lines if line.listed.shown.get("stage") not in known_stages)
    return (*groups, Group("", _("Started by an event"), 0, rest))


def detail(engine: Dependencies, key: str) -> Detail:
    """One sequence as it is published, else as its draft. Raises NotFound."""
    found = known(engine)
    one = next((listed for listed in found.listed if listed.key == key), None)
    if one is None:
        raise NotFound(f"there is no sequence {key!r}")
    with engine.database.read() as tx:
        here = sequence_reports.places(tx, one.id)
        reading = sequence_reports.step_reading(tx, one.id)
        versions = sequence_reports.versions(tx, one.id)
        shown = sequence_reports.arm_counts(tx, experiments_of(one.shown))
        endings = sequence_reports.endings(tx, one.id)
        sent = sequence_reports.email_subjects(tx, one.version_id) if one.version_id else {}
    flow = found.flow(published_subjects(one.shown, sent))
    places = tuple(
        Place(
            step,
            here.get(step.key, {}),
            reading.get(step.key, NOTHING) if step.kind == "email" else None,
            shown.get(step.experiment, {}),
        )
        for step in flow.steps(one.shown)
    )
    stage = one.shown.get("stage")
    live = sum(sum(states.values()) for states in here.values())
    order = found.funnel.order
    return Detail(
        listed=one,
        title=title_of(one),
        stage=found.words.stage(stage) if stage else "",
        stage_place=order.index(stage) + 1 if stage in order else 0,
        entry=flow.words.say(one.shown["entry"]) if one.shown.get("entry") else "",
        exits=_exits(one.shown, flow),
        places=places,
        elsewhere=live - sum(place.contacts for place in places),
        live=live,
        reading=total(reading.values()),
        versions=tuple(versions),
        endings=tuple(_ending(found, one.shown, *ending) for ending in endings),
        document=one.shown,
        track=_track(one.shown),
    )


def total(readings: Iterable[Reading]) -> Reading:
    """All of them together."""
    some = list(readings)
    return Reading(
        accepted=sum(one.accepted for one in some),
        opened=sum(one.opened for one in some),
        opened_raw=sum(one.opened_raw for one in some),
        clicked=sum(one.clicked for one in some),
        clicked_raw=sum(one.clicked_raw for one in some),
        skipped=sum(one.skipped for one in some),
        bounced=sum(one.bounced for one in some),
        waiting=sum(one.waiting for one in some),
    )


def _ending(
    found: Known, document: Mapping[str, Any], state: str, why: str, number: int
) -> tuple[str, str, int]:
    if state == "moved":
        is_stage = why in found.funnel.order
        return state, found.words.stage(why) if is_stage else found.words.sequence(why), number
    own = reasons_of(document).get(why)
    return state, chosen(own, why) if own else reason(why), number


def _exits(document: Mapping[str, Any], flow: Flow) -> tuple[tuple[str, str], ...]:
    rules = document.get("exits")
    return tuple(
        (spoken(rule.get("reason")), flow.words.say(rule.get("when")))
        for rule in (rules if isinstance(rules, list) else ())
        if isinstance(rule, Mapping)
    )


def _event(document: Mapping[str, Any]) -> str:
    trigger = document.get("trigger")
    return str(trigger.get("event", "")) if isinstance(trigger, Mapping) else ""


def _track(document: Mapping[str, Any]) -> str:
    """The track that a document names; empty for the usual one."""
    named = document.get("track")
    return named if isinstance(named, str) and named != USUAL["track"] else ""


def _ordered(lines: Iterable[Line]) -> tuple[Line, ...]:
    def rank(line: Line) -> tuple[str, float, str]:
        priority = line.listed.shown.get("priority", 0)
        known = -priority if isinstance(priority, int | float) else 0
        return (line.track, known, line.listed.key)

    return tuple(sorted(lines, key=rank))
