"""Which segments the contact of a life in memory is in: looked at as the engine looks at them.

That is whenever something about the contact changed, and at the instants at which time alone turns
what a segment asks. Nothing is scanned.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from nurture.domain.conditions import holds
from nurture.domain.contact import Occurrence
from nurture.domain.segments import ENTERED, LEFT
from nurture.domain.turning import next_turn

if TYPE_CHECKING:
    from nurture.engine.life import Life


@dataclass(slots=True)
class LifeSegments:
    """`turns_at` is when time alone may next bring the contact in or out, None for never.

    `assumed` are the segments on whose other side the contact was put on somebody's word: there
    they stay until what the segment asks comes to agree.
    """

    turns_at: datetime | None = None
    assumed: set[str] = field(default_factory=set)

    def watch(self, life: "Life") -> None:
        """Compute `turns_at` at the beginning of a life, from where the contact is said to be.

        Where that is not what a segment asks, somebody should have looked by now.
        """
        turns = list(self._turns(life))
        for one in life.world.segments:
            is_in = one.key in life.contact.segments
            if one.key not in self.assumed and holds(one.when, life.contact, life.now) != is_in:
                turns.append(life.now)
        self.turns_at = min(turns, default=None)

    def follow(self, life: "Life", crossed: set[str]) -> list[Occurrence]:
        """Look at every segment, those first that others rest on; return what happened.

        Of a border in `crossed` nothing is told a second time, so that segments whose events change
        the score cannot turn in a circle.
        """
        names: dict[str, list[str]] = {ENTERED: [], LEFT: []}
        for one in life.world.segments:
            inside = life.contact.segments
            belongs = holds(one.when, life.contact, life.now)
            if belongs == (one.key in inside):
                self.assumed.discard(one.key)
            elif one.key not in self.assumed:
                names[ENTERED if belongs else LEFT].append(one.key)
                life.contact = replace(life.contact, segments=inside ^ {one.key})
        self.turns_at = min(self._turns(life), default=None)
        fresh = [(name, key) for name, keys in names.items() for key in keys if key not in crossed]
        crossed.update(key for _, key in fresh)
        return [border_event(life, name, key) for name, key in fresh]

    def cross(self, life: "Life", key: str) -> None:
        """Put the contact on the other side of a border, on somebody's word."""
        life.contact = replace(life.contact, segments=life.contact.segments ^ {key})
        self.assumed.add(key)

    def _turns(self, life: "Life") -> Iterator[datetime]:
        for one in life.world.segments:
            at = next_turn(one.timed_parts, life.contact, life.now)
            if at is not None:
                yield at


def border_event(life: "Life", name: str, key: str) -> Occurrence:
    """Return what happens to the contact at the border of the segment `key`, now."""
    mark = f"{name}:{key}:{life.contact.id}:{life.now.isoformat()}"
    return Occurrence(name, life.now, {"segment": key}, dedupe_key=mark)
