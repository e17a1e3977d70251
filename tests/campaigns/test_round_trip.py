"""What is written is what was meant, by every door."""

import json

from hypothesis import HealthCheck, given, settings

from nurture.campaigns import parse_sequence, sequence_document, write_sequence
from nurture.campaigns.yaml_text import load
from nurture.domain.sequence import Sequence
from tests.campaigns.strategies import sequences

UNHURRIED = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@UNHURRIED
@given(sequences())
def test_a_sequence_survives_its_document_its_json_and_its_yaml(sequence: Sequence) -> None:
    document = sequence_document(sequence)
    assert parse_sequence(document) == sequence

    stored = json.loads(json.dumps(document))
    assert stored == document
    assert parse_sequence(stored) == sequence

    text = write_sequence(document)
    loaded = load(text, "written.yaml")
    assert loaded.problems == ()
    assert loaded.document == document
    assert parse_sequence(loaded.document, file="written.yaml", lines=loaded.lines) == sequence


@UNHURRIED
@given(sequences())
def test_a_sequence_is_always_written_with_the_same_bytes(sequence: Sequence) -> None:
    text = write_sequence(sequence_document(sequence))
    again = parse_sequence(load(text, "written.yaml").document)
    assert write_sequence(sequence_document(again)) == text
    text.encode()
