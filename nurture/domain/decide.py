"""The core: what a run does next. Pure: no I/O, no clock, no randomness."""

from datetime import datetime
from typing import assert_never

from nurture.domain import enrollment as e
from nurture.domain.conditions import counts
from nurture.domain.contact import Occurrence
from nurture.domain.enrollment import Decision, Enrollment, Event
from nurture.domain.sequence import Email, Goal, WaitFor, WaitUntil
from nurture.domain.situation import Situation, answered, answers, is_true, reached
from nurture.domain.text import short_key
from nurture.domain.waiting import CAP, date_comes, delay
from nurture.domain.walk import Walk

__all__ = ["Situation", "decide", "decided", "exit_reason"]


def decide(situation: Situation, event: Event, now: datetime) -> tuple[Decision, ...]:
    """Return what follows from `event` at `now`, in order.

    An event that does not fit the state (a time-out that lost its race, a receipt for a pass
    long gone) is answered with a Note, never with a change.
    """
    return decided(situation, event, now)[0]


def decided(
    situation: Situation, event: Event, now: datetime
) -> tuple[tuple[Decision, ...], Enrollment]:
    """Return what `decide` does, and what `evolve` makes of it: the run as it then is."""
    if isinstance(event, e.Happened):
        # Exits, goals and branches that ask "did they …?" must see what just happened.
        situation = situation.seeing(event.occurrence)
    walk = Walk.begin(situation, now)
    return _decide(walk, event), walk.run


def _decide(walk: Walk, event: Event) -> tuple[Decision, ...]:
    run = walk.run
    if not run.is_live:
        return _note(event, f"the run is {e.STATE_NAMES[type(run.state)]}")
    match event:
        case e.Withdrawn() | e.MovedAway():
            left = e.Exited(event.reason) if isinstance(event, e.Withdrawn) else e.Moved(event.to)
            walk.add(e.Finish(left))
        case e.Accepted() | e.Unsent() | e.Held() | e.Broken():
            return _after_send(walk, event)
        case e.Entered(at, accepted):
            if run.step or not isinstance(run.state, e.Waiting):
                return _note(event, f"the run is at {run.step or 'its end'} already")
            _begin(walk, at, accepted)
        case e.TimerFired():
            return _timer(walk, event)
        case e.Happened(occurrence):
            return _happened(walk, event, occurrence)
        case e.Reconsider():
            return _reconsider(walk, event)
        case e.ContentAdded(step):
            return _content_added(walk, event, step)
        case e.Decided(_, decisions):
            for decision in decisions:
                walk.add(decision)
            return decisions or _note(event, "nothing follows")
        case _:
            assert_never(event)
    return tuple(walk.decisions)


def exit_reason(situation: Situation, now: datetime) -> str | None:
    """Return the reason of the first exit rule that holds, or None."""
    for reason, condition in situation.sequence.exits:
        if is_true(situation, condition, now):
            return reason
    return None


def _note(event: Event, why: str) -> tuple[Decision, ...]:
    return (e.Note(f"{type(event).__name__} ignored", why),)


def _begin(walk: Walk, at: str = "", accepted: datetime | None = None) -> None:
    sequence = walk.situation.sequence
    if _leaves(walk, None):
        return
    step = sequence.by_key.get(at)
    if accepted is not None and isinstance(step, WaitFor) and step.match and step.match.of:
        # What is waited for is the answer to an email that the run before this one sent.
        walk.add(e.Meet(step.match.of, 1))
        walk.add(e.Remember(step.match.of, accepted))
    walk.go(at if step else sequence.first)


def _content_added(walk: Walk, event: Event, step: str) -> tuple[Decision, ...]:
    if not isinstance(walk.run.state, e.Exhausted):
        return _note(event, "the run is not exhausted")
    if step in walk.run.passes or step not in walk.situation.sequence.by_key:
        return _note(event, f"{step} is not new to the run")
    if not _leaves(walk, None):
        walk.take("content added", step)
    return tuple(walk.decisions)


def _leaves(walk: Walk, occurrence: Occurrence | None) -> bool:
    """Apply the exit rules, the trigger's counter-event and the goals; True when one was taken."""
    situation = walk.situation
    reason = exit_reason(situation, walk.now)
    if reason is None and occurrence is not None and _cancels(situation, occurrence):
        reason = f"cancelled by {occurrence.name}"
    if reason is not None:
        walk.add(e.Finish(e.Exited(reason)))
        return True
    # Of several goals reached the furthest: what lies before it has no purpose any more.
    for goal in reversed(situation.sequence.goals):
        if _ahead(situation, goal) and reached(situation, goal, walk.now):
            walk.take("goal", goal.key)
            return True
    return False


def _ahead(situation: Situation, goal: Goal) -> bool:
    order = list(situation.sequence.by_key)
    run = situation.enrollment
    return goal.key not in run.passes and (
        run.step not in order or order.index(run.step) < order.index(goal.key)
    )


def _cancels(situation: Situation, occurrence: Occurrence) -> bool:
    trigger = situation.sequence.trigger
    if trigger is None or not any(counts(occurrence, event) for event in trigger.cancel):
        return False
    run = situation.enrollment
    if run.began is not None and occurrence.occurred_at < run.began:
        # Told late: the cart was filled again after that purchase.
        return False
    found = str(occurrence.properties.get(trigger.key, ""))
    return not trigger.key or short_key(found) == run.entry_key


def _timer(walk: Walk, event: Event) -> tuple[Decision, ...]:
    situation, run = walk.situation, walk.run
    due = e.wakes_at(run.state)
    if due is None or due > walk.now:
        return _note(event, "nothing is due")
    step = situation.sequence.by_key.get(run.step)
    if not run.step:
        _begin(walk)
    elif step is None:
        walk.add(e.Finish(e.Failed(f"the step {run.step!r} is not in this version")))
    elif not _leaves(walk, None):
        if isinstance(run.state, e.Holding) and isinstance(step, Email):
            walk.attempt(step)
        elif isinstance(run.state, e.Awaiting) and isinstance(step, WaitFor):
            since, deadline = run.state.since, run.state.deadline
            if answered(situation, step, since, deadline, walk.now):
                walk.take("yes", step.yes)
            else:
                walk.time_out(step, since, deadline)
        elif isinstance(step, WaitUntil) and _has_moved(walk, step):
            walk.look_at_date(step)
        else:
            walk.go_on()
    return tuple(walk.decisions)


def _happened(walk: Walk, event: Event, occurrence: Occurrence) -> tuple[Decision, ...]:
    if _leaves(walk, occurrence):
        return tuple(walk.decisions)
    run = walk.run
    step = walk.situation.sequence.by_key.get(run.step)
    if isinstance(run.state, e.Awaiting) and isinstance(step, WaitFor):
        since, deadline = run.state.since, run.state.deadline
        awaited = answers(walk.situation, step, occurrence, since, deadline)
        if awaited or _comes_true(walk, step):
            walk.take("yes", step.yes)
    if not walk.decisions:
        return _note(event, f"{occurrence.name} is not awaited; it only scores")
    return tuple(walk.decisions)


def _reconsider(walk: Walk, event: Event) -> tuple[Decision, ...]:
    if not _leaves(walk, None):
        step = walk.situation.sequence.by_key.get(walk.run.step)
        awaiting = isinstance(walk.run.state, e.Awaiting)
        if awaiting and isinstance(step, WaitFor) and _comes_true(walk, step):
            walk.take("yes", step.yes)
        elif isinstance(step, WaitUntil) and _has_moved(walk, step):
            walk.look_at_date(step)
        elif isinstance(step, Email) and _is_let_go(walk, step):
            walk.attempt(step)
    return tuple(walk.decisions) or _note(event, "nothing follows")


def _is_let_go(walk: Walk, step: Email) -> bool:
    """Return whether an email that a cap holds back may leave: one before it gave up its place."""
    situation, state = walk.situation, walk.run.state
    if not isinstance(state, e.Holding) or state.reason != CAP:
        return False
    return delay(situation.sequence, situation.contact, step, walk.now, state.since) is None


def _has_moved(walk: Walk, step: WaitUntil) -> bool:
    """Return whether the date that is waited for is another one than when the wait began."""
    contact, sequence = walk.situation.contact, walk.situation.sequence
    comes, _ = date_comes(step, contact, walk.run, sequence)
    return walk.run.state != e.Waiting(comes) if comes else True


def _comes_true(walk: Walk, step: WaitFor) -> bool:
    return step.when is not None and is_true(walk.situation, step.when, walk.now)


def _after_send(walk: Walk, event: e.SendOutcome) -> tuple[Decision, ...]:
    current = walk.run.state == e.Sending(event.step, event.pass_no)
    if isinstance(event, e.Accepted) and _is_news(walk, event):
        # Even when the run has gone elsewhere meanwhile, the contact did get the email.
        walk.add(e.Remember(event.step, event.at))
    if not current:
        walk.add(e.Note(f"{type(event).__name__} ignored", "the run has moved on"))
        return tuple(walk.decisions)
    match event:
        case e.Accepted():
            _proceed(walk)
        case e.Unsent(step, _, reason):
            walk.add(e.Skip(step, reason))
            _proceed(walk)
        case e.Held(step, _, reason, release):
            walk.add(e.Hold(step, reason, release, event.since, event.zone))
        case e.Broken(_, _, error):
            walk.add(e.Finish(e.Failed(error)))
        case _:
            assert_never(event)
    return tuple(walk.decisions)


def _is_news(walk: Walk, event: e.Accepted) -> bool:
    # The first receipt of the newest pass sets the clock; a second one must not move it.
    newest = walk.run.passes.get(event.step) == event.pass_no
    return newest and event.step not in walk.run.accepted


def _proceed(walk: Walk) -> None:
    if not _leaves(walk, None):
        walk.go_on()
