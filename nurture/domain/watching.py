"""What a live run watches for: exits, goals and awaited conditions that time alone may turn.

Nobody scans for them: the instant at which one may turn is computed whenever something about the
run or its contact changes, and the run is told to reconsider at that instant. Where the score
decides, `thresholds` are what its crossings are computed for.
"""

from datetime import datetime

from nurture.domain import enrollment as e
from nurture.domain.conditions import Condition
from nurture.domain.enrollment import Enrollment, Event
from nurture.domain.sequence import Sequence, WaitFor, is_turned_by_time
from nurture.domain.situation import Situation, asked
from nurture.domain.turning import thresholds as thresholds_in
from nurture.domain.turning import turns_at


def watched(sequence: Sequence, run: Enrollment) -> tuple[Condition, ...]:
    """Return the conditions that may move a run on though nothing happens to its contact."""
    if not sequence.watches or not run.is_live:
        return ()
    step = sequence.by_key.get(run.step)
    awaited = step.when if isinstance(step, WaitFor) else None
    if not isinstance(run.state, e.Awaiting) or awaited is None or not is_turned_by_time(awaited):
        return sequence.always_watched
    return (*sequence.always_watched, awaited)


def thresholds(sequence: Sequence, run: Enrollment) -> frozenset[float]:
    """Return the engagements at which a condition that a run watches could turn."""
    return frozenset[float]().union(*map(thresholds_in, watched(sequence, run)))


def turns(situation: Situation, now: datetime) -> datetime | None:
    """Return the next instant at which the clock may turn what a run watches; None for never.

    The score is left aside, as in `turns_at`.
    """
    some = watched(situation.sequence, situation.enrollment)
    found = (turns_at(asked(situation, one), situation.contact, now) for one in some)
    return min((one for one in found if one is not None), default=None)


def comes(situation: Situation, now: datetime) -> tuple[datetime, Event] | None:
    """Return what happens to a run next by the clock alone, and when; None when nothing does.

    An instant that lies in the past is now. Its timer comes before what it watches.
    """
    due, turn = e.wakes_at(situation.enrollment.state), turns(situation, now)
    if due is not None and (turn is None or due <= turn):
        return max(due, now), e.TimerFired()
    return None if turn is None else (turn, e.Reconsider())
