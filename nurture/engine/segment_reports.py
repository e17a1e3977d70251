"""Segments as people look at them: how many are in each, and who."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from nurture.campaigns.complaints import did_you_mean
from nurture.campaigns.yaml_writing import dump
from nurture.engine.dependencies import Dependencies
from nurture.errors import NotFound
from nurture.store import segment_reports
from nurture.store.segment_reports import Member


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


def segments_of(deps: Dependencies, contact_id: int) -> list[tuple[str, dict[str, Any], datetime]]:
    """Return (key, document, since) of the segments that a contact is in."""
    with deps.database.read() as tx:
        return segment_reports.of_contact(tx, contact_id)
