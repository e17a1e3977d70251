"""Where a run goes when it is taken over to another version of its sequence. Pure.

Steps are named by key. Who stands on a step that both versions have stays there; who stands on
one that is gone goes where somebody chose. Nothing leaves in a burst: an email that would be due
at once is spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from nurture.domain import enrollment as e
from nurture.domain.enrollment import Decision, Enrollment
from nurture.domain.evolve import evolve
from nurture.domain.pacing import SPREAD, softened, spread_out
from nurture.domain.sequence import Email, Sequence, Step, Wait, WaitFor, WaitUntil
from nurture.domain.situation import Situation, answered
from nurture.domain.waiting import date_comes, wait_ends
from nurture.domain.walk import Walk

STAY, EXIT = "stay", "exit"
MIGRATED = "migrated"
STEP_REMOVED = "step removed"


class Waits(StrEnum):
    """What becomes of a wait or hold that is under way at the cursor."""

    KEEP = "keep"
    RECOMPUTE = "recompute"


class Why(StrEnum):
    """Why a run stays on its version."""

    CHOSEN = "chosen"
    UNDECIDED = "undecided"
    UNDER_WAY = "under way"
    PASSES = "passes"
    MAILED = "mailed before"


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen: for each removed step `exit`, `stay` or a step; waits; the spread."""

    removed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    waits: Waits = Waits.KEEP
    over: timedelta = SPREAD


@dataclass(frozen=True, slots=True)
class Goes:
    """The run goes on in the new version."""

    decisions: tuple[Decision, ...]
    run: Enrollment


@dataclass(frozen=True, slots=True)
class Leaves:
    """The run ends, as was chosen for its step."""

    decisions: tuple[Decision, ...]
    run: Enrollment


@dataclass(frozen=True, slots=True)
class Stays:
    """The run stays on its version; nothing changes."""

    why: Why


Outcome = Goes | Leaves | Stays


@dataclass(frozen=True, slots=True)
class Trace:
    """What the run itself does not tell: when the wait at its cursor began, and of its send.

    `under_way`: the provider has the send, or may have it. `closed`: the send of this step and
    pass was made before and is settled, so that it can never be made again.
    """

    began: datetime | None = None
    under_way: bool = False
    closed: bool = False


def migrate(
    situation: Situation, old: Sequence, choices: Choices, now: datetime, trace: Trace
) -> Outcome:
    """Return what becomes of a live run of `old` in the version that `situation` is of."""
    run, new = situation.enrollment, situation.sequence
    if isinstance(run.state, e.Sending) and trace.under_way:
        return Stays(Why.UNDER_WAY)
    rebase = e.Rebase(new.version, cuts(run, new))
    if isinstance(run.state, e.Exhausted):
        return _rests(run, new, rebase)
    if not run.step:
        return _goes(run, (rebase,))
    step = new.by_key.get(run.step)
    if step is None:
        return _lands(situation, rebase, choices, now)
    same_kind = type(step) is type(old.by_key.get(run.step))
    if isinstance(step, Email):
        if run.step in rebase.passes:
            return Stays(Why.PASSES)
        if not same_kind and trace.closed:
            return Stays(Why.MAILED)
    again: tuple[Decision, ...] = ()
    if not same_kind or choices.waits is Waits.RECOMPUTE:
        moved = replace(situation, enrollment=evolve(run, [rebase]))
        walk = Walk.begin(moved, now)
        if same_kind:
            _recompute(walk, step, _began(run, old, trace), choices)
        else:
            walk.act(step)
        again = _soft(walk, situation, choices)
    return _goes(run, (rebase, *again))


def cuts(run: Enrollment, new: Sequence) -> dict[str, int]:
    """Return the counts of passes that are above what `new` allows, cut down to it."""
    limits = ((key, count, new.by_key.get(key)) for key, count in run.passes.items())
    return {key: step.passes for key, count, step in limits if step and count > step.passes}


def _goes(run: Enrollment, decisions: tuple[Decision, ...]) -> Goes:
    return Goes(decisions, evolve(run, decisions))


def _rests(run: Enrollment, new: Sequence, rebase: e.Rebase) -> Goes:
    """Take over a run that has received everything: it stands on the last step it has met."""
    if run.step and run.step not in new.by_key:
        met = [key for key in new.by_key if key in run.passes]
        rebase = replace(rebase, step=met[-1] if met else "")
    end = () if new.stage else (e.Finish(e.Completed("end")),)
    return _goes(run, (rebase, *end))


def _lands(situation: Situation, rebase: e.Rebase, choices: Choices, now: datetime) -> Outcome:
    run, new = situation.enrollment, situation.sequence
    target = choices.removed.get(run.step, "")
    if target == STAY:
        return Stays(Why.CHOSEN)
    if target == EXIT:
        decisions = (e.Finish(e.Exited(STEP_REMOVED)),)
        return Leaves(decisions, evolve(run, decisions))
    step = new.by_key.get(target)
    if step is None:
        return Stays(Why.UNDECIDED)
    if run.passes.get(target, 0) >= step.passes:
        # They have been there as often as they may: this is the end of their way.
        rebase = replace(rebase, step=target)
        over = e.Exhausted(now) if new.stage else e.Completed("end")
        note = e.Note("pass limit", f"{target} was met {step.passes} times already")
        return _goes(run, (rebase, note, e.Finish(over)))
    walk = Walk.begin(replace(situation, enrollment=evolve(run, [rebase])), now)
    walk.take(MIGRATED, target, f"{run.step} is not in version {new.version}")
    return _goes(run, (rebase, *_soft(walk, situation, choices)))


def _soft(walk: Walk, situation: Situation, choices: Choices) -> tuple[Decision, ...]:
    release = _turn(walk, situation, choices)
    return softened(walk.decisions, MIGRATED, release, walk.now)


def _turn(walk: Walk, situation: Situation, choices: Choices) -> datetime:
    sequence, contact = situation.sequence, situation.contact
    return spread_out(sequence, contact, walk.run, walk.now, choices.over)


def _began(run: Enrollment, old: Sequence, trace: Trace) -> datetime | None:
    """Return when the wait at the cursor began: as written down, else counted back."""
    step = old.by_key.get(run.step)
    if trace.began is not None:
        return trace.began
    if isinstance(step, Wait) and isinstance(run.state, e.Waiting):
        return run.state.due_at - step.duration
    return None


def _recompute(walk: Walk, step: Step, began: datetime | None, choices: Choices) -> None:
    """Decide the wait or hold at the cursor again from when it began."""
    situation, now, state = walk.situation, walk.now, walk.run.state
    contact, sequence = situation.contact, situation.sequence
    soon = _turn(walk, situation, choices)
    match step, state:
        case Wait(), e.Waiting():
            due, zone = wait_ends(step, contact, sequence, began or now)
            walk.add(e.WaitUntil(step.key, due if due > now else soon, zone))
        case WaitUntil(), e.Waiting():
            comes, zone = date_comes(step, contact, walk.run, sequence)
            if comes is None:
                walk.take("missing", step.missing or step.next, "there is no such date")
            elif comes > now:
                walk.add(e.WaitUntil(step.key, comes, zone))
            else:
                walk.go_on()
        case WaitFor(), e.Awaiting(since=since):
            deadline = since + step.within
            if answered(situation, step, since, deadline, now):
                walk.take("yes", step.yes)
            else:
                walk.add(e.Await(step.key, deadline if deadline > now else soon, since))
        case Email(), e.Holding():
            walk.attempt(step)
        case _:
            pass  # A send in the queue goes as it is; a change of stage was asked for already.
