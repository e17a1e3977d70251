"""A folder of campaign files, read in one go."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from nurture.campaigns.complaints import Source
from nurture.campaigns.documents import Document, sequence_document
from nurture.campaigns.parse import parse_funnel, parse_segments, parse_sequence
from nurture.campaigns.segment_shape import segment_document
from nurture.campaigns.yaml_text import load
from nurture.domain.funnel import Funnel
from nurture.domain.segments import Segment
from nurture.domain.sequence import Sequence
from nurture.errors import Invalid, NotFound, Problem

FUNNEL = "funnel"
SEGMENTS = "segments"
ENDING = ".yaml"
# The files that are no sequences.
_OURS = (FUNNEL, SEGMENTS)


@dataclass(frozen=True)
class Campaigns:
    """What a folder holds: domain values beside the documents that the engine stores as JSON.

    `documents` and `digests` (SHA-256, hex) are by key: `funnel`, and each sequence's own.
    `names` are the keys of all sequence files, also of those that could not be read.
    `segments` are those of segments.yaml, in its order.
    """

    funnel: Funnel
    sequences: Mapping[str, Sequence]
    documents: Mapping[str, Document]
    digests: Mapping[str, str]
    sources: Mapping[str, Source] = field(default_factory=lambda: MappingProxyType({}))
    names: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()

    def source(self, key: str) -> Source:
        """Return where the funnel or a sequence was written."""
        return self.sources.get(key) or Source(self.documents.get(key))

    @property
    def tags(self) -> frozenset[str] | None:
        """The tags in use, None when funnel.yaml does not list them."""
        tags = self.documents[FUNNEL].get("tags")
        return None if tags is None else frozenset(tags)

    @property
    def segment_documents(self) -> dict[str, Document]:
        """The documents of the segments, by key."""
        return {one.key: segment_document(one) for one in self.segments}


def digest(document: Document) -> str:
    """Return the SHA-256 (hex) of a document: equal for documents of equal meaning and order."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def campaigns_from(
    documents: Mapping[str, Document], segments: Iterable[Segment] = ()
) -> Campaigns:
    """Return the campaigns of stored documents: one under FUNNEL, and one for each sequence's key.

    Raises Invalid when one of them no longer fits the shapes of this version.
    """
    funnel = parse_funnel(documents[FUNNEL])
    sequences = {
        key: parse_sequence(document, funnel=funnel)
        for key, document in documents.items()
        if key != FUNNEL
    }
    found = _campaigns(funnel, sequences, dict(documents[FUNNEL]))
    return replace(found, segments=tuple(segments))


def _campaigns(
    funnel: Funnel,
    sequences: Mapping[str, Sequence],
    funnel_document: Document,
    sources: Mapping[str, Source] = MappingProxyType({}),
    names: tuple[str, ...] = (),
) -> Campaigns:
    documents = {FUNNEL: funnel_document} | {
        key: sequence_document(sequence) for key, sequence in sequences.items()
    }
    return Campaigns(
        funnel,
        MappingProxyType(dict(sequences)),
        MappingProxyType(documents),
        MappingProxyType({key: digest(document) for key, document in documents.items()}),
        MappingProxyType(dict(sources)),
        names or tuple(sequences),
    )


def read_campaigns(folder: Path) -> Campaigns:
    """Return the campaigns in `folder`: funnel.yaml, segments.yaml, and a file for each sequence.

    Raises NotFound when there is no such folder, and Invalid with every fault of every file
    in one go. Whether names exist and paths lead somewhere is for `check` to say.
    """
    campaigns, problems = read_what_can_be(folder)
    if campaigns is None or problems:
        raise Invalid.because(problems)
    return campaigns


def read_what_can_be(folder: Path) -> tuple[Campaigns | None, tuple[Problem, ...]]:
    """Return the campaigns as far as they can be read (None without a funnel), and the faults."""
    if not folder.is_dir():
        told = f"there is no folder {folder}"
        raise NotFound(told, remedy="Make it, or name another by NURTURE_CAMPAIGNS.")
    problems: list[Problem] = []
    sources: dict[str, Source] = {}
    paths = sorted(path for path in folder.iterdir() if path.suffix in (ENDING, ".yml"))
    for path in paths:
        if path.suffix != ENDING:
            told = "this file is not read"
            problems.append(Problem(told, f"Call it {path.stem}{ENDING}.", str(path)))
            continue
        source, found = _read(path)
        problems += found
        if source is not None:
            sources[path.stem] = source
    names = tuple(path.stem for path in paths if path.suffix == ENDING and path.stem not in _OURS)
    funnel: Funnel | None = None
    if FUNNEL in sources:
        source = sources[FUNNEL]
        try:
            funnel = parse_funnel(source.document, file=source.file, lines=source.lines)
        except Invalid as error:
            problems += error.problems
    elif not (folder / f"{FUNNEL}{ENDING}").exists():
        told = "the funnel is missing"
        problems.append(
            Problem(told, "Write its stages and rules here.", str(folder / "funnel.yaml"))
        )
    sequences = _sequences(sources, funnel, problems)
    segments = _segments(sources, problems)
    if funnel is None:
        return None, tuple(problems)
    campaigns = _campaigns(funnel, sequences, _plain(sources[FUNNEL]), sources, names)
    return replace(campaigns, segments=segments), tuple(problems)


def _read(path: Path) -> tuple[Source | None, tuple[Problem, ...]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        told = "the file is not UTF-8 text"
        return None, (Problem(told, "Save it again with the encoding UTF-8.", str(path), line),)
    except OSError as error:
        told = f"the file cannot be read ({error.strerror})"
        return None, (Problem(told, "Look at its permissions.", str(path)),)
    loaded = load(text, str(path))
    if loaded.document is None and loaded.problems:
        return None, loaded.problems
    return Source(loaded.document, str(path), loaded.lines), loaded.problems


def _sequences(
    sources: Mapping[str, Source], funnel: Funnel | None, problems: list[Problem]
) -> dict[str, Sequence]:
    sequences: dict[str, Sequence] = {}
    for stem, source in sources.items():
        if stem in _OURS:
            continue
        try:
            sequence = parse_sequence(
                source.document, file=source.file, lines=source.lines, funnel=funnel
            )
        except Invalid as error:
            problems += error.problems
            continue
        if sequence.key != stem:
            told = f"the key {sequence.key!r} is not the file's name"
            remedy = f"Write `key: {stem}`, or rename the file."
            problems.append(source.problem(told, remedy, ("key",)))
            continue
        sequences[stem] = sequence
    return sequences


def _segments(sources: Mapping[str, Source], problems: list[Problem]) -> tuple[Segment, ...]:
    source = sources.get(SEGMENTS)
    if source is None:
        return ()
    try:
        return parse_segments(source.document, file=source.file, lines=source.lines)
    except Invalid as error:
        problems += error.problems
        return ()


def _plain(source: Source) -> Document:
    document = source.document
    return dict(document) if isinstance(document, dict) else {}
