"""What a life in memory is lived under, and what follows in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Self

from nurture.domain.contact import NOTHING, Value
from nurture.domain.enrollment import Decision
from nurture.domain.funnel import Funnel
from nurture.domain.segments import Segment, in_order
from nurture.domain.sequence import Sequence
from nurture.domain.stages import StageChange, StageRefused


@dataclass(frozen=True)
class World:
    """The rules that a life is lived under: a funnel, the current sequences by key, and segments.

    Made by `of`, which puts the segments into their order and lends the funnel what they ask.
    `paused` are the keys of sequences that stand still; simulations let them go on.
    """

    funnel: Funnel
    sequences: Mapping[str, Sequence]
    segments: tuple[Segment, ...] = ()
    paused: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        funnel: Funnel,
        sequences: Mapping[str, Sequence],
        segments: Iterable[Segment],
        paused: frozenset[str] = frozenset(),
    ) -> Self:
        """Return a world with these segments, which are looked at for those that stand behind."""
        ordered, _ = in_order(tuple(segments))
        watched = tuple(one.when for one in ordered)
        return cls(replace(funnel, watched=watched), sequences, ordered, paused)

    def of_stage(self, stage: str) -> list[Sequence]:
        """Return the sequences of a stage, the highest priority first."""
        some = [one for one in self.sequences.values() if one.stage == stage]
        return sorted(some, key=lambda one: (-one.priority, one.key))

    @cached_property
    def asked_by_segments(self) -> frozenset[str]:
        """The kinds of things about a contact that segments look at."""
        kinds = ("received", "sequence")
        return frozenset(kind for kind in kinds if any(one.asks(kind) for one in self.segments))


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that followed: decisions of a run, or a change of stage or its refusal.

    `number` is the run's among those of the life, `step` where it stood before; `unanswered` is the
    question that it left without an answer.
    """

    at: datetime
    cause: str
    sequence: str = ""
    decisions: tuple[Decision, ...] = ()
    stage: StageChange | StageRefused | None = None
    entry_key: str = ""
    number: int = -1
    step: str = ""
    unanswered: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish to enter a sequence, with the event behind it where there is one.

    `by` is the number of the run whose step wishes it, None for nobody's.
    """

    sequence: Sequence
    key: str = ""
    properties: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    at: datetime | None = None
    queued: bool = False
    by: int | None = None
