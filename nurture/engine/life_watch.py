"""When time alone may move the runs of a life in memory on."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from nurture.domain.enrollment import Enrollment, Entered, Event
from nurture.domain.situation import Situation
from nurture.domain.watching import thresholds, turns

if TYPE_CHECKING:
    from nurture.engine.life import Life


def next_turn(life: "Life") -> datetime | None:
    """Return when the clock may next turn what a run watches."""
    found = (turns(one, life.now) for one in _watching(life))
    return min((one for one in found if one is not None), default=None)


def own_thresholds(life: "Life") -> frozenset[float]:
    """Return the scores at which what a run watches could turn."""
    found = (thresholds(one.sequence, one.enrollment) for one in _watching(life))
    return frozenset[float]().union(*found)


def needs_score(before: Situation, event: Event, after: Enrollment) -> bool:
    """Return whether the score begins to matter to a run, and has to be that of now."""
    entered = isinstance(event, Entered)
    known = frozenset() if entered else thresholds(before.sequence, before.enrollment)
    return not thresholds(before.sequence, after) <= known


def _watching(life: "Life") -> Iterator[Situation]:
    for number in life.moving:
        run = life.runs[number]
        sequence = life.sequence_of(run)
        if sequence.watches:
            yield Situation(run, sequence, life.contact)
