"""In which segments a back-tested life begins, and what the record of their borders is good for.

Coming into a segment and leaving it are events, so that the record tells on which side of a border
somebody was: by what happened there last, or by what first happened there afterwards. Where it
tells nothing, and for a segment that the world describes otherwise than what is published, the
facts of then are asked. Who comes to us during the days looked at begins in none.

From there on the life looks for itself. But fields and tags are those of today, so that a segment
that asks for them may be none that the contact was in then: a border of it that the contact crossed
by the record is crossed by the life, too, which stays there until what the segment asks agrees.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from nurture.domain.contact import Contact, Occurrence
from nurture.domain.segments import BORDER, ENTERED, LEFT, inside
from nurture.engine.life import Life
from nurture.engine.life_segments import border_event
from nurture.engine.world import World

# What is known of contacts as of today alone.
OF_TODAY = ("field", "tag", "bant", "language", "timezone")


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whether the contact was in each segment at the beginning, as far as that is `known`.

    `followed` are those of which the record is followed where the facts of today say otherwise;
    `looked_at` are those that a life looks at by itself.
    """

    known: Mapping[str, bool]
    followed: frozenset[str]
    looked_at: frozenset[str]

    @classmethod
    def of(
        cls,
        history: Iterable[Occurrence],
        world: World,
        published: World,
        begins: datetime,
        *,
        is_new: bool,
    ) -> Self:
        """Read the record of a contact; of one who `is_new` it begins with nothing."""
        as_published = {one.key: one.when for one in published.segments}
        same = {one.key: one for one in world.segments if as_published.get(one.key) == one.when}
        looked_at = frozenset(one.key for one in world.segments)
        before: dict[str, bool] = {}
        after: dict[str, bool] = {}
        for one in history:
            key = _key(one)
            if key not in same:
                continue
            if one.occurred_at <= begins:
                before[key] = one.name == ENTERED
            else:
                after.setdefault(key, one.name == LEFT)
        told = {**after, **before}
        followed = frozenset(key for key in told if any(map(same[key].asks, OF_TODAY)))
        return cls(dict.fromkeys(looked_at, False) if is_new else told, followed, looked_at)

    def tells(self, life: Life, occurrence: Occurrence) -> bool:
        """Return whether an occurrence is of a border that the life looks at by itself.

        Where the record is followed, the contact crosses it now, unless the life has done so.
        """
        key = _key(occurrence)
        if key not in self.looked_at:
            return False
        life.advance(max(life.now, occurrence.occurred_at))
        enters = occurrence.name == ENTERED
        if key in self.followed and (key in life.contact.segments) != enters:
            life.segments.cross(life, key)
            life.happen(border_event(life, occurrence.name, key))
        return True


def began_in(
    world: World, contact: Contact, recorded: Recorded, begins: datetime
) -> frozenset[str]:
    """Return the segments in which a contact with the scores of then begins."""
    return inside(world.segments, contact, begins, recorded.known)


def _key(occurrence: Occurrence) -> str:
    """Return the segment whose border an occurrence is about; empty for none."""
    return str(occurrence.properties.get("segment", "")) if occurrence.name in BORDER else ""
