"""Where the contact of a life in memory stands: scores, changes of stage, and what they lead to."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nurture.domain import enrollment as e
from nurture.domain.sequence import Sequence
from nurture.domain.stages import (
    NOBODY,
    Actor,
    Said,
    StageChange,
    StageRefused,
    asked_change,
    taken,
)
from nurture.domain.standing import assessed, look_at, settle, weighed
from nurture.engine.admission import takers
from nurture.engine.life_watch import own_thresholds
from nurture.engine.world import Moment, Wish

if TYPE_CHECKING:
    from nurture.engine.life import Life


@dataclass(slots=True)
class LifeStages:
    """`turns_at` is when the score, or what rests on the clock, may next move the contact.

    `moved` says that they changed stage, and that their runs have yet to move.
    """

    turns_at: datetime | None = None
    moved: bool = False
    _refused: set[StageRefused] = field(default_factory=set)
    _weighed: tuple[datetime, int] | None = None

    def weigh(self, life: "Life", sequence: Sequence) -> None:
        """Add up the score as of now, where a sequence may ask for it."""
        if sequence.asks_score:
            self._weigh(life)

    def _weigh(self, life: "Life") -> None:
        if life.contact.standing is None:
            return
        moment = life.now, len(life.entries)
        if moment != self._weighed:
            self._weighed, funnel = moment, life.world.funnel
            entries = life.ledger.short(funnel.groups, funnel.limits, life.now)
            life.contact = weighed(life.contact, entries, funnel, life.now)

    def watch(self, life: "Life") -> None:
        """Compute `turns_at` without moving anybody."""
        funnel = life.world.funnel
        entries = life.ledger.short(funnel.groups, funnel.limits, life.now)
        life.contact = assessed(life.contact, entries, funnel, life.now)
        self.turns_at = look_at(life.contact, entries, funnel, life.now, own_thresholds(life))

    def look(self, life: "Life") -> None:
        """Compute the score, take the edges that the rules call for, and have runs reconsider."""
        before = life.contact.standing
        if before is None:
            return
        funnel = life.world.funnel
        entries = life.ledger.short(funnel.groups, funnel.limits, life.now)
        settled = settle(life.contact, entries, funnel, life.now, own_thresholds(life))
        life.contact = settled.contact
        self.turns_at = settled.look_at
        for change in settled.changes:
            self._note(life, change, "Rules")
            self.moved = True
        # What the rules would do and may not yet: told once while a contact stays in a stage.
        if settled.refused is not None and settled.refused not in self._refused:
            self._note(life, settled.refused, "Rules")
        for number in life.moving:
            if life.contact.standing == before or not is_of_stage(life, number):
                life.tell(number, e.Reconsider())

    def ask(
        self, life: "Life", to: str, actor: Actor, said: Said = NOBODY, cause: str = ""
    ) -> StageChange | StageRefused:
        """Ask for a stage, under the guards that everybody obeys."""
        self._weigh(life)
        edges = life.world.funnel.edges
        answer = asked_change(life.contact, to, actor, edges, life.now, said)
        self._note(life, answer, cause or f"asked by {actor}")
        if isinstance(answer, StageChange):
            life.contact = taken(life.contact, answer.edge, life.world.funnel.order, life.now)
            self.moved = True
        return answer

    def move(self, life: "Life") -> None:
        """Leave the sequences of the old stage, and wish for those of the new one."""
        if not self.moved:
            return
        self.moved = False
        standing, found = life.contact.standing, _takers(life)
        for number in tuple(life.going):
            if is_of_stage(life, number):
                target = found.get(life.sequence_of(life.runs[number]).track)
                goal = target.key if target else (standing.stage if standing else "")
                life.tell(number, e.MovedAway(goal))
        self.enter(life)

    def enter(self, life: "Life") -> None:
        """Wish the contact into the first of their stage that takes them, in each track."""
        life.wishes += [Wish(one) for one in _takers(life).values()]

    def _note(self, life: "Life", answer: StageChange | StageRefused, cause: str) -> None:
        life.moments.append(Moment(life.now, cause, stage=answer))
        if isinstance(answer, StageChange):
            self._refused.clear()
        else:
            self._refused.add(answer)


def is_of_stage(life: "Life", number: int) -> bool:
    """Return whether a run is one that the contact goes through for their stage."""
    return bool(life.sequence_of(life.runs[number]).stage) and number not in life.trials


def _takers(life: "Life") -> dict[str, Sequence]:
    stage = life.contact.standing.stage if life.contact.standing else ""
    some = life.world.of_stage(stage) if stage else ()
    for one in some:
        life.stages.weigh(life, one)
    return takers(some, life.contact, life.now)
