"""Whom a segment's definition would bring in and take out, counted before it is published."""

from dataclasses import dataclass
from datetime import datetime

from nurture.domain.segments import Segment
from nurture.engine.dependencies import Dependencies
from nurture.engine.segment_building import NEED
from nurture.store import segment_reports, segments
from nurture.store.condition_members import members

# Contacts that one query looks at.
BATCH = 10_000
# Contacts that one answer of a page looks at: a second or two on a plain machine.
MOST_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Effect:
    """How many would come in, go out and stay, among the `looked_at` contacts.

    `after` is the last contact that was looked at; None once everybody was.
    """

    entering: int = 0
    leaving: int = 0
    staying: int = 0
    looked_at: int = 0
    after: int | None = 0

    @property
    def inside(self) -> int:
        """How many would be in it."""
        return self.entering + self.staying


def effect(
    deps: Dependencies,
    segment: Segment,
    now: datetime,
    so_far: Effect | None = None,
    most: int | None = MOST_AT_ONCE,
    size: int = BATCH,
) -> Effect:
    """Return what publishing `segment` would do; reads only.

    Goes on behind what was counted `so_far`, and looks at `most` contacts more (None: at all),
    `size` of them in one query.
    """
    found = so_far or Effect()
    with deps.database.read() as tx:
        stored = next((one for one in segments.published(tx) if one.key == segment.key), None)
        begun = found.looked_at
        while found.after is not None:
            part = segment_reports.contact_range(tx, found.after, size)
            if part is None:
                return _counted(found, set(), set(), 0, None)
            between = (part[0], part[1])
            wanted = members(tx, segment.when, now, between=between, need=NEED)
            inside = segments.members_between(tx, stored.id, *between) if stored else set()
            found = _counted(found, wanted, inside, part[2], part[1])
            if most is not None and found.looked_at - begun >= most:
                break
    return found


def _counted(
    before: Effect, wanted: set[int], inside: set[int], looked: int, after: int | None
) -> Effect:
    return Effect(
        before.entering + len(wanted - inside),
        before.leaving + len(inside - wanted),
        before.staying + len(wanted & inside),
        before.looked_at + looked,
        after,
    )
