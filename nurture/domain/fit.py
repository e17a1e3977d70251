"""How well a contact fits, from their fields, and how warm they are, with hysteresis."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from nurture.domain.conditions import Condition, holds
from nurture.domain.contact import Contact


@dataclass(frozen=True, slots=True)
class FitRule:
    """Points when `when` is true of the contact; `disqualifies` forces the lowest grade."""

    key: str
    when: Condition
    points: float = 0.0
    disqualifies: bool = False
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Fit:
    """Fit with its parts: the rules that held, their sum, and the grade."""

    total: float
    grade: str
    held: tuple[FitRule, ...]

    @property
    def disqualified(self) -> bool:
        """Whether a disqualifier held."""
        return any(rule.disqualifies for rule in self.held)


def fit(
    contact: Contact,
    rules: Iterable[FitRule],
    grades: Sequence[tuple[str, float]],
    now: datetime,
) -> Fit:
    """Return the fit of `contact`; `grades` are (letter, least points), best first, lowest last."""
    held = tuple(rule for rule in rules if holds(rule.when, contact, now))
    total = sum(rule.points for rule in held)
    if any(rule.disqualifies for rule in held):
        return Fit(total, grades[-1][0], held)
    grade = next((letter for letter, least in grades if total >= least), grades[-1][0])
    return Fit(total, grade, held)


@dataclass(frozen=True, slots=True)
class Warmth:
    """One temperature: entered at `enter` points, left below `leave` < `enter`."""

    key: str
    enter: float
    leave: float


def temperature(current: str, points: float, scale: Sequence[Warmth]) -> str:
    """Return the temperature for `points`; `scale` is hottest first, its last entry the ground.

    Between `leave` and `enter` the current temperature stays, so that it does not flap. Who comes
    down from a hotter one stops where `leave` still holds, so that the result does not depend
    on how often it is asked for on the way down.
    """
    from_above = False
    for warmth in scale[:-1]:
        from_above = from_above or warmth.key == current
        if points >= (warmth.leave if from_above else warmth.enter):
            return warmth.key
    return scale[-1].key
