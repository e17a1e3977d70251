"""What comes next for a run: the core itself is asked, about a moment that has not come yet.

Everything foreseen holds if the contact does nothing meanwhile and stays as they are; scores are
not aged ahead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.domain import enrollment as e
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import Decision
from nurture.domain.evolve import evolve_one
from nurture.domain.sequence import Match, WaitFor
from nurture.domain.walk import Walk
from nurture.domain.watching import comes

# Timers followed ahead: more than anybody wants to read, and an end for every loop.
MOST_HOPS = 12
# Instants at which what a run watches may turn and does not, before its timer is due.
MOST_LOOKS = 50


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One thing that will happen.

    `what` is one of sends, withheld, held, skips, takes, waits, awaits, leaves, moves, completes,
    exhausted, fails, asks_stage. `to` is the step, sequence or stage it leads to; `until` is the
    end of a wait or a hold.
    """

    what: str
    at: datetime
    step: str = ""
    template: str = ""
    to: str = ""
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ahead:
    """One way in which a run goes on.

    `when` is one of timer, answer, no_answer, hold, provider, content, resumed. For an answer
    `match` is what is awaited, or None for a condition; `then` is what follows, until the
    next email, the next question or the end.
    """

    when: str
    at: datetime | None
    then: tuple[Foreseen, ...] = ()
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class RunAhead:
    """A live run: where it is, and each way in which it goes on."""

    enrollment_id: int
    sequence: str
    names: Mapping[str, str]
    stage: str
    version: int
    state: str
    step: str
    entered_at: datetime
    frozen: bool
    reason: str
    ways: tuple[Ahead, ...]


def look_ahead(situation: Situation, now: datetime, *, frozen: bool) -> RunAhead:
    """Return where a live run is and what comes next for it."""
    run, sequence = situation.enrollment, situation.sequence
    reason = run.state.reason if isinstance(run.state, e.Holding) else ""
    return RunAhead(
        enrollment_id=run.id,
        sequence=sequence.key,
        names=sequence.names,
        stage=sequence.stage,
        version=run.version,
        state=e.STATE_NAMES[type(run.state)],
        step=run.step,
        entered_at=run.entered_at,
        frozen=frozen,
        reason=reason,
        ways=tuple(_ways(situation, now)),
    )


def _ways(situation: Situation, now: datetime) -> Iterable[Ahead]:
    run, sequence = situation.enrollment, situation.sequence
    step = sequence.by_key.get(run.step)
    match run.state:
        case e.Waiting(due) | e.Holding(_, due):
            when = "hold" if isinstance(run.state, e.Holding) else "timer"
            yield Ahead(when, due, _as_time_passes(situation, now))
        case e.Awaiting(deadline) if isinstance(step, WaitFor):
            walk = Walk.begin(situation, now)
            walk.take("yes", step.yes)
            yes = _follow(situation, walk.decisions, now)
            yield Ahead("answer", deadline, yes, step.match)
            yield Ahead("no_answer", deadline, _as_time_passes(situation, now))
        case e.Sending(key, pass_no):
            accepted = decide(situation, e.Accepted(key, pass_no, now), now)
            yield Ahead("provider", None, _follow(situation, accepted, now))
        case e.Exhausted():
            yield Ahead("content", None)
        case _:
            pass


def _as_time_passes(situation: Situation, now: datetime) -> tuple[Foreseen, ...]:
    """Return what follows from the clock alone: its timer, or what the run watches before it."""
    for _ in range(MOST_LOOKS):
        coming = comes(situation, now)
        if coming is None:
            return ()
        now, event = coming
        decisions = decide(situation, event, now)
        if isinstance(event, e.TimerFired) or not all(isinstance(one, e.Note) for one in decisions):
            return _follow(situation, decisions, now)
    return ()


def _follow(
    situation: Situation, decisions: Iterable[Decision], at: datetime
) -> tuple[Foreseen, ...]:
    run = situation.enrollment
    found: list[Foreseen] = []
    for _ in range(MOST_HOPS):
        for decision in decisions:
            run = evolve_one(run, decision)
            found.extend(seen(decision, at))
        situation = Situation(run, situation.sequence, situation.contact)
        coming = None if isinstance(run.state, e.Awaiting) else comes(situation, at)
        if coming is None or e.wakes_at(run.state) is None:
            break
        due, event = coming
        # A moment later where the timer is due at once, or the clock would not move.
        at = max(due, at + timedelta(seconds=1)) if due <= at else due
        decisions = decide(situation, event, at)
    return tuple(found)


def seen(decision: Decision, at: datetime) -> Iterable[Foreseen]:
    """Yield what a decision at `at` means to a reader: one thing, or nothing."""
    match decision:
        case e.Send(step, _, template):
            yield Foreseen("sends", at, step, template)
        case e.WouldSend(step, _, template):
            yield Foreseen("withheld", at, step, template)
        case e.Hold(step, reason, release):
            yield Foreseen("held", at, step, reason=reason, until=release)
        case e.Skip(step, why):
            yield Foreseen("skips", at, step, reason=why)
        case e.Take(step, to, path):
            yield Foreseen("takes", at, step, to=to, reason=path)
        case e.WaitUntil(step, until) if until > at:
            yield Foreseen("waits", at, step, until=until)
        case e.Await(step, deadline):
            yield Foreseen("awaits", at, step, until=deadline)
        case e.SetStage(step, stage):
            yield Foreseen("asks_stage", at, step, to=stage)
        case e.EnterSequence(step, sequence):
            yield Foreseen("moves", at, step, to=sequence)
        case e.Finish(state):
            yield from _ended(state, at)
        case _:
            return


def _ended(state: e.Exhausted | e.Over, at: datetime) -> Iterable[Foreseen]:
    match state:
        case e.Exhausted():
            yield Foreseen("exhausted", at)
        case e.Completed(reason):
            yield Foreseen("completes", at, reason=reason)
        case e.Exited(reason):
            yield Foreseen("leaves", at, reason=reason)
        case e.Moved(to):
            yield Foreseen("moves", at, to=to)
        case e.Failed(error):
            yield Foreseen("fails", at, reason=error)
