"""Where an exhausted run goes on when its sequence has got more content. Pure."""

from collections.abc import Iterator

from nurture.domain.check import Graph
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import END, Email, Exit, MoveTo, Sequence, Step


def wakes_into(
    run: Enrollment, old: Sequence, new: Sequence, received: frozenset[str] = frozenset()
) -> str:
    """Return the step of `new` with which a run that `old` exhausted goes on; empty for none.

    `run` stands in `new` already. It goes on where it stood, along the one path that ended
    there; where nothing new lies ahead, at the first new step among those it is past. Only for
    emails that `old` had not and that the contact has not received. Whoever took one arm of a
    fork never wakes into another: where several arms ended, it cannot be told which was theirs.
    """
    fresh = {
        step.key
        for step in new.steps
        if isinstance(step, Email) and step.key not in old.by_key
        and step.key not in run.passes and step.content not in received
    }  # fmt: skip
    if not fresh:
        return ""
    graph = Graph(new)
    for target in (*_ahead(run, old, new), *_between(run, old, new)):
        open_ = target in new.by_key and target not in run.passes
        if open_ and (target in fresh or fresh & graph.beyond(target)):
            return target
    return ""


def _ahead(run: Enrollment, old: Sequence, new: Sequence) -> Iterator[str]:
    step = new.by_key.get(run.step)
    if step is None:
        # Nothing that the run has met is left: to this contact the sequence is a new one.
        yield new.first
        return
    before = old.by_key.get(run.step)
    targets = {target for _, target in _paths(step, new)}
    if len(targets) > 1 and before is not None:
        ended = {path for path, target in _paths(before, old) if target == END}
        targets = {target for path, target in _paths(step, new) if path in ended}
    if len(targets) == 1:
        yield from targets


def _between(run: Enrollment, old: Sequence, new: Sequence) -> Iterator[str]:
    """Yield the steps that were put behind ones that the run is past, in the file's order."""
    for step in new.steps:
        targets = {target for _, target in _paths(step, new)}
        if step.key in run.passes and len(targets) == 1:
            yield from (target for target in targets if target not in old.by_key)


def _paths(step: Step, sequence: Sequence) -> list[tuple[str, str]]:
    """Return the paths that lead on from `step`: their names, and where they lead."""
    if isinstance(step, MoveTo | Exit):
        return []
    written = Graph.written(step)
    return [
        ("/".join(map(str, place)), sequence.after(step.key, target)) for place, target in written
    ]
