"""Writing what is published back to campaign files."""

from pathlib import Path

from nurture.campaigns.documents import sequence_document, write_sequence
from nurture.campaigns.folder import ENDING, FUNNEL, SEGMENTS, Campaigns, read_what_can_be
from nurture.campaigns.parse import parse_funnel, parse_sequence
from nurture.campaigns.segment_shape import segment_document, write_segments
from nurture.campaigns.yaml_writing import dump
from nurture.engine.dependencies import Dependencies
from nurture.engine.segment_building import stored_segments
from nurture.errors import NotFound
from nurture.store import origins, published, segment_drafts

FUNNEL_SCHEMA = "# yaml-language-server: $schema=../docs/schema/funnel.schema.json"


def export_files(deps: Dependencies, folder: Path, *, write: bool = True) -> list[Path]:
    """Write every published sequence, and the funnel, whose file says something else.

    The same campaigns give the same bytes; a file that means the same is not touched, so that
    its comments stay. Returns what was (or would be) written. Raises NotFound before anything
    is published.
    """
    with deps.database.begin() as tx:
        funnel = origins.funnel_document(tx)
        if funnel is None:
            raise NotFound("nothing is published yet", remedy="run `nurture apply` first")
        current = published.current_versions(tx)
        there = _read(folder)
        written = []
        if there is None or there.documents[FUNNEL] != funnel:
            written.append(folder / f"{FUNNEL}{ENDING}")
            _put(written[-1], f"{FUNNEL_SCHEMA}\n{dump(funnel)}", write=write)
        rules = parse_funnel(funnel)
        for version in current:
            document = sequence_document(parse_sequence(version.document, funnel=rules))
            if there is None or there.documents.get(version.key) != document:
                written.append(folder / f"{version.key}{ENDING}")
                _put(written[-1], write_sequence(document), write=write)
            if write and folder == deps.settings.campaigns:
                origins.caught_up(tx, version.key)
        segments = {one.key: segment_document(one) for one in stored_segments(tx)}
        before = {} if there is None else there.segment_documents
        if segments != before:
            written.append(folder / f"{SEGMENTS}{ENDING}")
            # In the order of the file, so that a difference shows what changed and nothing else.
            order = [*(key for key in before if key in segments), *sorted(segments.keys() - before)]
            _put(written[-1], write_segments(segments[key] for key in order), write=write)
        if write and folder == deps.settings.campaigns:
            segment_drafts.caught_up(tx)
    return written


def _read(folder: Path) -> Campaigns | None:
    """Return the campaigns in `folder` as far as they can be read."""
    if not folder.is_dir():
        return None
    return read_what_can_be(folder)[0]


def _put(path: Path, text: str, *, write: bool) -> None:
    if not write:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside it first, then in its place: a full disk must not leave half a campaign.
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
