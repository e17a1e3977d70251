"""Segments as people look at them: how many are in each, who, what turned, and what asks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from nurture.campaigns.complaints import did_you_mean
from nurture.campaigns.yaml_writing import dump
from nurture.engine.dependencies import Dependencies
from nurture.engine.segment_uses import Use, uses_of
from nurture.errors import NotFound
from nurture.store import segment_drafts, segment_reports
from nurture.store.segment_reports import Member, Turn

# What "lately" means on the pages: for counts, and for the contacts who turned.
WEEK = timedelta(days=7)
TURNS_WITHIN = timedelta(days=30)
MOST_TURNS = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """One segment; `page` are some of its members, the newest contacts first.

    `built` is the share of all contacts (0 to 1) that were looked at since it was published.
    """

    key: str
    document: dict[str, Any]
    members: int
    published_at: datetime
    built: float
    page: tuple[Member, ...] = ()

    @property
    def condition(self) -> str:
        """Who is in it, as a file says it, on one line."""
        return dump(self.document["when"]).strip().replace("\n", ", ")


def segments(deps: Dependencies) -> list[Shown]:
    """Return all published segments by their keys."""
    with deps.database.read() as tx:
        return [Shown(*row) for row in segment_reports.listed(tx)]


def segment(
    deps: Dependencies, key: str, *, search: str = "", before: int | None = None, limit: int = 50
) -> Shown:
    """Return one segment with some of its members; raises NotFound.

    The newest contacts come first; `before` is the id of the last one on the page before.
    """
    with deps.database.read() as tx:
        found = segment_reports.one(tx, key)
        if found is None:
            known = [row[0] for row in segment_reports.listed(tx)]
            remedy = did_you_mean(key, known, "Write it in campaigns/segments.yaml.")
            raise NotFound(f"there is no segment {key!r}", remedy=remedy)
        page = segment_reports.members(tx, key, search=search, before=before, limit=limit)
        return replace(Shown(*found), page=tuple(page))


@dataclass(frozen=True, slots=True)
class Line:
    """One segment in the list: what is published of it (None for a mere draft), and around it.

    `entered` and `left` count a week; `draft` is what somebody is writing, None when nobody is.
    """

    key: str
    shown: Shown | None
    draft: Mapping[str, Any] | None
    entered: int = 0
    left: int = 0
    uses: tuple[Use, ...] = ()

    @property
    def document(self) -> Mapping[str, Any]:
        """What says what this segment is: the published document, else the draft."""
        return self.shown.document if self.shown else self.draft or {}


def lines(deps: Dependencies, now: datetime) -> list[Line]:
    """Return all segments and drafts of segments by their keys, with what a week brought."""
    with deps.database.read() as tx:
        found = {row[0]: Shown(*row) for row in segment_reports.listed(tx)}
        drafts = {key: document for key, document, _, _ in segment_drafts.drafts(tx)}
        crossed = segment_reports.crossings(tx, now - WEEK) if found else {}
        uses = uses_of(tx, deps.definitions, found) if found else {}
    return [
        Line(
            key, found.get(key), drafts.get(key), *crossed.get(key, (0, 0)),
            tuple(uses.get(key, ())),
        )
        for key in sorted({*found, *drafts})
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Around:
    """What stands beside one segment's members: a week's count, the latest turns, its uses."""

    entered: int
    left: int
    turns: tuple[Turn, ...]
    uses: tuple[Use, ...]
    has_draft: bool


def around(deps: Dependencies, key: str, now: datetime) -> Around:
    """Return what happened at the border of a published segment lately, and what asks for it."""
    with deps.database.read() as tx:
        entered, left = segment_reports.crossings(tx, now - WEEK).get(key, (0, 0))
        turns = segment_reports.turns(tx, key, now - TURNS_WITHIN, MOST_TURNS)
        uses = uses_of(tx, deps.definitions, [key])[key]
        draft = segment_drafts.draft_row(tx, key)
    has_draft = draft is not None and draft.draft is not None
    return Around(entered, left, tuple(turns), tuple(uses), has_draft)


def segments_of(deps: Dependencies, contact_id: int) -> list[tuple[str, dict[str, Any], datetime]]:
    """Return (key, document, since) of the segments that a contact is in."""
    with deps.database.read() as tx:
        return segment_reports.of_contact(tx, contact_id)
