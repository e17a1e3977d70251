"""A draft tried on paper: what it would do to a contact, told before anybody is in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from flask import render_template, request

from nurture.domain.contact import Value
from nurture.domain.sequence import Goal, Sequence, Split, WaitFor
from nurture.domain.states import STATE_NAMES
from nurture.domain.zones import zone_of
from nurture.engine.assumptions import VERBS, Assumption, assume, pairs
from nurture.engine.dependencies import Dependencies
from nurture.engine.draft_check import check_draft
from nurture.engine.life import Life
from nurture.engine.life_letters import LifeLetters, of_draft
from nurture.engine.simulate import (
    Simulated,
    life_of,
    life_of_somebody,
    published_world,
    simulate,
    someone,
    with_sequence,
)
from nurture.engine.world import World
from nurture.errors import NotFound, NurtureError, Problem
from nurture.store import reports_contacts
from nurture.store.reports_contacts import Listed, Wanted
from nurture.web.admin.condition_words import event_words
from nurture.web.admin.paper_words import Told, assumed_told, moment_told
from nurture.web.admin.sequence_desk import Desk, Options, desk
from nurture.web.admin.sequence_fields import mapping
from nurture.web.admin.sequence_names import title_of
from nurture.web.admin.sequence_place import sequences
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import language
from nurture.web.lacking import lack_told
from nurture.web.names import Names
from nurture.web.numbers import id_of
from nurture.web.problem_words import sentence, tell

MOST_FOUND: Final = 8
LONGEST: Final = 3650
USUAL_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Act:
    """One assumption as its row in the form: what they do, with which email, when, and how."""

    act: str = ""
    step: str = ""
    day: str = "1"
    details: str = ""

    @property
    def line(self) -> str:
        """The assumption as `nurture simulate --assume` takes it."""
        parts = [self.act, self.step, f"with {self.details}" if self.details else ""]
        return " ".join(part for part in (*parts, f"on day {self.day or '1'}") if part)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the timeline: its number from the day of entry, its date, what happened."""

    number: int
    date: str
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, or why nothing did."""

    days: tuple[Day, ...] = ()
    sent: int = 0
    state: str = ""
    zone: str = ""
    who: str = ""
    in_vain: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """The form: a contact's id or the number of an invented one, and what is assumed."""

    search: str = ""
    contact: int | None = None
    number: int = 1
    fields: str = ""
    given: str = ""
    days: int = USUAL_DAYS
    acts: tuple[Act, ...] = field(default=())


@sequences.get("/<key>/draft/paper")
def paper(key: str) -> str:
    """The form, and the timeline once somebody asked for it; nothing is written or sent."""
    engine = dependencies().engine
    at = desk(engine, key, check=False)
    checked = check_draft(engine, at.draft.document)
    asked = _asked()
    who = _somebody(engine, asked.contact)
    outcome = None
    if checked.sequence is None:
        outcome = Outcome(faults=(_("The draft cannot be read yet. Put right what it lists."),))
    elif request.args.get("go"):
        outcome = _outcome(engine, at, checked.sequence, asked)
    return render_template(
        "sequences/paper.html",
        at=at,
        title=title_of(at.draft.document),
        asked=asked,
        outcome=outcome,
        found=_found(engine, asked),
        who=who,
        acts=_acts(checked.sequence) if checked.sequence else [],
        triggered=checked.sequence is not None and checked.sequence.trigger is not None,
        splits=checked.sequence is not None
        and any(isinstance(step, Split) for step in checked.sequence.steps),
    )


def _asked() -> Asked:
    args = request.args
    names = ("act", "step", "day", "details")
    rows = zip(*(args.getlist(name) for name in names), strict=False)
    acts = (Act(*(cell.strip() for cell in row)) for row in rows)
    return Asked(
        search=args.get("q", "").strip(),
        contact=args.get("contact", type=id_of),
        number=min(max(args.get("number", 1, type=int), 1), 10**6),
        fields=args.get("fields", ""),
        given=args.get("given", "").strip(),
        days=min(max(args.get("days", USUAL_DAYS, type=int), 1), LONGEST),
        acts=tuple(one for one in acts if one.act),
    )


def _found(engine: Dependencies, asked: Asked) -> tuple[Listed, ...]:
    if not asked.search:
        return ()
    with engine.database.read() as tx:
        return reports_contacts.page(tx, Wanted(asked.search), limit=MOST_FOUND).rows


def _somebody(engine: Dependencies, contact_id: int | None) -> str:
    """The address of the contact who is chosen, empty when nobody is."""
    if contact_id is None:
        return ""
    with engine.database.read() as tx:
        if reports_contacts.by_name(tx, str(contact_id)) is None:
            raise NotFound(f"there is no contact {contact_id}")
        rows = reports_contacts.page(tx, Wanted(), before=contact_id + 1, limit=1).rows
    return rows[0].name or rows[0].email if rows else ""


def _acts(sequence: Sequence) -> Options:
    """What may be assumed: what anybody can do, and the events that this sequence looks for."""
    options = [("", _("nothing"))]
    options += [(verb, event_words(event)) for verb, event in VERBS.items()]
    trigger = sequence.trigger
    own = [trigger.event, *trigger.cancel] if trigger else []
    for step in sequence.steps:
        if isinstance(step, WaitFor | Goal) and step.match:
            own.append(step.match.event)
        elif isinstance(step, Split) and step.measure:
            own.append(step.measure.metric)
    known = set(VERBS.values())
    return options + [(f"does {one}", one) for one in dict.fromkeys(own) if one not in known]


def _outcome(engine: Dependencies, at: Desk, sequence: Sequence, asked: Asked) -> Outcome:
    world = with_sequence(published_world(engine), sequence)
    now = dependencies().clock.now()
    try:
        assumptions = [assume(one.line, sequence) for one in asked.acts]
        properties = pairs(asked.given)
        length = timedelta(days=asked.days)
        life = _life(engine, asked, world, now)
        life.letters = LifeLetters(of_draft(engine, sequence.key), engine.renderer)
        simulated = simulate(life, sequence, assumptions, properties, length)
    except NurtureError as error:
        return Outcome(faults=(tell(Problem(error.message, error.remedy)),))
    zone = zone_of(simulated.contact, sequence)
    names = _names(at, world, zone)
    steps = {one.key: f"{one.number}. {one.title}" for one in at.flow()}
    return _told(simulated, sequence, assumptions, names, steps)


def _life(engine: Dependencies, asked: Asked, world: World, now: datetime) -> Life:
    if asked.contact is not None:
        return life_of(engine, asked.contact, world, now)
    # The number is what chance goes by, so that another number may go another way.
    known = mapping(asked.fields)
    fields: Mapping[str, Value] = known if isinstance(known, dict) else {}
    invented = replace(someone(world), id=asked.number, fields=MappingProxyType(dict(fields)))
    return life_of_somebody(world, now, invented)


def _names(at: Desk, world: World, zone: ZoneInfo) -> Names:
    flow = at.known.flow()
    titles = {name: flow.subject(name) for name in at.known.subjects}
    sequences_by_key = {key: one.names for key, one in world.sequences.items()}
    reasons = {key: names for one in world.sequences.values() for key, names in one.reasons.items()}
    return Names(world.funnel, sequences_by_key, titles, zone=zone, reasons=reasons)


def _told(
    simulated: Simulated,
    sequence: Sequence,
    assumptions: list[Assumption],
    names: Names,
    steps: Mapping[str, str],
) -> Outcome:
    zone = zone_of(simulated.contact, sequence)
    lines = [
        (assumed.instant(simulated.start, zone), 0, assumed_told(assumed, sequence))
        for assumed in assumptions
    ]
    lines += [
        (m.at, 1, one)
        for m in simulated.moments
        for one in moment_told(m, names, steps if m.sequence == sequence.key else {})
    ]
    lines.sort(key=lambda line: line[:2])
    entered = simulated.start.astimezone(zone).date()
    days: dict[date, list[Told]] = {}
    for moment, _order, told in lines:
        local = moment.astimezone(zone)
        time = format_time(local, "short", tzinfo=zone, locale=language())
        days.setdefault(local.date(), []).append(replace(told, time=time))
    own = [run for run in simulated.runs if run.sequence == sequence.key]
    return Outcome(
        days=tuple(
            Day((day - entered).days + 1, format_date(day, "full", locale=language()), tuple(some))
            for day, some in days.items()
        ),
        sent=simulated.sent,
        state=STATE_NAMES[type(own[0].state)] if own else "",
        zone=str(zone),
        who=simulated.contact.address,
        in_vain=(
            *(
                f"{assumed_told(one.assumption, sequence).title}: {sentence(one.why)}"
                for one in simulated.ignored
            ),
            *(lack_told(one, names) for one in simulated.lacks),
        ),
    )
