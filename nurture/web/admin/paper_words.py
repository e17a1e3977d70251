"""What a draft does on paper, told line by line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nurture.domain.decisions import Expose
from nurture.domain.sequence import Sequence
from nurture.domain.stages import StageChange
from nurture.engine import trail
from nurture.engine.assumptions import Assumption
from nurture.engine.world import Moment
from nurture.web.admin.condition_words import event_words
from nurture.web.decided import decision_lines
from nurture.web.i18n import gettext as _
from nurture.web.names import Names
from nurture.web.reasons import reason
from nurture.web.words import Tone

_UNTOLD: Final = frozenset({"Note", "Remember"})


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the timeline."""

    icon: str
    tone: Tone
    title: str
    time: str
    lines: tuple[str, ...] = ()


def assumed_told(one: Assumption, sequence: Sequence) -> Told:
    """What the contact was assumed to do, as a line of the timeline."""
    said = event_words(one.event)
    if one.step:
        number = [step.key for step in sequence.steps].index(one.step) + 1
        said = _("%(event)s (step %(number)s)", event=said, number=number)
    details = ", ".join(f"{name}: {value}" for name, value in one.properties.items())
    return Told("user", "sun", _("Assumed: %(what)s", what=said), "", (details,) if details else ())


def moment_told(moment: Moment, names: Names, steps: Mapping[str, str]) -> Iterator[Told]:
    """What one moment of the run brings; `steps` are the titles of the draft's steps."""
    if moment.stage is not None:
        change = moment.stage
        if isinstance(change, StageChange):
            title = _("Moves to the stage “%(stage)s”", stage=names.stage(change.edge.to))
        else:
            title = _("May not move to the stage “%(stage)s”", stage=names.stage(change.to))
        yield Told("stairs-up", "sky", title, "", (_why(change.why),))
        return
    # Every email says again that the contact is not held out, and a split says its arm twice.
    decided: list[dict[str, Any]] = [
        trail.dump(one) for one in moment.decisions if not isinstance(one, Expose)
    ]
    divided = {one.experiment for one in moment.decisions if isinstance(one, Expose)}
    for one in decided:
        if "step" in one:
            one["step"] = steps.get(str(one["step"]), one["step"])
        if one["do"] == "Take" and one.get("why") in divided:
            one["why"] = ""
    if not decided or all(one["do"] in _UNTOLD for one in decided):
        return
    sequence = names.sequence(moment.sequence)
    icon, tone, title, lines = decision_lines(moment.cause, decided, sequence, names)
    # The first line says what caused it, which the day and the line before show already; only a
    # line about entering says there what was decided first.
    yield Told(icon, tone, title, "", lines if moment.cause == "Entered" else lines[1:])


def _why(why: str) -> str:
    kind, _space, score = why.partition(" ")
    return _("Engagement score: %(score)s", score=score) if kind == "engagement" else reason(why)
