"""Drafts: a sequence as somebody is writing it, saved whatever state it is in, then published.

A draft is a document as campaign files hold it, and need not be right: what is half written is
kept and shown with its faults. Only publishing asks for all of it to be right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nurture.campaigns.documents import sequence_document
from nurture.campaigns.folder import FUNNEL, SEGMENTS
from nurture.campaigns.parse import parse_sequence
from nurture.engine.dependencies import Dependencies
from nurture.engine.draft_check import check_draft, funnel_of
from nurture.engine.publish import place_contacts, publish_sequence
from nurture.engine.trial_ends import DISCARDED, PUBLISHED, end_trials
from nurture.errors import Conflict, Invalid, NotFound, Problem
from nurture.store import drafts as store
from nurture.store import operations, published
from nurture.store.drafts import DraftRow
from nurture.store.segment_drafts import SegmentDraftRow


@dataclass(frozen=True, slots=True)
class Draft:
    """What is being edited: the saved draft, else the current version as it stands.

    `revision` is to be given back when saving. `number` is the current version's, 0 while
    nothing is published; `published` its document, empty then.
    """

    key: str
    document: Mapping[str, Any]
    revision: int
    saved: bool
    saved_at: datetime | None
    saved_by: str
    number: int
    published: Mapping[str, Any]


class DraftMoved(Conflict):
    """Somebody saved meanwhile; `theirs` is the draft as it is now, and nothing was overwritten."""

    def __init__(self, theirs: Draft) -> None:
        super().__init__(
            "this draft was saved by somebody else meanwhile", remedy="Compare, then save again."
        )
        self.theirs = theirs


def start(deps: Dependencies, document: Mapping[str, Any], by: str, now: datetime) -> Draft:
    """Make a new sequence that is only a draft; `document` names its key.

    Raises Invalid, by field, when the key cannot be used or is taken.
    """
    key = document.get("key")
    funnel = funnel_of(deps)
    problems = _key_problems(dict(document))
    if key in (FUNNEL, SEGMENTS):
        # A sequence of that name would be written over what else is in the campaigns.
        told = f"{key!r} cannot stand here"
        problems = (Problem(told, "Choose another key.", field="key"),)
    if not problems and isinstance(key, str):
        with deps.database.begin() as tx:
            if store.add_sequence(tx, key, dict(document), by, now):
                operations.note(tx, by, "new sequence", key, {"funnel": funnel.version}, now)
            else:
                told = f"there is a sequence {key!r} already"
                problems = (Problem(told, "Choose another key.", field="key"),)
    if problems:
        raise Invalid.because(problems)
    return load(deps, str(key))


def load(deps: Dependencies, key: str) -> Draft:
    """Return the draft of a sequence, begun from its current version. Raises NotFound."""
    with deps.database.read() as tx:
        row = store.draft_row(tx, key)
    if row is None:
        raise _unknown(key)
    return draft_of(row, row.number)


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
    kept = {**document, "key": key}
    with deps.database.begin() as tx:
        row = store.draft_row(tx, key)
        if row is None:
            raise _unknown(key)
        if not published.save_draft(tx, row.sequence_id, kept, revision, by, now):
            raise DraftMoved(draft_of(row, row.number))
    return load(deps, key)


def discard(deps: Dependencies, key: str, by: str, now: datetime) -> bool:
    """Throw the draft away; return whether the sequence is still there.

    A sequence that was never published is gone with its draft. The text goes into the audit
    line, so that a slip can be undone by hand.
    """
    end_trials(deps, key, DISCARDED, now)
    with deps.database.begin() as tx:
        row = store.draft_row(tx, key)
        if row is None:
            raise _unknown(key)
        if row.draft is not None:
            operations.note(tx, by, "discard draft", key, {"draft": dict(row.draft)}, now)
            published.save_draft(tx, row.sequence_id, None, row.revision, by, now)
        if row.version_id is None:
            store.drop_unpublished(tx, row.sequence_id)
    return row.version_id is not None


def publish_draft(
    deps: Dependencies, key: str, revision: int, by: str, now: datetime
) -> int | None:  # fmt: skip
    """Publish the draft as an immutable version; return its number, None when nothing changed.

    Contacts who are under way stay on their version. Raises Invalid with every fault by field,
    and DraftMoved when the draft is not the one that was looked at.
    """
    draft = load(deps, key)
    if draft.revision != revision:
        raise DraftMoved(draft)
    checked = check_draft(deps, draft.document)
    if checked.problems or checked.sequence is None:
        raise Invalid.because(checked.problems, of="Nothing was published")
    funnel = funnel_of(deps)
    # Written as a file is written, so that the same sequence is the same version by both doors.
    document = sequence_document(checked.sequence)
    sequence = parse_sequence(document, funnel=funnel)
    with deps.database.begin() as tx:
        row = store.draft_row(tx, key)
        if row is None:
            raise _unknown(key)
        if not published.save_draft(tx, row.sequence_id, None, revision, by, now):
            raise DraftMoved(draft_of(row, row.number))
        number = publish_sequence(tx, sequence, document, checked.emails, by, now)
        if number is not None:
            told = {"version": number, "track": sequence.track}
            operations.note(tx, by, "publish", key, told, now)
    end_trials(deps, key, PUBLISHED, now)
    if number is not None:
        place_contacts(deps, now)
    return number


def draft_of(row: DraftRow | SegmentDraftRow, number: int) -> Draft:
    """Return what is being edited, of a sequence or of a segment, as its row has it."""
    current = row.document or {}
    return Draft(
        key=row.key,
        document=current if row.draft is None else row.draft,
        revision=row.revision,
        saved=row.draft is not None,
        saved_at=row.saved_at,
        saved_by=row.saved_by,
        number=number,
        published=current,
    )


def _key_problems(document: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return what the one parser says about the key; everything else may wait."""
    try:
        parse_sequence(document)
    except Invalid as error:
        return tuple(problem for problem in error.problems if problem.field == "key")
    return ()


def _unknown(key: str) -> NotFound:
    return NotFound(f"there is no sequence {key!r}", remedy="`nurture sequence list` names them.")
