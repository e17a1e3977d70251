"""What `nurture apply` would do: files held against what is published, before anything changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nurture.campaigns.folder import FUNNEL, Campaigns
from nurture.campaigns.parse import parse_funnel
from nurture.domain.segments import Segment
from nurture.engine.backtest import BackTest, backtests
from nurture.engine.dependencies import Dependencies
from nurture.engine.differing import KEPT, SequencePlan, What, sequence_plans
from nurture.engine.email_differing import EmailChange, email_changes
from nurture.engine.plan_documents import Change, changes, with_change
from nurture.engine.publish import check_files
from nurture.engine.segment_differing import (
    FROM_FILE,
    SegmentPlan,
    counted,
    segment_plans,
)
from nurture.engine.world import World
from nurture.errors import Invalid, NotFound, Problem
from nurture.store import origins

# Changes of the funnel that are lived through one by one; each takes every contact a life.
MOST_TRIED = 8


@dataclass(frozen=True, slots=True)
class Tried:
    """A change of the funnel, and what it alone would have done to contacts."""

    change: Change
    effect: BackTest | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that applying would do. `whole` is what all of it would have changed.

    `emails` are those that differ, by sequence.
    """

    funnel: tuple[Tried, ...]
    sequences: tuple[SequencePlan, ...]
    whole: BackTest | None
    warnings: tuple[Problem, ...] = ()
    segments: tuple[SegmentPlan, ...] = ()
    emails: Mapping[str, tuple[EmailChange, ...]] = field(default_factory=dict)

    @property
    def conflicts(self) -> tuple[str, ...]:
        """The sequences and segments about which somebody has to choose, as `--take` names them."""
        named = [(one.key, one.what) for one in self.sequences]
        named += [(one.name, one.what) for one in self.segments]
        return tuple(name for name, what in named if what is What.CONFLICT)

    def __bool__(self) -> bool:
        """Whether applying would change anything, or somebody has to choose."""
        whats = [one.what for one in self.sequences] + [one.what for one in self.segments]
        return bool(self.funnel) or any(what not in (What.SAME, What.AHEAD) for what in whats)


def plan(deps: Dependencies, now: datetime, length: timedelta | None) -> Plan:
    """Return what applying the campaign files would do; reads only.

    With `length` the funnel's changes are back-tested over that time, one by one and together.
    Raises Invalid with every fault when the files cannot be published.
    """
    checked = check_files(deps.settings.campaigns, deps.settings.templates)
    if checked.problems or checked.campaigns is None:
        raise Invalid.because(checked.problems, of="These files cannot be published")
    with deps.database.read() as tx:
        sequences = tuple(sequence_plans(tx, checked))
        emails = email_changes(tx, checked, sequences)
        segments = segment_plans(tx, checked.campaigns)
        funnel = origins.funnel_document(tx)
    before = {} if funnel is None else funnel
    differ = changes(before, checked.campaigns.documents[FUNNEL]) if before else ()
    tried, whole = _lived(
        deps, checked.campaigns, before, differ, (sequences, segments), now, length
    )
    segments = counted(deps, segments, now)
    return Plan(tried, sequences, whole, checked.warnings, segments, emails)


def _lived(  # noqa: PLR0913 - what the two worlds are made of
    deps: Dependencies,
    campaigns: Campaigns,
    before: Mapping[str, Any],
    differ: tuple[Change, ...],
    plans: tuple[tuple[SequencePlan, ...], tuple[SegmentPlan, ...]],
    now: datetime,
    length: timedelta | None,
) -> tuple[tuple[Tried, ...], BackTest | None]:
    """Live the last days under what is published, under each change of the funnel, and all."""
    sequences, segments = plans
    whats = [*(one.what for one in sequences), *(one.what for one in segments)]
    changed = any(what not in KEPT for what in whats)
    if length is None or not before or not (differ or changed):
        return tuple(Tried(one, None) for one in differ), None
    today = _world(deps, before)
    moving = [number for number, one in enumerate(differ) if one.moves][:MOST_TRIED]
    alone = {
        number: world
        for number in moving
        if (world := _changed(today, before, differ[number])) is not None
    }
    kept = {one.key for one in sequences if one.what in KEPT}
    after = {
        key: today.sequences.get(key, one) if key in kept else one
        for key, one in campaigns.sequences.items()
    }
    worlds = [
        *alone.values(),
        World.of(campaigns.funnel, after, _segments(campaigns, today, segments)),
    ]
    *effects, whole = backtests(deps, today, worlds, length, now)
    told = dict(zip(alone, effects, strict=True))
    return tuple(Tried(one, told.get(number)) for number, one in enumerate(differ)), whole


def _changed(today: World, before: Mapping[str, Any], change: Change) -> World | None:
    """Return the world with this change alone.

    None for one that makes sense only together with another, and is told with the whole.
    """
    try:
        funnel = parse_funnel(with_change(before, change), version=today.funnel.version)
    except Invalid:
        return None
    return World.of(funnel, today.sequences, today.segments)


def _segments(
    campaigns: Campaigns, today: World, plans: tuple[SegmentPlan, ...]
) -> Iterator[Segment]:
    """Yield the segments that there are once the files are applied and nobody has chosen."""
    whats = {one.key: one.what for one in plans}
    yield from (one for one in campaigns.segments if whats[one.key] in FROM_FILE)
    for one in today.segments:
        if whats.get(one.key) not in {*FROM_FILE, What.RETIRED}:
            yield one


def _world(deps: Dependencies, document: Mapping[str, Any]) -> World:
    with deps.database.read() as tx:
        try:
            catalog = deps.definitions.catalog(tx)
        except NotFound:
            return World(parse_funnel(document), {})
        stored = {key: one.sequence for key, one in catalog.current.items()}
    return World.of(catalog.funnel, stored, (one.segment for one in catalog.segments))
