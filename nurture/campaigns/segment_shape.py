"""The shape of segments.yaml, and segments back to their documents."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import Field

from nurture.campaigns.condition_documents import condition_document, short
from nurture.campaigns.conditions import ConditionShape
from nurture.campaigns.shapes import Key, NamesShape, Shape
from nurture.campaigns.yaml_writing import dump
from nurture.domain.segments import Segment

Document = dict[str, Any]

SCHEMA_LINE = "# yaml-language-server: $schema=../docs/schema/segments.schema.json"


class SegmentShape(Shape):
    """A group of contacts, described by a condition: whoever it is true of is in."""

    key: Key
    """The segment's own name, as conditions write it: `segment: regulars`."""
    name: NamesShape
    """What people call it."""
    description: NamesShape | None = None
    """What it is for."""
    when: ConditionShape
    """Who is in it."""

    def build(self) -> Segment:
        """Return the segment."""
        told = {} if self.description is None else self.description.build()
        return Segment(
            self.key,
            self.when.build(),
            MappingProxyType(self.name.build()),
            MappingProxyType(told),
        )


class SegmentsShape(Shape):
    """All segments: they fill and empty by themselves as contacts change."""

    segments: list[SegmentShape] = Field(default_factory=list)
    """The segments."""

    def build(self) -> tuple[Segment, ...]:
        """Return the segments, in the order of the file."""
        return tuple(one.build() for one in self.segments)


def segment_document(segment: Segment) -> Document:
    """Return the document that is read as `segment`, as short as can be."""
    return short(
        {
            "key": segment.key,
            "name": {language: segment.names[language] for language in ("vi", "en")},
            "description": dict(segment.description),
            "when": condition_document(segment.when),
        }
    )


def write_segments(documents: Iterable[Mapping[str, Any]]) -> str:
    """Return the text of segments.yaml, the same bytes for the same segments."""
    whole = {"segments": [dict(one) for one in documents]}
    return f"{SCHEMA_LINE}\n{dump(whole, blocks=frozenset({'segments'}))}"
