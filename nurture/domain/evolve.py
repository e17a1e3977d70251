"""How decisions change a run: the other half of the core, pure like `decide`."""

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import assert_never

from nurture.domain import enrollment as e
from nurture.domain.enrollment import Decision, Enrollment


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
            return replace(
                run,
                step=step,
                passes=MappingProxyType({**run.passes, step: pass_no}),
                accepted=MappingProxyType(accepted),
            )
        case e.Send(step, pass_no):
            return replace(run, state=e.Sending(step, pass_no))
        case e.WaitUntil(_, at):
            return replace(run, state=e.Waiting(at))
        case e.Await(_, deadline, since):
            return replace(run, state=e.Awaiting(deadline, since))
        case e.Hold(_, reason, release):
            return replace(run, state=e.Holding(reason, release))
        case e.Remember(step, at):
            return replace(run, accepted=MappingProxyType({**run.accepted, step: at}))
        case e.EnterSequence(_, sequence):
            return replace(run, state=e.Moved(sequence))
        case e.Finish(state):
            return replace(run, state=state)
        case e.Take() | e.Skip() | e.SetStage() | e.Note():
            return run
        case _:
            assert_never(decision)
