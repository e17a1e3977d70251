"""segments.yaml: what it says, what is wrong with it, and that it is written back the same."""

from pathlib import Path

import pytest

from nurture.campaigns.parse import parse_segments
from nurture.campaigns.segment_shape import segment_document, write_segments
from nurture.campaigns.yaml_text import load
from nurture.domain.conditions import Did
from nurture.domain.segments import in_order
from tests.campaigns.samples import campaigns_with, faults

REGULARS = """\
segments:
  - key: regulars
    name: {vi: Khách quen, en: Regulars}
    when: {did: visit, at_least: 3, within: 30d}
"""


def other(when: str, key: str = "other") -> str:
    return f"  - key: {key}\n    name: {{vi: Khác, en: Other}}\n    when: {when}\n"


def test_segments_are_read_beside_sequences_and_are_none(tmp_path: Path) -> None:
    found = campaigns_with(tmp_path, segments=REGULARS)
    assert [one.key for one in found.segments] == ["regulars"]
    assert "segments" not in found.sequences
    assert isinstance(found.segments[0].when, Did)


def test_a_segment_is_written_back_as_it_was_read() -> None:
    text = REGULARS + other("{all: [{segment: regulars}, {did: visit, at_most: 0, within: 1w}]}")
    segments = parse_segments(load(text, "").document)
    written = write_segments([segment_document(one) for one in segments])
    again = load(written, "").document
    assert parse_segments(again) == segments
    assert write_segments([segment_document(one) for one in parse_segments(again)]) == written


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            other("{segment: regluars}"),
            "segments.yaml:7: segments[1].when.segment: there is no segment 'regluars'. "
            "Did you mean `regulars`?",
        ),
        (
            other("{field: citty, is: x}"),
            "segments.yaml:7: segments[1].when.field: there is no field 'citty'. "
            "Declare it in funnel.yaml.",
        ),
        (
            other("{did: segment_left, where: {segment: nobody}}"),
            "segments.yaml:7: segments[1].when.where.segment: there is no segment 'nobody'. "
            "Write one of other, regulars.",
        ),
        (
            other("{not: {segment: third}}") + other("{segment: other}", "third"),
            "segments.yaml:7: segments[1].when: the segments other → third → other rest on each "
            "other. Write in one of them what the other asks for, instead of its name.",
        ),
        (
            other("{did: segment_entered}"),
            "segments.yaml:7: segments[1].when: the segments other → other rest on each other. "
            "Write in one of them what the other asks for, instead of its name.",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_its_remedy(
    tmp_path: Path, text: str, told: str
) -> None:
    assert faults(tmp_path, segments=REGULARS + text) == [told]


def test_a_sequence_that_asks_for_an_unknown_segment_is_refused(tmp_path: Path) -> None:
    text = """\
key: hello
name: {vi: Chào, en: Hello}
trigger: {event: segment_entered, where: {segment: regulers}}
steps:
  - key: hello
    email: hello
"""
    assert faults(tmp_path, segments=REGULARS, hello=text)[0] == (
        "hello.yaml:3: trigger.where.segment: there is no segment 'regulers'. "
        "Did you mean `regulars`?"
    )


def test_at_most_below_at_least_is_refused() -> None:
    text = REGULARS.replace("at_least: 3", "at_least: 3, at_most: 2")
    with pytest.raises(Exception, match="at least 3 and at most 2 times"):
        parse_segments(load(text, "").document)


def test_segments_are_ordered_by_what_they_rest_on() -> None:
    text = "segments:\n" + other("{segment: b}", "a") + other("{segment: c}", "b")
    text += other("{tag: x}", "c")
    done, circle = in_order(parse_segments(load(text, "").document))
    assert ([one.key for one in done], circle) == (["c", "b", "a"], ())
