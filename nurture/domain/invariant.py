"""What must be true of every run at rest, so that a doctor can say what is not."""

from nurture.domain import enrollment as e
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import ChangeStage, Email, Sequence, Step, Wait, WaitFor, WaitUntil


def violations(enrollment: Enrollment, sequence: Sequence) -> tuple[str, ...]:
    """Return a sentence for everything that is wrong with `enrollment`; empty when it is sound.

    A live run has exactly one of a timer, an awaited event with its deadline, a send under way,
    a hold with its release, or is exhausted; and that one belongs to the step at the cursor. A
    run that has not begun waits, with an empty cursor.
    """
    found = list(_bookkeeping(enrollment, sequence))
    if enrollment.is_live:
        found += _cursor(enrollment, sequence.by_key.get(enrollment.step))
    if isinstance(enrollment.state, e.Exhausted) and not sequence.stage:
        found.append("only the sequence of a stage can be exhausted")
    return tuple(found)


def _bookkeeping(run: Enrollment, sequence: Sequence) -> list[str]:
    found = []
    if run.sequence != sequence.key:
        found.append(f"the run is through {run.sequence}, not {sequence.key}")
    if run.step and run.step not in run.passes:
        found.append(f"the cursor is at {run.step}, which was never met")
    for key, count in run.passes.items():
        step = sequence.by_key.get(key)
        if step is not None and not 1 <= count <= step.passes:
            found.append(f"{key} was met {count} times; its limit is {step.passes}")
    found += [f"{key} was accepted, but never met" for key in run.accepted.keys() - run.passes]
    wakes = e.wakes_at(run.state)
    if wakes is not None and wakes.tzinfo is None:
        found.append("the run wakes at an instant without a zone")
    return found


def _cursor(run: Enrollment, step: Step | None) -> list[str]:
    state = run.state
    if step is None:
        begins = not run.step and isinstance(state, e.Waiting | e.Exhausted)
        return [] if begins else [f"the step {run.step!r} is not in this version"]
    wrong = f"the run is {e.STATE_NAMES[type(state)]} at {step.key}, a {type(step).__name__} step"
    found = []
    match state:
        case e.Waiting() if not isinstance(step, Wait | WaitUntil | ChangeStage):
            found.append(wrong)
        case e.Awaiting(deadline, since):
            if not isinstance(step, WaitFor):
                found.append(wrong)
            if deadline < since:
                found.append("the deadline lies before the start of the wait")
        case e.Holding() if not isinstance(step, Email):
            found.append(wrong)
        case e.Sending(key, pass_no):
            if not isinstance(step, Email):
                found.append(wrong)
            if (key, pass_no) != (run.step, run.passes.get(run.step)):
                found.append(f"the send under way is {key} pass {pass_no}, not the cursor's")
        case _:
            pass
    return found
