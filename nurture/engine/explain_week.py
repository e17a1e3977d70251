"""A contact's next days: their life led on in memory, in all their runs together.

The same rules decide as when the time comes, as if the provider took every email at once and the
contact did nothing: timers fire, scores fade, segments are entered and left, stages follow, and
what begins by that is told with the rest. What depends on the contact's silence says so: it names
the questions that would have to stay unanswered. The contact's maximum of a day is obeyed; that of
the account is not, because it hangs on what everybody else gets.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.domain import enrollment as e
from nurture.domain.zones import Clock, clock_of
from nurture.engine.explain_ahead import ACCEPTED, Foreseen, seen, sent
from nurture.engine.life import Life
from nurture.engine.life_ahead import GoingOn
from nurture.engine.world import Moment

WEEK = timedelta(days=7)
# Instants of one contact followed ahead: an end for whatever turns in a circle.
MOST_TURNS = 2_000

_TOLD = frozenset({
    "sends", "withheld", "held", "skips", "awaits", "moves", "asks_stage", "leaves", "completes",
    "exhausted", "fails",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coming:
    """One thing to come in one run. It comes only if the steps `unless` get no answer.

    `enrollment_id` is 0 for a run that is yet to begin.
    """

    enrollment_id: int
    sequence: str
    one: Foreseen
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InLine:
    """A trigger that came while the run of `sequence` under the same key was under way.

    The sequence begins once more when that run has ended. `since` is when the event occurred.
    """

    sequence: str
    key: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Week:
    """What comes until `until`, in order, by whose clock. `standing` are paused sequences.

    `in_line` is what waits for a run to end, whenever that is.
    """

    until: datetime
    clock: Clock
    coming: tuple[Coming, ...]
    standing: tuple[str, ...] = ()
    in_line: tuple[InLine, ...] = ()


def week_of(going_on: GoingOn, contact_id: int, length: timedelta = WEEK) -> Week:
    """Return what comes for a contact within `length`."""
    life, until = going_on.life(contact_id), going_on.now + length
    coming = list(_as_it_is(life))
    standing = tuple(life.runs[number].sequence for number in sorted(life.still))
    life.settle()
    for _ in range(MOST_TURNS):
        if not life.turn(until):
            break
    coming += _to_come(life)
    coming.sort(key=lambda one: one.one.at)
    clock = clock_of(going_on.contacts[contact_id], life.world.funnel.account.timezone)
    waiting = (InLine(key, one.entry_key, one.at) for key, one in going_on.in_line(contact_id))
    return Week(until, clock, tuple(coming), standing, tuple(waiting))


def _as_it_is(life: Life) -> list[Coming]:
    """Return what runs wait for already."""
    found = []
    for number in life.moving:
        run = life.runs[number]
        match run.state:
            case e.Holding(reason, release):
                one = Foreseen("held", life.now, run.step, reason=reason, until=release)
            case e.Awaiting(deadline):
                one = Foreseen("awaits", life.now, run.step, until=deadline)
            case _:
                continue
        found.append(Coming(run.id, run.sequence, one))
    return found


def _to_come(life: Life) -> list[Coming]:
    """Return what followed in a life, each with the questions that stayed unanswered before it."""
    found: list[Coming] = []
    unless: dict[int, tuple[str, ...]] = {}
    for moment in life.moments:
        if moment.number < 0:
            continue
        asked_by = life.doors.by.get(moment.number, -1)
        known = unless.setdefault(moment.number, unless.get(asked_by, ()))
        if moment.unanswered:
            unless[moment.number] = known = (*known, moment.unanswered)
        run = life.runs[moment.number]
        found += [
            Coming(run.id, run.sequence, one, known)
            for one in _foreseen(life, moment)
            if one.what in _TOLD
        ]
    return found


def _foreseen(life: Life, moment: Moment) -> list[Foreseen]:
    found = list(sent(life, moment)) if moment.cause == ACCEPTED else []
    for decision in moment.decisions:
        found += seen(decision, moment.at)
    return found
