"""What a life in memory is lived under, and what follows in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nurture.domain.contact import NOTHING, Value
from nurture.domain.enrollment import Decision
from nurture.domain.funnel import Funnel
from nurture.domain.sequence import Sequence
from nurture.domain.stages import StageChange, StageRefused


@dataclass(frozen=True, slots=True)
class World:
    """The rules that a life is lived under: a funnel and the current sequences by key."""

    funnel: Funnel
    sequences: Mapping[str, Sequence]

    def of_stage(self, stage: str) -> list[Sequence]:
        """Return the sequences of a stage, the highest priority first."""
        some = [one for one in self.sequences.values() if one.stage == stage]
        return sorted(some, key=lambda one: (-one.priority, one.key))


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that followed: decisions of a run, or a change of stage or its refusal."""

    at: datetime
    cause: str
    sequence: str = ""
    decisions: tuple[Decision, ...] = ()
    stage: StageChange | StageRefused | None = None
    entry_key: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish to enter a sequence, with the event behind it where there is one."""

    sequence: Sequence
    key: str = ""
    properties: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    at: datetime | None = None
    queued: bool = False
