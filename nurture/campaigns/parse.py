"""Documents to domain values: the same for a file just read and for one stored as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from nurture.campaigns.complaints import Lines, Source, complaints
from nurture.campaigns.funnel_shape import FunnelShape
from nurture.campaigns.segment_shape import SegmentShape, SegmentsShape
from nurture.campaigns.sequence_shape import SequenceShape
from nurture.campaigns.shapes import Shape
from nurture.campaigns.yaml_text import Place
from nurture.domain.funnel import Funnel
from nurture.domain.segments import Segment
from nurture.domain.sequence import Sequence
from nurture.errors import Invalid, Problem

_S = TypeVar("_S", bound=Shape)

# The lists whose items are told apart by a key of their own.
_KEYED: Mapping[type[Shape], tuple[tuple[Place, str], ...]] = {
    SequenceShape: ((("steps",), "key"),),
    FunnelShape: (
        (("stages",), "key"),
        (("engagement", "groups"), "key"),
        (("engagement", "rules"), "key"),
        (("fit", "rules"), "key"),
        (("fit", "grades"), "grade"),
        (("temperature",), "key"),
        (("fields",), "key"),
        (("topics",), "key"),
        (("personas",), "key"),
        (("endpoints",), "key"),
    ),
    SegmentsShape: ((("segments",), "key"),),
    SegmentShape: (),
}


def parse_sequence(
    document: object,
    *,
    file: str = "",
    lines: Lines | None = None,
    funnel: Funnel | None = None,
    version: int = 0,
) -> Sequence:
    """Return the sequence that `document` (plain values, as YAML or JSON gives them) describes.

    `funnel` lends its window where the document names none, its holidays, its account's time
    zone, its caps, its transactional topics and the hold-out of the track. Raises Invalid with
    every fault in one go, each at its file and line where `lines` (a place in the document to
    its line) is given.
    """
    source = Source(document, file, lines or {})
    return _shape(SequenceShape, source).build(funnel=funnel, version=version)


def parse_funnel(
    document: object, *, file: str = "", lines: Lines | None = None, version: int = 0
) -> Funnel:
    """Return the funnel that `document` describes. Raises Invalid as `parse_sequence` does."""
    return _shape(FunnelShape, Source(document, file, lines or {})).build(version)


def parse_segments(
    document: object, *, file: str = "", lines: Lines | None = None
) -> tuple[Segment, ...]:
    """Return the segments of segments.yaml. Raises Invalid as `parse_sequence` does."""
    return _shape(SegmentsShape, Source(document, file, lines or {})).build()


def parse_segment(document: object) -> Segment:
    """Return the one segment that `document` describes. Raises Invalid as `parse_sequence` does."""
    return _shape(SegmentShape, Source(document)).build()


def _shape(kind: type[_S], source: Source) -> _S:
    shapes: dict[int, type[Shape]] = {}
    problems: list[Problem] = [*_twice(kind, source), *_out_of_order(kind, source)]
    if source.document is None:
        raise Invalid.because([source.problem("the file is empty", "Write a campaign in it.")])
    try:
        found = kind.model_validate(source.document, context=shapes)
    except ValidationError as error:
        problems = [*complaints(error, source, shapes), *problems]
    if problems:
        ordered = sorted(problems, key=lambda one: one.line)
        raise Invalid.because(ordered, of="" if source.file else "this cannot be used")
    return found


def _items(source: Source, place: Place) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    items = source.at(place)
    for number, item in enumerate(items if isinstance(items, list | tuple) else ()):
        if isinstance(item, dict):
            yield (*place, number), item


def _twice(kind: type[Shape], source: Source) -> Iterator[Problem]:
    for list_place, word in _KEYED[kind]:
        seen: set[str] = set()
        for place, item in _items(source, list_place):
            key = item.get(word)
            if isinstance(key, str):
                if key in seen:
                    told = f"{word} `{key}` is used twice in {'.'.join(map(str, list_place))}"
                    yield source.problem(told, "Give each its own.", (*place, word))
                seen.add(key)


def _out_of_order(kind: type[Shape], source: Source) -> Iterator[Problem]:
    """Yield what is wrong with the two ladders of the funnel: grades and temperatures."""
    if kind is not FunnelShape:
        return
    for ladder, rung, name in (
        (("fit", "grades"), "at_least", "grade"),
        (("temperature",), "enter", "key"),
    ):
        items = list(_items(source, ladder))
        above: float | None = None
        for place, item in items[:-1]:
            points = item.get(rung)
            if isinstance(points, bool) or not isinstance(points, int | float):
                told = f"{item.get(name)} does not say at how many points it begins"
                yield source.problem(told, f"Add `{rung}: …`; only the last has none.", place)
                continue
            if above is not None and points >= above:
                told = f"{item.get(name)} begins at {points}, not below the one above it"
                yield source.problem(told, "Write the highest first.", (*place, rung))
            above = points
            leave = item.get("leave")
            if rung == "enter" and not (isinstance(leave, int | float) and leave < points):
                told = f"{item.get(name)} would flicker: it must be left below where it begins"
                yield source.problem(told, f"Add `leave:` with less than {points}.", place)
