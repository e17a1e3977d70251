"""Writing a segment in the admin: its draft, kept whatever state it is in, and publishing it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nurture.campaigns.checking import check_segment
from nurture.campaigns.folder import FUNNEL, campaigns_from
from nurture.campaigns.parse import parse_segment
from nurture.domain.segments import Segment
from nurture.engine.dependencies import Dependencies
from nurture.engine.draft_check import compile_wanted
from nurture.engine.drafts import Draft, DraftMoved, draft_of
from nurture.engine.segment_building import publish_segments, stored_segments
from nurture.engine.segment_uses import Use, uses_of
from nurture.errors import Invalid, NotFound, Problem, Refused
from nurture.store import operations, published
from nurture.store import segment_drafts as store
from nurture.store.segment_drafts import SegmentDraftRow


@dataclass(frozen=True, slots=True)
class SegmentChecked:
    """A segment's draft as it was read (None when it cannot be), and every fault by field."""

    segment: Segment | None
    problems: tuple[Problem, ...]


class InUse(Refused):
    """A segment that something asks for cannot go; `uses` is what does."""

    def __init__(self, key: str, uses: tuple[Use, ...]) -> None:
        told = ", ".join(one.told for one in uses)
        super().__init__(
            f"the segment {key!r} is asked for by {told}",
            remedy="Take it out of these first, and publish them.",
        )
        self.uses = uses


def start(deps: Dependencies, document: Mapping[str, Any], by: str, now: datetime) -> Draft:
    """Make a new segment that is only a draft; `document` names its key.

    Raises Invalid, by field, when the key cannot be used or is taken.
    """
    key = document.get("key")
    problems = _key_problems(document)
    if not problems and isinstance(key, str):
        with deps.database.begin() as tx:
            free = store.draft_row(tx, key) is None
            revision = store.revision_of(tx, key)
            if free and store.save_draft(tx, key, document, revision, by, now):
                operations.note(tx, by, "new segment", key, {}, now)
            else:
                told = f"there is a segment {key!r} already"
                problems = (Problem(told, "Choose another key.", field="key"),)
    if problems:
        raise Invalid.because(problems)
    return load(deps, str(key))


def load(deps: Dependencies, key: str) -> Draft:
    """Return the draft of a segment, begun from what is published. Raises NotFound.

    A segment has no versions: the draft's `number` is 1 once it is published, and 0 before.
    """
    with deps.database.read() as tx:
        return _draft(_row(store.draft_row(tx, key), key))


def save(
    deps: Dependencies,
    key: str,
    document: Mapping[str, Any],
    revision: int,
    by: str,
    now: datetime,
) -> Draft:  # fmt: skip
    """Save a draft over the one read with `revision`, whether it is right or not.

    Raises NotFound, and DraftMoved when somebody saved meanwhile.
    """
    with deps.database.begin() as tx:
        row = _row(store.draft_row(tx, key), key)
        if not store.save_draft(tx, key, {**document, "key": key}, revision, by, now):
            raise DraftMoved(_draft(row))
    return load(deps, key)


def discard(deps: Dependencies, key: str, by: str, now: datetime) -> bool:
    """Throw the draft away; return whether the segment is still there.

    The text goes into the audit line, so that a slip can be undone by hand.
    """
    with deps.database.begin() as tx:
        row = _row(store.draft_row(tx, key), key)
        if row.draft is not None:
            store.save_draft(tx, key, None, row.revision, by, now)
            data = {"draft": dict(row.draft)}
            operations.note(tx, by, "discard segment draft", key, data, now)
    return row.document is not None


def check(deps: Dependencies, document: Mapping[str, Any]) -> SegmentChecked:
    """Check a segment's document beside everything that is published.

    Raises NotFound before a funnel is published.
    """
    with deps.database.read() as tx:
        found = published.current_funnel(tx)
        documents = {one.key: dict(one.document) for one in published.current_versions(tx)}
        others = stored_segments(tx)
    if found is None:
        raise NotFound("no funnel is published yet", remedy="Run `nurture apply` first.")
    campaigns = campaigns_from({FUNNEL: found[1], **documents}, others)
    # Of the emails only the names matter, which cost a look into a folder.
    _, emails, _ = compile_wanted(deps.settings.templates, set(), frozenset())
    problems = check_segment(campaigns, dict(document), emails)
    try:
        return SegmentChecked(parse_segment(document), problems)
    except Invalid:
        return SegmentChecked(None, problems)


def publish_draft(deps: Dependencies, key: str, revision: int, by: str, now: datetime) -> bool:
    """Publish the draft; return whether anything changed.

    The workers then look at everybody once; nothing is told of whom the new definition brings in
    or out. Raises Invalid with every fault by field, and DraftMoved when the draft is not the one
    that was looked at.
    """
    draft = load(deps, key)
    if draft.revision != revision:
        raise DraftMoved(draft)
    checked = check(deps, draft.document)
    if checked.problems or checked.segment is None:
        raise Invalid.because(checked.problems, of="Nothing was published")
    with deps.database.begin() as tx:
        store.hold(tx)
        row = _row(store.draft_row(tx, key), key)
        if row.draft is None or not store.save_draft(tx, key, None, revision, by, now):
            raise DraftMoved(_draft(row))
        others = [one for one in stored_segments(tx) if one.key != key]
        changed = publish_segments(tx, [*others, checked.segment], by, now)
        if changed:
            data = {"document": dict(draft.document), "changed": list(changed)}
            operations.note(tx, by, "publish segment", key, data, now)
    return bool(changed)


def remove(deps: Dependencies, key: str, by: str, now: datetime) -> None:
    """Take a segment out of use, with its draft; nobody is told that they left it.

    Raises NotFound, and InUse while anything published asks for it.
    """
    with deps.database.begin() as tx:
        store.hold(tx)
        row = _row(store.draft_row(tx, key), key)
        uses = tuple(uses_of(tx, deps.definitions, [key])[key])
        if uses:
            raise InUse(key, uses)
        if row.draft is not None:
            store.save_draft(tx, key, None, row.revision, by, now)
        publish_segments(tx, [one for one in stored_segments(tx) if one.key != key], by, now)
        data = {"document": dict(row.document or {}), "draft": dict(row.draft or {})}
        operations.note(tx, by, "remove segment", key, data, now)


def _row(row: SegmentDraftRow | None, key: str) -> SegmentDraftRow:
    if row is None:
        told = f"there is no segment {key!r}"
        raise NotFound(told, remedy="`nurture segment list` names them.")
    return row


def _draft(row: SegmentDraftRow) -> Draft:
    return draft_of(row, int(row.document is not None))


def _key_problems(document: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return what the parser says about the key; everything else may wait."""
    try:
        parse_segment(dict(document))
    except Invalid as error:
        return tuple(one for one in error.problems if one.field == "key")
    return ()
