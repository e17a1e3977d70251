"""How segments.yaml differs from the segments that are published, and what applying it does."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from nurture.campaigns.folder import SEGMENTS, Campaigns
from nurture.campaigns.parse import parse_segment, parse_sequence
from nurture.campaigns.segment_shape import segment_document
from nurture.domain.funnel import Funnel
from nurture.domain.segments import Segment, in_order, names_segment
from nurture.engine.dependencies import Dependencies
from nurture.engine.differing import What
from nurture.engine.segment_building import publish_segments, stored_segments
from nurture.engine.segment_effect import Effect, effect
from nurture.engine.segment_uses import asks_for
from nurture.errors import Invalid, Problem
from nurture.store import origins, published
from nurture.store import segment_drafts as store
from nurture.store.database import Transaction
from nurture.store.segment_drafts import SegmentOrigin

# How a conflict about a segment is settled: --take file:segment:regulars.
NAMED = "segment:"
# The document is what applying takes; everywhere else the admin's stands.
FROM_FILE = frozenset({What.NEW, What.CHANGED, What.BACK, What.SAME})


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """What becomes of one segment.

    `file` is what the file says and `admin` what is published; None where it is not there.
    `effect` counts whom it would bring in and take out.
    """

    key: str
    what: What
    file: Mapping[str, Any] | None = None
    admin: Mapping[str, Any] | None = None
    effect: Effect | None = None

    @property
    def name(self) -> str:
        """How `--take` names it."""
        return f"{NAMED}{self.key}"


def segment_plans(tx: Transaction, campaigns: Campaigns) -> tuple[SegmentPlan, ...]:
    """Return what applying segments.yaml would do to each segment, by key."""
    found = store.origins(tx)
    written = {one.key: segment_document(one) for one in campaigns.segments}
    return tuple(_plans(written, found))


def _plans(
    written: Mapping[str, Mapping[str, Any]], found: Mapping[str, SegmentOrigin]
) -> Iterator[SegmentPlan]:
    for key in sorted({*written, *found}):
        origin = found.get(key, SegmentOrigin(None, None))
        file, admin = written.get(key), origin.document
        what = _gone(origin) if file is None else _there(file, origin)
        if what is not None:
            yield SegmentPlan(key, what, file, admin)


def _there(file: Mapping[str, Any], origin: SegmentOrigin) -> What:
    if file == origin.document:
        return What.SAME
    if origin.document is None and origin.file is None:
        return What.NEW
    if origin.document == origin.file:
        return What.CHANGED
    # Somebody changed it in the admin since, or took it away there.
    return What.AHEAD if file == origin.file else What.CONFLICT


def _gone(origin: SegmentOrigin) -> What | None:
    """Return what becomes of a segment that the file has not; None when nothing does."""
    if origin.file is None or origin.document is None:
        return None
    return What.RETIRED if origin.document == origin.file else What.CONFLICT


def counted(
    deps: Dependencies, plans: Sequence[SegmentPlan], now: datetime
) -> tuple[SegmentPlan, ...]:
    """Return the plans, with whom each that the file changes would bring in and take out."""
    return tuple(
        SegmentPlan(
            one.key, one.what, one.file, one.admin,
            effect(deps, parse_segment(one.file), now, most=None),
        )
        if one.file is not None and one.what in (What.NEW, What.CHANGED, What.CONFLICT)
        else one
        for one in plans
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SegmentsApplied:
    """The segments that changed or are gone, and those of which the admin's version stands."""

    changed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def apply_segments(
    tx: Transaction, campaigns: Campaigns, take: Mapping[str, str], by: str, now: datetime
) -> SegmentsApplied:
    """Publish what segments.yaml says, and keep what somebody published in the admin since.

    Raises Invalid with every conflict that nobody has settled, and when what is kept and what
    comes from the file cannot stand together.
    """
    store.hold(tx)
    plans = segment_plans(tx, campaigns)
    _refuse_conflicts(plans, take, campaigns)
    kept = tuple(one for one in plans if _is_kept(one, take))
    admin = _made_in_admin(tx, plans)
    wanted = {one.key: one for one in (*campaigns.segments, *admin)}
    for one in kept:
        wanted.pop(one.key, None)
        if one.admin is not None:
            wanted[one.key] = parse_segment(one.admin)
    _refuse_circles(list(wanted.values()), campaigns)
    changed = publish_segments(tx, list(wanted.values()), by, now)
    for one in plans:
        # Whoever chose the admin's version has seen what the file says now.
        store.set_file(tx, one.key, one.file)
    for key in store.origins(tx).keys() - {one.key for one in plans} - wanted.keys():
        # Gone by both doors: should a file have it again, it is new.
        store.set_file(tx, key, None)
    return SegmentsApplied(changed, tuple(one.key for one in kept))


def refuse_lost(tx: Transaction, changed: Iterable[str], funnel: Funnel) -> None:
    """Raise Invalid when a segment is gone that something kept from the admin still asks for."""
    there = {key for key, one in store.origins(tx).items() if one.document is not None}
    gone = sorted(set(changed) - there)
    if not gone:
        return
    asking = [
        (f"the sequence {one.key}", partial(asks_for, parse_sequence(one.document, funnel=funnel)))
        for one in published.current_versions(tx)
    ]
    asking += [
        (f"the segment {one.key}", partial(names_segment, one.when)) for one in stored_segments(tx)
    ]
    problems = [
        Problem(
            f"the segment {key} is gone from the file, and {who}, published in the admin,"
            " asks for it",
            f"Put {key} back, or take it out of {who} first.",
        )
        for key in gone
        for who, asks in asking
        if asks(key)
    ]
    if problems:
        raise Invalid.because(problems, of="Nothing was published")


def _is_kept(one: SegmentPlan, take: Mapping[str, str]) -> bool:
    return one.what in (What.AHEAD, What.CONFLICT) and take.get(one.name) != origins.FILE


def _made_in_admin(tx: Transaction, plans: Sequence[SegmentPlan]) -> list[Segment]:
    """Return the segments that no file ever had: they stand whatever the file says."""
    planned = {one.key for one in plans}
    return [
        parse_segment(one.document)
        for key, one in store.origins(tx).items()
        if key not in planned and one.document is not None
    ]


def _refuse_conflicts(
    plans: Sequence[SegmentPlan], take: Mapping[str, str], campaigns: Campaigns
) -> None:
    problems = [
        Problem(
            f"the segment {one.key} was changed in the admin and in the file",
            f"Write --take file:{one.name} or --take admin:{one.name}; `nurture plan` shows both.",
            campaigns.source(SEGMENTS).file,
        )
        for one in plans
        if one.what is What.CONFLICT and one.name not in take
    ]
    if problems:
        raise Invalid.because(problems, of="Nothing was published")


def _refuse_circles(wanted: Sequence[Segment], campaigns: Campaigns) -> None:
    """Refuse segments of the file that, beside those of the admin, rest on themselves."""
    _, circle = in_order(wanted)
    if circle:
        way = " → ".join((*circle, circle[0]))
        told = f"the segments {way} rest on each other, some in the file and some in the admin"
        remedy = "Run `nurture export`, then write in one of them what the other asks for."
        problem = Problem(told, remedy, campaigns.source(SEGMENTS).file)
        raise Invalid.because([problem], of="Nothing was published")
