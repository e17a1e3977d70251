"""How decisions change a run: the other half of the core, pure like `decide`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

from nurture.domain import enrollment as e
from nurture.domain.enrollment import Decision, Enrollment, State


def evolve(enrollment: Enrollment, decisions: Iterable[Decision]) -> Enrollment:
    """Return the enrollment after `decisions`, applied in order."""
    run = enrollment
    for decision in decisions:
        run = evolve_one(run, decision)
    return run


def evolve_one(run: Enrollment, decision: Decision) -> Enrollment:
    """Return the enrollment after one decision."""
    match decision:
        case e.Meet(step, pass_no):
            # A new pass is a new touch: an answer to the last one is no answer to this one.
            accepted = {key: at for key, at in run.accepted.items() if key != step}
            passes = MappingProxyType({**run.passes, step: pass_no})
            return _copy(run, run.state, step, passes, MappingProxyType(accepted))
        case e.Send(step, pass_no):
            return _in(run, e.Sending(step, pass_no))
        case e.WaitUntil(_, at):
            return _in(run, e.Waiting(at))
        case e.Await(_, deadline, since):
            return _in(run, e.Awaiting(deadline, since))
        case e.Hold(_, reason, release, since):
            return _in(run, e.Holding(reason, release, since))
        case e.Remember(step, at):
            return _copy(
                run,
                run.state,
                run.step,
                run.passes,
                MappingProxyType({**run.accepted, step: at}),
            )
        case e.EnterSequence(_, sequence):
            return _in(run, e.Moved(sequence))
        case e.Finish(state):
            return _in(run, state)
        case e.Rebase(version, cut, at):
            passes = MappingProxyType({**run.passes, **cut})
            return replace(run, version=version, passes=passes, step=run.step if at is None else at)
        case e.Pace():
            return replace(run, gap=decision.gap)
        case (
            e.Take() | e.Skip() | e.WouldSend() | e.Expose() | e.SetFact() | e.Tell()
            | e.SetStage() | e.EnterBeside() | e.LeaveBeside() | e.NotEntered() | e.Note()
        ):  # fmt: skip
            return run
        case _:
            assert_never(decision)


def _in(run: Enrollment, state: State) -> Enrollment:
    return _copy(run, state, run.step, run.passes, run.accepted)


def _copy(
    run: Enrollment,
    state: State,
    step: str,
    passes: Mapping[str, int],
    accepted: Mapping[str, datetime],
) -> Enrollment:
    # `dataclasses.replace` takes four times as long, and most of the time of deciding.
    return Enrollment(
        run.contact_id, run.sequence, run.version, state, run.entered_at, step, passes, accepted,
        run.entry_key, run.properties, run.id, run.revision, run.again, run.gap, run.began,
    )  # fmt: skip
