"""How an experiment stands: shares with their intervals, differences, and when to stop looking.

The quantiles are the standard library's (`statistics.NormalDist`); what stands here are the two
formulas of Wilson (1927) and Newcombe (1998, method 10) for shares, which stay right for small
numbers and for shares near 0 and 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import floor, log2, pi, sqrt
from statistics import NormalDist

from nurture.domain.steps import Measure


@dataclass(frozen=True, slots=True)
class Seen:
    """An arm: contacts who had all their time to succeed, and how many of them did.

    `shown` are all contacts of the arm, also those whose time is not over.
    """

    arm: str
    shown: int
    contacts: int
    successes: int
    hold_out: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """A share with the interval in which it lies at the confidence asked for."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Lift:
    """An arm against the control: the difference of their shares, with its interval.

    `relative` is the difference as a part of the control's share, None when that is 0.
    """

    arm: str
    share: Share
    difference: Share | None = None
    relative: float | None = None

    @property
    def is_better(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.difference is not None and self.difference.low > 0

    @property
    def is_worse(self) -> bool:
        """Whether the whole interval lies below 0."""
        return self.difference is not None and self.difference.high < 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an experiment shows now. `stop` is why it is over: "better", "worse", "time" or ""."""

    control: str
    lifts: tuple[Lift, ...]
    look: int
    confidence: float
    stop: str = ""
    winner: str = ""


def wilson(successes: int, contacts: int, confidence: float) -> Share:
    """Return a share with Wilson's score interval; of nobody it is 0, and may be anything."""
    if contacts == 0:
        return Share(0.0, 0.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, square = successes / contacts, z * z
    middle = share + square / (2 * contacts)
    half = z * sqrt(share * (1 - share) / contacts + square / (4 * contacts * contacts))
    scale = 1 + square / contacts
    return Share(share, max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))


def newcombe(one: Share, other: Share) -> Share:
    """Return `one` − `other` with Newcombe's interval, of two shares with Wilson's."""
    difference = one.value - other.value
    low = difference - sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = difference + sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Share(difference, max(-1.0, low), min(1.0, high))


def look_number(contacts: Sequence[int], minimum: int) -> int:
    """Return which look this is: 0 until every arm has `minimum`, one more at each doubling.

    Whoever looks whenever they like finds a difference sooner or later where there is none. Looks
    are therefore taken at sizes fixed beforehand, and each spends a part of the error.
    """
    least = min(contacts, default=0)
    return 0 if least < minimum else 1 + floor(log2(least / minimum))


def confidence_at(look: int, confidence: float, comparisons: int) -> float:
    """Return how sure a look has to be, so that all looks together stay at `confidence`.

    The k-th look may err in 6/(π·k)² of the cases that are allowed in all, which adds up to all
    of them over looks without end; several arms share it evenly (Bonferroni).
    """
    allowed = (1 - confidence) * 6 / (pi * max(look, 1)) ** 2
    return 1 - allowed / max(comparisons, 1)


def judge(arms: Sequence[Seen], measure: Measure, running: timedelta, looked: int = 0) -> Verdict:
    """Return what an experiment of at least two arms shows after `running`.

    The control is the arm that is held out, else the first. It stops with a winner when an arm
    is better than the control at a new look (`looked` is the last one taken), with the control
    when all others are worse, and without one when its time is over.
    """
    control = next((one for one in arms if one.hold_out), arms[0])
    look = look_number([one.contacts for one in arms], measure.minimum)
    confidence = confidence_at(look, measure.confidence, len(arms) - 1)
    base = wilson(control.successes, control.contacts, confidence)
    lifts = []
    for one in arms:
        share = wilson(one.successes, one.contacts, confidence)
        if one is control:
            lifts.append(Lift(one.arm, share))
            continue
        difference = newcombe(share, base)
        relative = difference.value / base.value if base.value else None
        lifts.append(Lift(one.arm, share, difference, relative))
    stop, winner = _stops(lifts, control.arm, is_new=look > looked)
    if not stop and measure.stop is not None and running >= measure.stop:
        stop = "time"
    return Verdict(control.arm, tuple(lifts), look, confidence, stop, winner)


def _stops(lifts: Sequence[Lift], control: str, *, is_new: bool) -> tuple[str, str]:
    others = [one for one in lifts if one.arm != control]
    better = [one for one in others if one.is_better]
    if not is_new:
        return "", ""
    if better:
        return "better", max(better, key=lambda one: one.share.value).arm
    if others and all(one.is_worse for one in others):
        return "worse", control
    return "", ""
