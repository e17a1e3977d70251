"""What happens to the contact of a life in memory: remembered once, scored, told to their runs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nurture.domain import enrollment as e
from nurture.domain.bant import answered
from nurture.domain.contact import GLOBAL, Change, Fact, Occurrence, changed
from nurture.domain.scoring import award
from nurture.engine.life_doors import remembering, triggered, withdrawal, without

if TYPE_CHECKING:
    from nurture.engine.life import Life


@dataclass(slots=True)
class LifeHearing:
    """`keys` are those of everything that happened: what is told twice counts once."""

    keys: set[str] = field(default_factory=set)
    _answered_at: dict[str, datetime] = field(default_factory=dict)

    def knows(self, occurrence: Occurrence) -> bool:
        """Return whether an occurrence was told before."""
        return occurrence.dedupe_key in self.keys

    def remember(self, life: "Life", occurrences: Iterable[Occurrence]) -> None:
        """Put occurrences into the history, in their order."""
        for one in occurrences:
            self.keys |= {one.dedupe_key} - {""}
            life.contact = remembering(life.contact, one)

    def withdraw(self, life: "Life", occurrence: Occurrence) -> None:
        """Let the contact get no more mail, where an occurrence says so, and end what mails."""
        barred = withdrawal(occurrence)
        if barred is None:
            return
        scope, reason = barred
        life.contact = without(life.contact, scope)
        for number in tuple(life.going):
            steps = life.sequence_of(life.runs[number]).steps
            if scope == GLOBAL or scope in {getattr(step, "topic", "") for step in steps}:
                life.tell(number, e.Withdrawn(reason))

    def take_effect(self, life: "Life", occurrences: Iterable[Occurrence]) -> None:
        """Score what happened, note what it answers, and tell whoever waits for it."""
        funnel, some = life.world.funnel, tuple(occurrences)
        for one in some:
            life.ledger.add(award(one, funnel.rules, funnel.version))
            for letter, answer in answered(one).items():
                if self._answered_at.get(letter, one.occurred_at) <= one.occurred_at:
                    self._answered_at[letter] = one.occurred_at
                    life.contact = changed(life.contact, Change(Fact.BANT, letter, answer))
        for one in some:
            for number in life.moving:
                life.tell(number, e.Happened(one))
        for one in some:
            life.wishes += triggered(life.world, one)
